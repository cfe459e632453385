"""Addresses come to the server as Django would send them."""

from __future__ import annotations

from email.utils import parseaddr

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend as DjangoBackend
from hypothesis import given, settings
from hypothesis import strategies as st

from django_mailplus.backends.smtp import EmailBackend
from django_mailplus.compat import _PLAIN_ADDRESS, prepare_address

pytestmark = pytest.mark.usefixtures("forget_connections")


@pytest.mark.parametrize(
    "address",
    ["ann@example.com", "Ann <ann@example.com>", "a.b+c@x-y.example", "webmaster"],
)
def test_addresses_are_prepared_as_django_does(address, peer):
    backend = EmailBackend(host=peer.host, port=peer.port, alias="default")
    message = EmailMessage("Hi", "Body", address, ["bob@example.com"])
    expected = address.partition("<")[2].rstrip(">") or address
    assert prepare_address(backend, message, address) == expected


def _as_django_does(backend, message, address):
    """Without our short way."""
    if hasattr(DjangoBackend, "prep_address"):
        return DjangoBackend.prep_address(backend, address)
    from django.core.mail.message import sanitize_address

    return parseaddr(sanitize_address(address, message.encoding or "utf-8"))[1]


@settings(deadline=None, max_examples=300)
@given(
    st.from_regex(_PLAIN_ADDRESS, fullmatch=True)
    | st.from_regex(r"[\w .\"<>@(),;:\\+-]{0,20}<?[a-z.@-]{0,20}>?", fullmatch=True)
)
def test_the_short_way_comes_to_what_djangos_way_comes_to(address):
    backend = EmailBackend(host="mail.example.com", alias="default")
    message = EmailMessage("Hi", "Body", "ann@example.com", [address])
    try:
        expected = _as_django_does(backend, message, address)
    except Exception as error:
        with pytest.raises(type(error)):
            prepare_address(backend, message, address)
    else:
        assert prepare_address(backend, message, address) == expected


@pytest.mark.parametrize("address", ["a\n@example.com", "a b@example.com>", "a@b@c"])
def test_bad_addresses_raise_what_django_raises(address, peer):
    backend = EmailBackend(host=peer.host, port=peer.port, alias="default")
    message = EmailMessage("Hi", "Body", address, ["bob@example.com"])
    with pytest.raises(ValueError):  # noqa: PT011 (worded by each Django in its own way)
        prepare_address(backend, message, address)
