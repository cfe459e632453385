"""Which mails there are to look at, and what becomes of those that cannot be shown."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import transaction

from django_mailplus.exceptions import SendingBlockedError
from django_mailplus.previews.finding import find_preview, find_previews
from django_mailplus.previews.languages import languages

pytestmark = pytest.mark.django_db

HELLO = '''
from django_mailplus.templated import Mail

class Hello(Mail):
    """Says hello.

    To everybody.
    """
    template = "hello"
    name: str
    number: int = 7
    anything: object = None

    @classmethod
    def previews(cls):
        return {"Ann": cls(name="Ann"), "with more": cls(to="bob@example.com", name="Bob", number=8)}
'''


def test_a_class_with_its_cases(found):
    [preview] = found(HELLO).values()
    assert preview.slug == "shop_app.Hello"
    assert preview.description == "Says hello.\n\nTo everybody."
    assert [(case.name, case.slug) for case in preview.cases] == [
        ("Ann", "ann"),
        ("with more", "with-more"),
    ]
    shown = preview.case("with-more").show()
    assert shown.message.subject == "Hello Bob"
    assert shown.message.to == ["bob@example.com"]
    assert b"bob@example.com" in shown.raw
    assert preview.case("nothing") is None


def test_fields_with_simple_values_can_be_changed(found):
    case = found(HELLO)["shop_app.Hello"].case("ann")
    assert [(each.name, each.type, each.initial) for each in case.parameters] == [
        ("name", str, "Ann"),
        ("number", int, 7),
    ]
    shown = case.show(values={"name": "Zoë", "number": 9})
    assert shown.message.subject == "Hello Zoë"
    assert "Hello Zoë, 9" in shown.message.body
    assert case.show().message.subject == "Hello Ann"


def test_a_function_that_makes_a_message(found):
    previews = found(
        previews='''
        import datetime
        from django.core.mail import EmailMessage
        from django_mailplus.previews import preview

        @preview
        def reminder(days: int = 3, when: datetime.date = datetime.date(2030, 1, 2), who=None):
            """Reminds."""
            return EmailMessage(f"In {days} days", str(when), to=["ann@example.com"])
        '''
    )
    [case] = previews["shop_app.reminder"].cases
    assert case.slug == "sample"
    assert [each.name for each in case.parameters] == ["days", "when"]
    assert case.show(values={"days": 5}).message.subject == "In 5 days"


def test_brackets_change_nothing(found):
    previews = found(
        previews="""
        from django.core.mail import EmailMessage
        from django_mailplus.previews import preview

        @preview()
        def bare():
            return EmailMessage("S")

        @preview(when=lambda: True)
        def wanted():
            return EmailMessage("S")

        @preview(when=lambda: False)
        def unwanted():
            return EmailMessage("S")
        """
    )
    assert list(previews) == ["shop_app.bare", "shop_app.wanted"]
    assert previews["shop_app.bare"].cases[0].show().message.subject == "S"


def test_what_fails_to_say_whether_it_is_wanted_hides_no_others(found):
    previews = found(
        HELLO,
        """
        from django.contrib.auth.models import User
        from django_mailplus.previews import preview

        def fails():
            User.objects.create_user("left behind")
            raise LookupError("the cause")

        @preview(when=fails)
        def doubtful(): ...
        """,
    )
    assert list(previews) == ["shop_app.Hello", "shop_app.doubtful"]
    assert previews["shop_app.doubtful"].problem.line == "LookupError: the cause"
    assert not get_user_model().objects.exists()


def test_a_mail_of_two_bases_is_there_once(found):
    two_bases = """
class Polite(Hello):
    pass

class Short(Hello):
    pass

class Both(Polite, Short):
    pass
"""
    found(HELLO + two_bases)
    slugs = [each.slug for each in find_previews() if each.app == "shop_app"]
    names = ["Both", "Hello", "Polite", "Short"]
    assert slugs == [f"shop_app.{name}" for name in names]


def test_mails_of_one_name_are_told_apart(found):
    previews = found(
        HELLO,
        """
        from django.core.mail import EmailMessage
        from django_mailplus.previews import preview

        @preview
        def Hello():
            return EmailMessage("Another one")

        @preview
        def bye():
            return EmailMessage("Bye")
        """,
    )
    names = ["bye", "mails.Hello", "previews.Hello"]
    assert list(previews) == [f"shop_app.{name}" for name in names]
    subjects = [find_preview(slug).cases[0].show().message.subject for slug in previews]
    assert subjects == ["Bye", "Hello Ann", "Another one"]


def test_who_asks_for_one_mail_runs_no_other(found):
    found(
        HELLO.replace("return {", "ran.append(cls.__name__); return {")
        + "ran = []\n\nclass Other(Hello): ...\n",
        """
        from django_mailplus.previews import preview
        from shop_app.mails import ran

        @preview(when=lambda: ran.append("when"))
        def doubtful(): ...
        """,
    )
    from shop_app.mails import ran

    assert ran == ["Hello", "Other", "when"]
    ran.clear()
    assert find_preview("shop_app.Hello").cases
    assert ran == ["Hello"]


@pytest.mark.parametrize(
    "mistake", ["@preview\nclass Bye(Mail): ...", "preview('Bye')", "preview(3)()"]
)
def test_what_is_no_function_is_told_what_to_do(found, mistake):
    previews = found(
        "from django_mailplus.previews import preview\n"
        f"from django_mailplus.templated import Mail\n{mistake}\n"
    )
    [line] = [each.problem.line for each in previews.values()]
    assert line.startswith(
        "TypeError: @preview stands above a function, and not above "
    )
    assert "it has previews()" in line


def test_what_cannot_be_shown_says_why(found):
    previews = found(
        HELLO.replace('template = "hello"', 'template = "nowhere"'),
        """
        from django_mailplus.previews import preview

        @preview
        def obligatory(number: int): ...

        @preview
        def nothing(): ...

        @preview
        def broken():
            raise ValueError("the cause")
        """,
    )
    assert "'number' without a default" in previews["shop_app.obligatory"].problem.line
    show = {slug: each.cases[0].show() for slug, each in previews.items() if each.cases}
    assert "a NoneType where a message belongs" in show["shop_app.nothing"].problem.line
    assert show["shop_app.broken"].problem.line == "ValueError: the cause"
    assert "no mail template 'nowhere'" in show["shop_app.Hello"].problem.line
    assert "previews.py" in show["shop_app.broken"].problem.traceback


def test_a_module_or_samples_that_cannot_be_read_hide_no_others(found):
    previews = found(HELLO.replace('cls(name="Ann")', "cls()"), "import no.such.module")
    assert "No module named 'no'" in previews["shop_app.previews.py"].problem.line
    assert "name" in previews["shop_app.Hello"].problem.line
    assert previews["shop_app.Hello"].cases == ()


def test_a_base_class_without_a_template_is_no_mail(found):
    previews = found(
        """
        from django_mailplus.templated import Mail

        class ShopMail(Mail):
            using = "news"

        class Bye(ShopMail):
            template = "hello"
        """
    )
    assert list(previews) == ["shop_app.Bye"]


def test_our_own_mails_are_there():
    previews = {each.slug: each for each in find_previews()}
    ours = [each for slug, each in previews.items() if slug.startswith("mailplus.")]
    assert len(ours) == 7
    for preview in ours:
        for case in preview.cases:
            assert case.show().problem is None, preview.slug


@pytest.mark.parametrize(
    ("previews", "said"),
    [
        ("def previews(self): return {}", "is no class method. Write @classmethod"),
        ("@classmethod\n    def previews(cls): return [cls()]", "Return a dict"),
        ("@classmethod\n    def previews(cls): return cls()", "Return a dict"),
        ("@classmethod\n    def previews(cls): return {'one': 'x'}", "Return a dict"),
    ],
)
def test_samples_of_another_shape_are_told_theirs(found, previews, said):
    kind = f"class Bye(Mail):\n    template = 'hello'\n    {previews}\n"
    preview = found(f"from django_mailplus.templated import Mail\n{kind}")[
        "shop_app.Bye"
    ]
    assert said in preview.problem.line


def test_samples_may_come_from_a_static_method(found):
    preview = found(
        """
        from django_mailplus.templated import Mail

        class Bye(Mail):
            template = "hello"

            @staticmethod
            def previews():
                return {"one": Bye(to="ann@example.com")}
        """
    )["shop_app.Bye"]
    assert [case.name for case in preview.cases] == ["one"]


def test_mails_about_pages_that_a_project_has_not_are_left_out(settings):
    settings.ROOT_URLCONF = ()
    ours = [each.slug for each in find_previews() if each.app == "mailplus"]
    assert ours == ["mailplus.password_reset"]


# What runs in a preview stays in it

WRITING = """
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import transaction
from django_mailplus.previews import preview

@preview
def writes():
    user = User.objects.create_user("sample", "sample@example.com")
    transaction.on_commit(lambda: EmailMessage("later", "", to=["x@example.com"]).send())
    return EmailMessage(f"For {user}", "", to=[user.email])
"""


@pytest.mark.django_db(transaction=True)
def test_what_it_writes_is_undone_and_its_commit_never_comes(found):
    case = found(previews=WRITING)["shop_app.writes"].cases[0]
    for _ in range(2):
        assert case.show().message.subject == "For sample"
    assert not get_user_model().objects.exists()
    assert mail.outbox == []


def test_inside_of_a_transaction_the_rest_of_it_stays(found):
    case = found(previews=WRITING)["shop_app.writes"].cases[0]
    with transaction.atomic():
        get_user_model().objects.create_user("other")
        assert case.show().problem is None
    assert [user.username for user in get_user_model().objects.all()] == ["other"]


SENDING = """
from django_mailplus import mail
from django_mailplus.previews import preview

@preview
def sends():
    message = mail.EmailMessage("Now", "", "a@example.com", ["x@example.com"])
    message.send()
    return message
"""


@pytest.mark.parametrize(
    "backend",
    [
        "django_mailplus.backends.smtp.EmailBackend",
        "django.core.mail.backends.smtp.EmailBackend",
    ],
)
def test_nothing_is_sent(found, with_mailers, server, backend):
    options = {"host": "127.0.0.1", "port": server.port}
    with_mailers({"default": {"BACKEND": backend, "OPTIONS": options}})
    case = found(previews=SENDING)["shop_app.sends"].cases[0]
    shown = case.show()
    assert shown.problem.line.startswith(SendingBlockedError.__name__)
    assert "return the message instead of calling" in shown.problem.line
    assert server.messages == []
    # And afterwards it works as before.
    from django_mailplus.mail import EmailMessage

    assert EmailMessage("S", "", "a@example.com", ["x@example.com"]).send() == 1


def test_a_pooled_connection_is_no_way_around(found, with_mailers, server):
    from django_mailplus.mail import EmailMessage

    options = {"host": "127.0.0.1", "port": server.port}
    ours = "django_mailplus.backends.smtp.EmailBackend"
    with_mailers({"default": {"BACKEND": ours, "OPTIONS": options}})
    assert EmailMessage("S", "", "a@example.com", ["x@example.com"]).send() == 1
    case = found(previews=SENDING)["shop_app.sends"].cases[0]
    assert SendingBlockedError.__name__ in case.show().problem.line
    assert len(server.messages) == 1


# Languages


def test_the_languages_of_a_project(settings):
    settings.LANGUAGE_CODE = "de"
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    assert languages() == ["de", "en"]
    settings.USE_I18N = False
    assert languages() == ["de"]


def test_a_project_that_lists_none_has_one(settings):
    settings.LANGUAGE_CODE = "fr"
    assert languages() == ["fr"]


def test_each_language_is_that_of_the_mail(found):
    preview = next(each for each in find_previews() if each.name == "password_reset")
    subjects = [preview.cases[0].show(code).message.subject for code in ("en", "de")]
    assert subjects == [
        "A new password for shop.example.com",
        "Ein neues Passwort für shop.example.com",
    ]
