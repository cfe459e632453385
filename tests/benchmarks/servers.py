"""Servers of the measuring, each a process of its own that ends with its `with` block."""

from __future__ import annotations

import contextlib
import getpass
import importlib.util
import json
import os
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django_mailplus.smtp.certificates import make_certificate

__all__ = [
    "HOST",
    "LOGIN",
    "counts",
    "delayed",
    "encrypting_sink",
    "missing_certificate",
    "own_sink",
    "postfix",
    "smtp_sink",
]

HOST = "127.0.0.1"
LOGIN = ("user", "password")

_HERE = Path(__file__).resolve().parent
_PATIENCE = 10  # seconds until a server must answer or be gone
_BACKLOG = 1000  # connections that smtp-sink lets wait


def postfix(program: str) -> str | None:
    """Where a program of Postfix is; its folder is not on everybody's path."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))
    return shutil.which(program, path=path)


@contextlib.contextmanager
def _running(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()


@contextlib.contextmanager
def _python(script: str, *arguments: object) -> Iterator[int]:
    """A server of the suite's own, which prints its port."""
    # -P: this folder is no place for imports. -X: as in production, whoever starts us.
    command = [sys.executable, "-P", "-X", "dev=0", str(_HERE / script)]
    with _running([*command, *map(str, arguments)]) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{script} did not start")
        yield int(line)


@contextlib.contextmanager
def smtp_sink() -> Iterator[int]:
    """Postfix's smtp-sink, which does as little as a server can."""
    program = postfix("smtp-sink")
    if program is None:
        raise RuntimeError("smtp-sink is missing: apt-get install postfix")
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    command = [program, "-u", getpass.getuser(), f"{HOST}:{port}", str(_BACKLOG)]
    if getpass.getuser() == "root":
        command[2] = "nobody"  # smtp-sink refuses to stay root
    with _running(command) as process:
        _wait_for(port, process)
        yield port


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        with (
            contextlib.suppress(OSError),
            socket.create_connection((HOST, port), timeout=_PATIENCE),
        ):
            return
        time.sleep(0.02)
    raise RuntimeError("smtp-sink did not start")


@contextlib.contextmanager
def own_sink(**options: Any) -> Iterator[int]:
    """The sink of the suite's own, with its options as keywords."""
    arguments = [text for key, value in options.items() for text in (f"--{key}", value)]
    with _python("sink.py", *arguments) as port:
        yield port


@contextlib.contextmanager
def encrypting_sink() -> Iterator[int]:
    """Our sink with STARTTLS, and AUTH as LOGIN; this process trusts its certificate."""
    certificate = make_certificate(HOST)
    with tempfile.TemporaryDirectory(prefix="mailplus-") as directory:
        both, public = Path(directory, "server.pem"), Path(directory, "public.pem")
        both.touch(mode=0o600)
        both.write_bytes(certificate.private_key + certificate.public)
        public.write_bytes(certificate.public)
        user, password = LOGIN
        with (
            _environment("SSL_CERT_FILE", str(public)),
            own_sink(certificate=both, user=user, password=password) as port,
        ):
            yield port


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextlib.contextmanager
def delayed(port: int, rtt: float) -> Iterator[int]:
    """Another port for the same server, `rtt` milliseconds away."""
    with _python("delay.py", "--to", port, "--rtt", rtt) as delayed_port:
        yield delayed_port


def missing_certificate() -> str:
    if importlib.util.find_spec("cryptography") is None:
        return "not there: pip install cryptography"
    return ""


def counts(port: int) -> dict[str, Any]:
    """What a sink of our own took so far."""
    with smtplib.SMTP(HOST, port, local_hostname="localhost") as client:
        found = json.loads(client.docmd("HELP")[1])
    assert isinstance(found, dict)
    return found
