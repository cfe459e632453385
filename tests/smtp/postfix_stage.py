"""A private Postfix for one test: its own queue and configuration, gone when it ends.

What it takes it relays to a sink of the suite, which keeps the messages.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from misbehaving_server import MisbehavingServer, Taken
from smtp.pool_stage import eventually

HOST = "127.0.0.1"

_ATTEMPTS = 5  # at a port that is free, which another run may take before us
_BEGINNING = 1  # the time of a file that Postfix need not wait for to cool down
_QUEUES = ("maildrop", "incoming", "active", "deferred", "corrupt", "hold")

# Ends as well when the tests are killed: then the pipe to it closes.
_KEEPER = 'postfix -c "$1" start-fg & read -r _; postfix -c "$1" abort; wait'

_SINK = "250-sink\n250-PIPELINING\n250-8BITMIME\n250-SMTPUTF8\n250 SIZE 0"

# Nothing of the machine, no look-ups, and not a byte of a message changed.
_SETTINGS = {
    "compatibility_level": "3.6",
    "maillog_file": "{directory}/log",
    "maillog_file_prefixes": "{directory}",
    "queue_directory": "{directory}/queue",
    "data_directory": "{directory}/data",
    "inet_interfaces": HOST,
    "inet_protocols": "ipv4",
    "myhostname": "postfix.example.net",
    "mydestination": "",
    "mynetworks": "127.0.0.0/8",
    "alias_maps": "",
    "local_recipient_maps": "",
    "disable_dns_lookups": "yes",
    "smtpd_peername_lookup": "no",
    "in_flow_delay": "0s",
    "notify_classes": "",
    "local_header_rewrite_clients": "",
    "message_drop_headers": "",
    "smtp_line_length_limit": "0",
    "message_size_limit": "50000000",
    "smtpd_error_sleep_time": "0s",
    "smtpd_client_event_limit_exceptions": "",
    "smtpd_tls_loglevel": "0",
}

_SERVICES = """\
{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

_TRACE = re.compile(rb"Received: [^\r\n]+\r\n(?:\t[^\r\n]+\r\n)+")


def missing() -> str:
    """Why there can be no Postfix here, or ""."""
    if shutil.which("postfix", path=_path()) is None:
        return "no postfix"
    if os.geteuid() != 0:
        return "postfix starts for root alone"
    return ""


def _path() -> str:
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))


class Postfix:
    """Takes mail at `port` while it is started, with settings beside those of the stage.

    A setting may name a file of `files` as {directory}/name.
    """

    def __init__(
        self, directory: Path, sink: MisbehavingServer, files: Mapping[str, str] = {}
    ) -> None:
        self.directory = directory
        self.sink = sink
        self.port = 0
        self._keeper: subprocess.Popen[bytes] | None = None
        directory.chmod(0o755)  # Postfix comes here as a user of its own
        for name in ("etc", "queue", "data"):
            (directory / name).mkdir()
        shutil.chown(directory / "data", "postfix")
        for name, text in files.items():
            (directory / name).write_text(text)

    def configure(self, **settings: object) -> None:
        """For the next start."""
        values = _SETTINGS | {"relayhost": f"[{HOST}]:{self.sink.port}"} | settings
        text = "".join(f"{name} = {value}\n" for name, value in values.items())
        self._write("main.cf", text.replace("{directory}", str(self.directory)))

    def _write(self, name: str, text: str) -> None:
        path = self.directory / "etc" / name
        path.write_text(text)
        os.utime(path, (_BEGINNING, _BEGINNING))

    # --- Starting and stopping --------------------------------------------------------

    def start(self) -> None:
        """Give it a port that is free, the one it had before if it had one."""
        for attempt in itertools.count(1):
            self.port = self.port or _free_port()
            services = _SERVICES.format(port=f"{HOST}:{self.port}")
            self._write("master.cf", services)
            if self._started():
                return
            self.stop()
            if attempt == _ATTEMPTS:
                raise RuntimeError(f"Postfix does not start:\n{self.log}")
            self.port = 0

    def _started(self) -> bool:
        log = self.directory / "log"
        log.write_text("")
        log.chmod(0o666)  # whoever finds something to tell is not always root
        command = ["/bin/sh", "-c", _KEEPER, "sh", str(self.directory / "etc")]
        with (self.directory / "output").open("wb") as output:
            self._keeper = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={"PATH": _path()},
                start_new_session=True,
            )
        started = re.compile(r"daemon started|fatal:")
        eventually(lambda: started.search(self.log) or self._keeper.poll() is not None)
        return "daemon started" in self.log and "fatal:" not in self.log

    def stop(self) -> None:
        """End it at once, as a crash does; nothing of it is left then."""
        if self._keeper is None:
            return
        master = self.directory / "queue" / "pid" / "master.pid"
        group = int(master.read_text()) if master.exists() else 0
        self._keeper.communicate(b"\n", timeout=20)
        self._keeper = None
        if group:
            with contextlib.suppress(ProcessLookupError):  # all are slow to hear of it
                os.killpg(group, signal.SIGKILL)

    # --- What it did ------------------------------------------------------------------

    @property
    def log(self) -> str:
        texts = (self.directory / name for name in ("log", "output"))
        return "".join(path.read_text() for path in texts if path.exists())

    def delivered(self) -> list[Taken]:
        """What the sink has, once nothing is left on the way to it."""
        eventually(lambda: not any(map(self._waiting, _QUEUES)))
        return self.sink.taken

    def _waiting(self, queue: str) -> bool:
        """Whether it holds a message that was taken; one that was not cannot be run."""
        try:
            return any(
                file.is_file() and file.stat().st_mode & stat.S_IXUSR
                for file in (self.directory / "queue" / queue).rglob("*")
            )
        except FileNotFoundError:  # it has just left
            return True


@contextlib.contextmanager
def running(files: Mapping[str, str] = {}, **settings: object) -> Iterator[Postfix]:
    """A Postfix of one's own, with a sink behind it."""
    with MisbehavingServer(ehlo=_SINK) as sink:
        directory = Path(tempfile.mkdtemp(prefix="mailplus-postfix-"))
        postfix = Postfix(directory, sink, files)
        postfix.configure(**settings)
        try:
            postfix.start()
            yield postfix
        finally:
            postfix.stop()
            eventually(lambda: _removed(directory))


def content(taken: Taken) -> bytes:
    """A message without what Postfix put in front of it."""
    trace = _TRACE.match(taken.content)
    assert trace is not None, taken.content[:200]
    return taken.content[trace.end() :]


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as free:
        return int(free.getsockname()[1])


def _removed(directory: Path) -> bool:
    """Whether nobody wrote into it meanwhile."""
    with contextlib.suppress(OSError):
        shutil.rmtree(directory)
    return not directory.exists()


Start = Callable[..., Postfix]
