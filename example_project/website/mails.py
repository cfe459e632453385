"""The mails of the shop, with samples to look at under /mail/previews/."""

from __future__ import annotations

from typing import Any

from django_mailplus.templated import Mail


class OrderMail(Mail):
    """Confirms an order."""

    template = "order"

    number: int
    teas: list[tuple[str, str]]
    total: str

    @classmethod
    def previews(cls) -> dict[str, Mail]:
        teas = [("Sencha, 100 g", "8.50"), ("Lapsang & smoke, 50 g", "6.20")]
        return {
            "two teas": cls(to=_ANN, number=2041, teas=teas, total="14.70"),
            "one tea": cls(to=_ANN, number=2042, teas=teas[:1], total="8.50"),
        }


class HarvestMail(Mail):
    """Tells that the new harvest is in."""

    template = "harvest"

    @classmethod
    def previews(cls) -> dict[str, Any]:
        return {"sample": cls(to=_ANN)}


_ANN = "ann@example.com"
