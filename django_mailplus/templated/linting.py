"""What a mail template holds that no reader will see."""

from __future__ import annotations

from django.template.backends.django import Template
from django.template.loader import get_template

from django_mailplus.templated.blocks import lost_blocks
from django_mailplus.templated.rendering import PARTS

__all__ = ["blocks_shown_nowhere"]


def blocks_shown_nowhere(name: str) -> list[str]:
    """Blocks of a file that are no part of a mail, and that what it extends does not have.

    Such as `content` where the layout calls it `body`: the mail would be empty.
    """
    file = get_template(name)
    if not isinstance(file, Template):
        return []
    return [block for block in lost_blocks(file.template) if block not in PARTS]
