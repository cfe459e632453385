"""Which outbox takes a mail that another package would have sent with a backend of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from django_mailplus.chain import aliases_used, kind_of, options_of
from django_mailplus.compat import mailer_settings, mailers_defined
from django_mailplus.outbox.importing.moving import (
    Destination,
    ImportRefusedError,
    NotCarriedError,
)
from django_mailplus.outbox.options import OutboxOptions

__all__ = ["Outboxes"]


class Outboxes:
    """`using` takes what names no backend; `mapped` says who takes the others."""

    def __init__(self, using: str | None, mapped: Mapping[str, str]) -> None:
        stores = [alias for alias in mailer_settings() if kind_of(alias) == "store"]
        # What sends; without MAILERS it has no alias.
        self._stores: dict[str, str] = {
            alias: "".join(aliases_used(alias)[:1])
            for alias in stores
            if aliases_used(alias) or not mailers_defined()
        }
        self._mapped = mapped
        for alias in (*mapped.values(), *([using] if using else [])):
            if alias not in self._stores:
                raise ImportRefusedError(f"{alias!r} is no outbox. {self._known()}")
        self._usual = using or self._only()

    def choose(self, backend: str) -> Destination:
        store = self._mapped.get(backend) or self._of(backend)
        known = {field.name for field in fields(OutboxOptions)}
        given = {k: v for k, v in options_of(store).items() if k in known}
        return Destination(
            mailer=self._stores[store],
            options=OutboxOptions(**given),
        )

    def _of(self, backend: str) -> str:
        if not backend:
            return self._usual
        if backend in self._stores:
            return backend
        for store, sender in self._stores.items():
            if sender == backend:
                return store
        raise NotCarriedError(
            f"It is to be sent with {backend!r}, and no outbox sends through a mailer of "
            f"that name. Say which one takes it: --backend {backend}=MAILER. {self._known()}"
        )

    def _only(self) -> str:
        if len(self._stores) == 1:
            return next(iter(self._stores))
        if "default" in self._stores:
            return "default"
        if not self._stores:
            raise ImportRefusedError(
                "No mailer is an outbox. Put 'django_mailplus.backends.outbox.EmailBackend' "
                "in front of one in MAILERS."
            )
        raise ImportRefusedError(
            f"Say with --using which outbox takes them. {self._known()}"
        )

    def _known(self) -> str:
        known = ", ".join(map(repr, self._stores)) or "none"
        return f"Outboxes: {known}."
