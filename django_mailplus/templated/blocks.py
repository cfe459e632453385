"""One block of a Django template, rendered alone, wherever in its ancestry it stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.template.base import Template
from django.template.context import Context
from django.template.loader_tags import (
    BLOCK_CONTEXT_KEY,
    BlockContext,
    BlockNode,
    ExtendsNode,
)

__all__ = ["Blocks", "extends", "has_block", "inherits_block", "lost_blocks"]


def has_block(template: Template, name: str) -> bool:
    """Whether the file itself has it; its ancestors are not looked at."""
    return any(block.name == name for block in _blocks_of(template))


def inherits_block(template: Template, name: str) -> bool:
    """Whether something that it extends has it; False where a variable says what that is."""
    return any(has_block(each, name) for each in _above(template) or ())


def _blocks_of(template: Template) -> list[Any]:
    found: Any = template.nodelist.get_nodes_by_type(BlockNode)
    return list(found)


def _above(template: Template) -> list[Template] | None:
    """All that it extends, nearest first; None where a variable says what that is."""
    found: list[Template] = []
    seen = [template.origin]
    while (node := extends(template)) is not None:
        parent: Any = node.parent_name
        if not isinstance(parent.var, str) or parent.filters:
            return None
        # A file of a project may extend the one of the same name that it stands before.
        template, origin = template.engine.find_template(parent.var, skip=seen)
        seen.append(origin)
        found.append(template)
    return found


def extends(template: Template) -> ExtendsNode | None:
    # It comes first: before it stand texts and comments only.
    for node in template.nodelist:
        if isinstance(node, ExtendsNode):
            return node
    return None


def lost_blocks(template: Template) -> list[str]:
    """Blocks at the top of a file that nothing above it has: what is in them is shown nowhere.

    None where a variable says what the file extends.
    """
    node, above = extends(template), _above(template)
    if node is None or above is None:
        return []
    there = {block.name for each in above for block in _blocks_of(each)}
    return [
        name
        for name, block in node.blocks.items()
        if name not in there and _is_at_the_top(block, node)
    ]


def _is_at_the_top(block: Any, file: ExtendsNode) -> bool:
    return any(node is block for node in file.nodelist)


class Blocks:
    """The blocks of a template and of all that it extends, as `{% extends %}` joins them."""

    def __init__(self, template: Template, context: Context) -> None:
        self._template = template
        self._context = context
        self._blocks: Any = BlockContext()  # its stubs say that no block is missing
        with self._state():
            above: Any = template
            while (node := extends(above)) is not None:
                self._blocks.add_blocks(node.blocks)
                above = node.get_parent(context)
            roots = above.nodelist.get_nodes_by_type(BlockNode)
            self._blocks.add_blocks({block.name: block for block in roots})

    def first(self, *names: str) -> str | None:
        """The name of the first block that exists."""
        return next((n for n in names if self._blocks.get_block(n) is not None), None)

    def render(self, name: str, *, autoescape: bool) -> str:
        """What the block says; `block.super` works. Empty where there is no such block."""
        block = self._blocks.get_block(name)
        if block is None:
            return ""
        before, self._context.autoescape = self._context.autoescape, autoescape
        try:
            with self._state() as state:
                state[BLOCK_CONTEXT_KEY] = self._blocks
                return str(block.render(self._context))
        finally:
            self._context.autoescape = before

    def page(self) -> str:
        """All of the template, as a view would render it."""
        with self._state():
            return str(self._template._render(self._context))  # type: ignore[attr-defined]

    @contextmanager
    def _state(self) -> Iterator[Any]:
        with self._context.render_context.push_state(self._template):
            yield self._context.render_context
