"""`manage.py dkimkey`: make a key that signs mail, and print its DNS record."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from django_mailplus.dkim.keys import (
    KeyFormatError,
    dns_record,
    dns_strings,
    new_key,
    read_key,
)
from django_mailplus.management.base import MailplusCommand

_ALGORITHMS = {"rsa": "rsa-sha256", "ed25519": "ed25519-sha256"}


class Command(MailplusCommand):
    help = (
        "Makes a key that signs mail of a domain (DKIM), writes it to a file that only you "
        "can read, and prints the record for the DNS. With a file that is there already, "
        "prints the record of the key in it."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("domain", help="The domain of the sender, as in From.")
        parser.add_argument(
            "--selector",
            help="Name of this key among those of the domain. Default: this month, such "
            "as 'm202611', or 'e202611' for Ed25519.",
        )
        parser.add_argument(
            "--algorithm",
            choices=[*_ALGORITHMS],
            default="rsa",
            help="Every receiver knows RSA; Ed25519 is short, and used beside it.",
        )
        parser.add_argument(
            "--bits", type=int, default=2048, help="Of an RSA key. Default: 2048."
        )
        parser.add_argument(
            "--out",
            metavar="FILE",
            help="The file of the private key. Default: SELECTOR.DOMAIN.pem, here.",
        )
        parser.add_argument(
            "--encrypt",
            action="store_true",
            help="Ask for a password, without which the file is of no use.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        letter = "e" if options["algorithm"] == "ed25519" else "m"
        month = timezone.now().strftime("%Y%m")
        selector = options["selector"] or f"{letter}{month}"
        domain = options["domain"]
        path = Path(options["out"] or f"{selector}.{domain}.pem")
        if not path.parent.is_dir():
            raise CommandError(
                f"There is no folder {str(path.parent)!r} for the key. Make it, or name a "
                "file in another one with --out."
            )
        password = self._password(new=not path.exists()) if options["encrypt"] else None
        known = {"domain": domain, "selector": selector}
        try:
            if path.exists():
                key = read_key(path, password=password, **known)
            else:
                algorithm: Any = _ALGORITHMS[options["algorithm"]]
                key, pem = new_key(algorithm=algorithm, bits=options["bits"], **known)
                self._write(path, pem(password))
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        except (KeyFormatError, ValueError, ImportError) as error:
            raise CommandError(str(error)) from error
        name, record = dns_record(key)
        self.stdout.write("Add this record to the DNS of the domain:\n\n")
        self.stdout.write(f"{name}. IN TXT {dns_strings(record)}\n\n")
        self.stdout.write("In a form of a provider, without the quotes:\n\n")
        self.stdout.write(f"  name   {name.removesuffix('.' + key.domain)}\n")
        self.stdout.write(f"  value  {record}\n\n")
        locked = ', "password": ...' if password else ""
        self.stdout.write(
            "When it can be looked up, add to 'keys' of the mailer:\n\n"
            f'  {{"domain": "{key.domain}", "selector": "{key.selector}", '
            f'"key": "{path}"{locked}}}\n'
        )

    def _password(self, *, new: bool) -> str:
        given = getpass.getpass("Password of the key: ")
        if not given:
            raise CommandError("Without a password leave out --encrypt.")
        if new and getpass.getpass("Once more: ") != given:
            raise CommandError("The two passwords are not the same.")
        return given

    def _write(self, path: Path, pem: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        self.stdout.write(f"The private key is in {path}. Keep it secret.\n\n")
