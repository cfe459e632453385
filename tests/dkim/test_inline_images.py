"""A mail whose pictures stand beside its HTML arrives with signatures that hold."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from dkim_checks import holds
from message.parts import PNG
from outbox.mailing import drain, states

from django_mailplus.compat import get_mailer
from django_mailplus.dkim.keys import new_key
from django_mailplus.mailserver.server import MailServer
from django_mailplus.message.related import RelatedEmail, new_inline_part

pytestmark = pytest.mark.django_db

KINDS = ("rsa-sha256", "ed25519-sha256")


@pytest.fixture
def arrived():
    """What came to aiosmtpd."""
    return []


@pytest.fixture
def keys(with_mailers, arrived):
    """Of the mailer "signed", which signs with both; "outbox" stands before it."""
    pytest.importorskip("aiosmtpd", reason="no aiosmtpd")
    made = [new_key(domain="example.com", selector=k[:3], algorithm=k) for k in KINDS]
    entries = [
        {"domain": "example.com", "selector": kind[:3], "key": pem(None).decode()}
        for kind, (_, pem) in zip(KINDS, made, strict=True)
    ]
    with MailServer(on_message=arrived.append) as server:
        options = {
            "outbox": {"using": "signed", "dispatch": "worker"},
            "dkim": {"using": "smtp", "keys": entries},
            "smtp": {"host": server.host, "port": server.port},
        }
        path = "django_mailplus.backends.{}.EmailBackend".format
        with_mailers(
            {
                "default": {"BACKEND": path("outbox"), "OPTIONS": options["outbox"]},
                "signed": {"BACKEND": path("dkim"), "OPTIONS": options["dkim"]},
                "smtp": {"BACKEND": path("smtp"), "OPTIONS": options["smtp"]},
            }
        )
        yield [key for key, _ in made]


def letter(body, *, attached=True):
    html = f"<p>{body}</p><img src='cid:tea@x.inline' alt=''><img src='cid:2@x.inline'>"
    message = RelatedEmail("Grüße", body, "Ann <ann@example.com>", ["bob@b.org"])
    message.attach_alternative(html, "text/html")
    for name, content_id in (("tea.png", "tea@x.inline"), ("ö.png", "2@x.inline")):
        part = new_inline_part(
            PNG * 40, "image/png", content_id=content_id, filename=name
        )
        message.attachments.append(part)
    if attached:
        message.attach("b.bin", bytes(range(256)), "application/octet-stream")
    return message


def structure(part):
    kind = part.get_content_type()
    return (kind, *map(structure, part.iter_parts())) if part.is_multipart() else kind


RELATED = ("multipart/related", "text/html", "image/png", "image/png")
ALTERNATIVE = ("multipart/alternative", "text/plain", RELATED)
MIXED = ("multipart/mixed", ALTERNATIVE, "application/octet-stream")


@pytest.mark.parametrize(
    "body", ["Tea\n", "Tee für 雨\n.\n..\nFrom\n \n\n", "x" * 2000]
)
@pytest.mark.parametrize(("attached", "kind"), [(0, ALTERNATIVE), (1, MIXED)])
@pytest.mark.parametrize("mailer", ["signed", "default"])
def test_what_arrives_is_signed(keys, arrived, mailer, attached, kind, body):
    assert get_mailer(mailer).send_messages([letter(body, attached=attached)]) == 1
    if mailer == "default":
        drain("signed")
        assert states() == ["sent"]
    [got] = arrived
    assert structure(message_from_bytes(got.raw, policy=policy.default)) == kind
    assert holds(got.raw, *keys)
    broken = got.raw.replace(b"tea@x.inline", b"pie@x.inline")
    assert broken != got.raw
    assert not holds(broken, *keys)
