"""Where to listen, and what is said when that cannot be."""

from __future__ import annotations

import socket

import pytest

from django_mailplus.mailserver.addresses import (
    CannotListenError,
    format_address,
    listen,
    parse_address,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8025", ("127.0.0.1", 8025)),
        ("0", ("127.0.0.1", 0)),
        ("localhost:25", ("localhost", 25)),
        ("0.0.0.0:8025", ("0.0.0.0", 8025)),  # noqa: S104
        ("0:8025", ("0.0.0.0", 8025)),  # noqa: S104
        ("mail_server.test:65535", ("mail_server.test", 65535)),
        ("[::1]:8025", ("::1", 8025)),
        (" 8025 ", ("127.0.0.1", 8025)),
    ],
)
def test_an_address_is_read_as_runserver_reads_it(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host",
        "host:",
        ":8025",
        "::1:8025",
        "[::1]",
        "65536",
        "-1",
        "8025x",
        "a b:1",
        "٨",
    ],
)
def test_anything_else_is_refused_with_examples(text):
    with pytest.raises(
        ValueError, match=r"such as 8025, 127\.0\.0\.1:8025 or \[::1\]:8025"
    ):
        parse_address(text)


@pytest.mark.parametrize("text", ["127.0.0.1:8025", "localhost:25", "[::1]:8025"])
def test_an_address_is_written_as_it_is_read(text):
    assert format_address(*parse_address(text)) == text


def test_a_name_is_listened_on_at_its_ipv4_address():
    with listen("localhost", 0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_ipv6_is_listened_on():
    try:
        listener = listen("::1", 0)
    except CannotListenError:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert listener.family == socket.AF_INET6


def test_an_unknown_host_says_what_to_use():
    with pytest.raises(
        CannotListenError, match=r"'nohost\.invalid' cannot be resolved\. Use"
    ):
        listen("nohost.invalid", 0)


def test_a_host_that_no_name_can_be_says_so():
    with pytest.raises(CannotListenError, match="cannot be resolved"):
        listen("a" * 70 + ".example", 0)


def test_an_address_of_another_machine_says_so():
    with pytest.raises(
        CannotListenError, match=r"192\.0\.2\.1 is not an address of this machine"
    ):
        listen("192.0.2.1", 0)


def test_a_taken_port_names_the_next_one():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            CannotListenError, match=f"use another port, such as {port + 1}"
        ):
            listen("127.0.0.1", port)


def test_a_port_for_administrators_names_one_for_everybody():
    try:
        listen("127.0.0.1", 1).close()
    except CannotListenError as error:
        assert "Use a higher port, such as 8025" in str(error)  # noqa: PT017
    else:
        pytest.skip("this user may listen on every port")
