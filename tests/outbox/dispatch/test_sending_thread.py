"""The thread that sends, in processes of its own: it starts, rests, forks and ends."""

from __future__ import annotations

import os

import pytest
from django.db import connection

# Workers on MariaDB may meet a deadlock; they log it, and try again.
QUIET = connection.vendor != "mysql"
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def arrived(server):
    return sorted(
        address.partition("@")[0]
        for taken in server.taken
        for address in taken.recipients
    )


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_script_ends_when_its_mails_were_sent(project, mail_server, concurrency):
    project.configure(mail_server.port, smtp={"concurrency": concurrency})
    out = project.run(
        """
        send(*[f"bob{n}" for n in range(20)])
        print(len(threads()), threads()[0].daemon)
        """
    )
    assert out.split() == ["1", "True"]
    assert len(arrived(mail_server)) == 20
    assert "sent" in project.run("print(*set(states()))")


def test_a_command_ends_though_the_server_is_down(project, mail_server):
    mail_server.replies["banner"] = "554 5.3.2 closed"
    project.configure(mail_server.port)
    project.run("send('bob')", quiet=False)
    out = project.run(
        "print(*states(), *OutboxMessage.objects.values_list('attempts', flat=True))"
    )
    assert out.split() == ["queued", "0"]


def test_what_takes_too_long_at_exit_stays_queued_and_is_told(project, mail_server):
    mail_server.replies["content"] = "say nothing and wait"
    project.configure(mail_server.port, smtp={"timeout": 30})
    process = project.start(
        "-c",
        _prelude()
        + "sending_thread.TO_BE_TRIED = 0.5\n"
        + "sending_thread.IN_FLIGHT = 0.5\n"
        + "send('bob')\n",
    )
    _, errors = process.communicate(timeout=60)
    assert "the rest waits in the outbox" in errors
    assert process.returncode == 0
    assert project.run("print(*states())").split() == ["sending"]


def test_nothing_is_sent_before_the_commit_or_after_a_rollback(project, mail_server):
    project.configure(mail_server.port)
    project.run(
        """
        with transaction.atomic():
            send("bob")
            with transaction.atomic():
                send("carol")
                transaction.set_rollback(True)
            time.sleep(0.2)
            assert not threads()
        until(lambda: states() == ["sent"])
        with transaction.atomic():
            send("dora")
            transaction.set_rollback(True)
        """
    )
    assert arrived(mail_server) == ["bob"]


def test_a_rolled_back_savepoint_takes_no_other_hint_with_it(project, mail_server):
    project.configure(mail_server.port)
    project.run(
        """
        with transaction.atomic():
            with transaction.atomic():
                send("carol")
                transaction.set_rollback(True)
            send("bob")
        until(lambda: states() == ["sent"])
        """
    )
    assert arrived(mail_server) == ["bob"]


def test_a_quiet_process_holds_neither_thread_nor_connection(project, mail_server):
    project.configure(mail_server.port)
    project.run(
        """
        sending_thread.QUIET = 0.2
        for name in ("bob", "carol"):
            send(name)
            assert threads()
            until(lambda: not threads())
            assert mailers["smtp"].pool.stats.idle == 0
            assert mailers["smtp"].pool.stats.in_use == 0
        """
    )
    assert arrived(mail_server) == ["bob", "carol"]
    assert sum(command.startswith("quit") for command in lower(mail_server)) == 2


def lower(server):
    return [command.lower() for command in server.commands]


def test_what_is_due_later_is_sent_by_a_process_that_went_quiet(project, mail_server):
    project.configure(mail_server.port)
    project.run(
        """
        from datetime import timedelta
        from django.utils import timezone
        sending_thread.QUIET = 0.1
        message = EmailMessage("Hi", "Hi", "ann@example.com", ["bob@example.com"])
        message.outbox = {"send_at": timezone.now() + timedelta(seconds=2)}
        mailers["default"].send_messages([message])
        [thread] = threads()
        until(lambda: states() == ["sent"])
        until(lambda: not threads())
        """
    )
    assert arrived(mail_server) == ["bob"]


def test_a_mail_that_was_refused_for_now_is_retried(project, mail_server):
    mail_server.replies["rcpt"] = "451 4.2.0 later"
    project.configure(mail_server.port)
    project.run(
        """
        from django_mailplus.outbox.clock import DatabaseNow
        sending_thread.QUIET = 0.1
        sending_thread.LONGEST_SLEEP = 0.3
        send("bob")
        until(lambda: OutboxMessage.objects.filter(attempts=1, state="queued"))
        time.sleep(0.5)
        assert threads()
        OutboxMessage.objects.update(due_at=DatabaseNow())  # by a human, in no hurry
        until(lambda: OutboxMessage.objects.filter(attempts=2, state="queued"))
        OutboxMessage.objects.all().delete()
        until(lambda: not threads())
        """,
        quiet=False,
    )


@needs_fork
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_forked_process_has_a_thread_of_its_own(project, mail_server, when):
    project.configure(mail_server.port)
    project.run(
        f"""
        if {when!r} == "after":
            send("parent")
            until(lambda: states() == ["sent"])
        connections.close_all()
        children = []
        for n in range(4):
            if not (child := os.fork()):
                assert not threads()
                send(f"child{{n}}")
                assert len(threads()) == 1
                sys.exit(0)
            children.append(child)
        for child in children:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        send("later")
        until(lambda: set(states()) == {{"sent"}})
        """,
        quiet=QUIET,
    )
    expected = [f"child{n}" for n in range(4)] + ["later"]
    assert arrived(mail_server) == expected + ["parent"] * (when == "after")


@needs_fork
def test_a_fork_amid_the_sending_neither_hangs_nor_sends_twice(project, mail_server):
    project.configure(mail_server.port, smtp={"concurrency": 2})
    project.run(
        """
        stop = threading.Event()
        forking = threading.Lock()  # SQLite forbids it amid the project's transactions
        def go_on(n):
            k = 0
            while not stop.is_set():
                with forking:
                    send(f"p{n}x{k}")
                    connections.close_all()
                time.sleep(0.02)
                k += 1
        senders = [threading.Thread(target=go_on, args=(n,)) for n in range(2)]
        for sender in senders:
            sender.start()
        until(lambda: states().count("sent") > 2)
        connections.close_all()
        for n in range(8):
            with forking:
                child = os.fork()
            if not child:
                signal.alarm(30)
                sending_thread.TO_BE_TRIED = 0.2
                name = f"c{n}"
                send(name)
                until(lambda: OutboxMessage.objects.filter(subject=name, state="sent"))
                sending_thread.finish()
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        stop.set()
        for sender in senders:
            sender.join()
        until(lambda: set(states()) == {"sent"})
        """,
        quiet=False,
    )
    names = arrived(mail_server)
    assert len(names) == len(set(names))
    assert {f"c{n}" for n in range(8)} <= set(names)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_child_of_multiprocessing_sends_before_it_ends(project, mail_server, method):
    project.configure(mail_server.port)
    (project.folder / "child_of_stage.py").write_text(
        "def work(name):\n"
        "    import django\n"
        "    django.setup()\n"
        "    from django.core.mail import EmailMessage\n"
        "    from django_mailplus.mail import mailers\n"
        "    mailers['default'].send_messages(\n"
        "        [EmailMessage('Hi', 'Hi', 'a@example.com', [name + '@example.com'])]\n"
        "    )\n"
    )
    project.run(
        f"""
        import multiprocessing
        import child_of_stage
        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            children = [
                context.Process(target=child_of_stage.work, args=(n,)) for n in ("x", "y")
            ]
            for child in children:
                child.start()
            for child in children:
                child.join()
                assert child.exitcode == 0
        """,
        quiet=QUIET,
    )
    assert arrived(mail_server) == ["x", "y"]


def test_a_handler_at_exit_may_send_as_well(project, mail_server):
    project.configure(mail_server.port)
    project.run(
        """
        import atexit
        atexit.register(send, "late")  # runs after ours, which is registered later
        send("early")
        """
    )
    assert arrived(mail_server) == ["early", "late"]


def test_many_mailers_have_a_thread_each(project, mail_server):
    more = """
for _n in range(3):
    MAILERS[f"smtp{_n}"] = MAILERS["smtp"]
    MAILERS[f"out{_n}"] = {
        "BACKEND": "django_mailplus.backends.outbox.EmailBackend",
        "OPTIONS": {"using": f"smtp{_n}"},
    }
"""
    project.configure(mail_server.port, more=more)
    project.run(
        """
        for n in range(3):
            mailers[f"out{n}"].send_messages(
                [EmailMessage("Hi", "Hi", "a@b.org", [f"bob{n}@example.com"])]
            )
        assert len(threads()) == 3
        """
    )
    assert arrived(mail_server) == ["bob0", "bob1", "bob2"]


def test_a_mailer_that_cannot_be_built_does_not_end_the_thread(project, mail_server):
    project.configure(mail_server.port)
    out = project.run(
        """
        import logging
        logging.getLogger("django_mailplus").disabled = True
        from django.conf import settings
        logging.disable()
        good = settings.MAILERS["smtp"]["OPTIONS"].pop("port")
        settings.MAILERS["smtp"]["OPTIONS"]["prot"] = good
        sending_thread.LONGEST_SLEEP = 0.2
        send("bob")
        time.sleep(0.5)
        assert threads()
        settings.MAILERS["smtp"]["OPTIONS"]["port"] = good
        del settings.MAILERS["smtp"]["OPTIONS"]["prot"]
        until(lambda: states() == ["sent"])
        """
    )
    assert out == ""
    assert arrived(mail_server) == ["bob"]


@needs_fork
def test_prefork_servers_finish_at_sigterm(project, mail_server):
    """As gunicorn does it: fork, work, and `sys.exit` from the handler of the signal."""
    project.configure(mail_server.port)
    project.run(
        """
        def serve():
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            send("bob")
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        if not (child := os.fork()):
            serve()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        """
    )
    assert arrived(mail_server) == ["bob"]


def test_gunicorn_sends_the_mail_of_its_last_request(project, mail_server):
    pytest.importorskip("gunicorn", reason="no gunicorn")
    import contextlib
    import socket
    import time
    import urllib.request

    project.configure(
        mail_server.port,
        more="ROOT_URLCONF = 'site_of_stage'\nALLOWED_HOSTS = ['127.0.0.1']",
    )
    (project.folder / "site_of_stage.py").write_text(
        "from django.core.mail import EmailMessage\n"
        "from django.core.wsgi import get_wsgi_application\n"
        "from django.http import HttpResponse\n"
        "from django.urls import path\n"
        "from django_mailplus.mail import mailers\n"
        "def send(request, name):\n"
        "    mailers['default'].send_messages(\n"
        "        [EmailMessage('Hi', 'Hi', 'a@b.org', [name + '@example.com'])]\n"
        "    )\n"
        "    return HttpResponse('ok')\n"
        "urlpatterns = [path('<str:name>/', send)]\n"
        "application = get_wsgi_application()\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = project.start(
        "-m", "gunicorn", "-w2", f"-b127.0.0.1:{port}", "site_of_stage:application",
        flags=(),
    )  # fmt: skip
    try:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                url = f"http://127.0.0.1:{port}/bob/"
                assert urllib.request.urlopen(url).read() == b"ok"
                break
            time.sleep(0.05)
        process.terminate()
        _, errors = process.communicate(timeout=40)
        assert process.returncode == 0, errors
    finally:
        process.kill()
        process.wait()
    assert arrived(mail_server) == ["bob"], errors


def _prelude():
    from outbox.project_stage import PRELUDE

    return PRELUDE
