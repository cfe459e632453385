"""What our commands have in common: errors that say what is wrong and what was meant."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
)
from django.db import Error

from django_mailplus.management.guessing import guess_in_errors
from django_mailplus.outbox.outage import fault_of

__all__ = ["MailplusCommand", "verbs_of"]


class MailplusCommand(BaseCommand):
    """Says in one line why the database cannot be used, and what a mistyped word may mean."""

    def create_parser(
        self, prog_name: str, subcommand: str, **kwargs: Any
    ) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        guess_in_errors(parser)
        return parser

    def execute(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute(*args, **options)
        except Error as error:
            if not (fault := fault_of(error)):
                raise  # a mistake of ours, which a traceback tells best
            raise CommandError(fault) from error


def verbs_of(parser: ArgumentParser) -> Callable[[str, str], ArgumentParser]:
    """For a command of several verbs: makes the parser of one from its name and meaning."""
    actions = parser.add_subparsers(dest="action", metavar="action", required=True)
    usual = _usual_options()

    def add(name: str, means: str) -> ArgumentParser:
        return actions.add_parser(
            name,
            help=means,
            description=means,
            parents=[usual],
            formatter_class=DjangoHelpFormatter,
        )

    return add


def _usual_options() -> CommandParser:
    """Those of every command of Django, as a parent of parsers for its verbs.

    What stands before the verb is not overwritten by a default.
    """
    parser = BaseCommand().create_parser("", "", add_help=False)
    for action in parser._actions:
        action.default = SUPPRESS
    return parser
