"""From what was seen in a page to the features that caniemail.com knows.

`reading.py` notes what it sees as short words, such as `<table>`, `[align]`, `color:`,
`display:flex`, `@media`, `:hover`, `unit:px`, `function:calc`. Most features are named
so that the word follows from the name; the others stand here.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["UNDECIDED", "by_sight", "sights_of"]

UNDECIDED = {
    "bimi": "a record in the DNS of the sender",
    "image-hdr": "a property of the pixels of a picture, not of its name",
}
"""What no reading of a page can tell, and why."""

_SIDES = ("top", "right", "bottom", "left")
_BLOCK_SIDES = [
    f"{axis}-{end}" for axis in ("block", "inline") for end in ("start", "end")
]


def _properties(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}:" for name in names)


def _with(name: str, *parts: str) -> tuple[str, ...]:
    return _properties(name, *(f"{name}-{part}" for part in parts))


def _functions(*names: str) -> tuple[str, ...]:
    return tuple(f"function:{name}" for name in names)


def _elements(*names: str) -> tuple[str, ...]:
    return tuple(f"<{name}>" for name in names)


_BY_FEATURE: dict[str, tuple[str, ...]] = {
    "amp": ("[amp4email]", "[⚡4email]"),
    # --- At-rules
    "css-at-media-device-pixel-ratio": tuple(
        f"@media(-webkit-{bound}device-pixel-ratio)" for bound in ("", "min-", "max-")
    ),
    "css-at-media-hover": ("@media(hover)", "@media(any-hover)"),
    # --- Properties with a family
    "css-animation": _with(
        "animation",
        "delay",
        "direction",
        "duration",
        "fill-mode",
        "iteration-count",
        "name",
        "play-state",
        "timing-function",
    ),
    "css-background-position": _with("background-position", "x", "y"),
    "css-block-inline-size": _properties("block-size", "inline-size"),
    "css-border": _with("border", *_SIDES, "width", "style", "color"),
    "css-border-image": _with(
        "border-image", "outset", "repeat", "slice", "source", "width"
    ),
    "css-border-inline-block": _properties("border-inline", "border-block"),
    "css-border-inline-block-individual": _properties(
        *(f"border-{side}" for side in _BLOCK_SIDES),
        *(
            f"border-{axis}-{what}"
            for axis in ("block", "inline")
            for what in ("color", "style", "width")
        ),
    ),
    "css-border-inline-block-longhand": _properties(
        *(
            f"border-{side}-{what}"
            for side in _BLOCK_SIDES
            for what in ("color", "style", "width")
        )
    ),
    "css-border-radius": _properties(
        "border-radius",
        *(
            f"border-{y}-{x}-radius"
            for y in ("top", "bottom")
            for x in ("left", "right")
        ),
    ),
    "css-border-radius-logical": _properties(
        *(f"border-{y}-{x}-radius" for y in ("start", "end") for x in ("start", "end"))
    ),
    "css-column-layout-properties": _properties(
        "columns",
        "column-fill",
        "column-rule",
        "column-rule-color",
        "column-rule-style",
        "column-rule-width",
        "column-span",
        "column-width",
    ),
    "css-font": _properties("font"),
    "css-gap": _properties("gap", "column-gap", "row-gap", "grid-gap"),
    "css-grid-template": _with("grid-template", "areas", "columns", "rows"),
    "css-left-right-top-bottom": _properties(*_SIDES),
    "css-margin": _with("margin", *_SIDES),
    "css-margin-block-start-end": _properties("margin-block-start", "margin-block-end"),
    "css-margin-inline-block": _properties("margin-inline", "margin-block"),
    "css-margin-inline-start-end": _properties(
        "margin-inline-start", "margin-inline-end"
    ),
    "css-outline": _with("outline", "color", "style", "width"),
    "css-overflow": _with("overflow", "x", "y"),
    "css-padding": _with("padding", *_SIDES),
    "css-padding-block-start-end": _properties(
        "padding-block-start", "padding-block-end"
    ),
    "css-padding-inline-block": _properties("padding-inline", "padding-block"),
    "css-padding-inline-start-end": _properties(
        "padding-inline-start", "padding-inline-end"
    ),
    "css-scroll-snap": _properties(
        "scroll-snap-type", "scroll-snap-align", "scroll-snap-stop"
    ),
    "css-transition": _with(
        "transition", "delay", "duration", "property", "timing-function"
    ),
    # --- Values
    "css-display-flex": ("display:flex", "display:inline-flex"),
    "css-display-grid": ("display:grid", "display:inline-grid"),
    "css-display-none": ("display:none",),
    "css-flex-direction": ("flex-direction:column", "flex-direction:column-reverse"),
    "css-flex-wrap": ("flex-wrap:wrap", "flex-wrap:wrap-reverse"),
    "css-important": ("word:important",),
    "css-intrinsic-size": ("word:fit-content", "word:min-content", "word:max-content"),
    "css-sytem-ui": tuple(
        f"word:{name}"
        for name in (
            "system-ui",
            "ui-serif",
            "ui-sans-serif",
            "ui-rounded",
            "ui-monospace",
        )
    ),
    "css-unit-calc": _functions("calc"),
    "css-unit-initial": ("word:initial",),
    "css-unit-percent": ("unit:%",),
    "css-variables": ("--", *_functions("var")),
    # --- Functions
    "css-conic-gradient": _functions("conic-gradient", "repeating-conic-gradient"),
    "css-linear-gradient": _functions("linear-gradient", "repeating-linear-gradient"),
    "css-modern-color": _functions("lch", "oklch", "lab", "oklab"),
    "css-radial-gradient": _functions("radial-gradient", "repeating-radial-gradient"),
    "css-rgb": _functions("rgb"),
    "css-rgba": _functions("rgba"),
    # --- What is neither
    "css-comments": ("/*",),
    "css-inert-attribute": ("[inert]",),
    "css-nesting": ("nesting",),
    # --- Elements and attributes
    "html-anchor-links": ("href:#",),
    "html-comments": ("<!-->",),
    "html-doctype": ("<!doctype>",),
    "html-h1-h6": _elements("h1", "h2", "h3", "h4", "h5", "h6"),
    "html-image-maps": ("<map>", "<area>", "[usemap]"),
    "html-lists": _elements("ul", "ol", "dl"),
    "html-loading-attribute": ("[loading]",),
    "html-mailto-links": ("href:mailto",),
    "html-meta-color-scheme": ("<meta color-scheme>",),
    "html-semantics": _elements(
        "article",
        "aside",
        "details",
        "figcaption",
        "figure",
        "footer",
        "header",
        "main",
        "mark",
        "nav",
        "section",
        "summary",
        "time",
    ),
    "html-srcset": ("[srcset]", "[sizes]"),
    # --- Pictures
    "image-heif": ("image:heif", "image:heic"),
    "image-jpg": ("image:jpg", "image:jpeg"),
    "image-mp4": ("image:mp4",),
    "image-svg": ("image:svg", "image:svg+xml"),
    "image-tiff": ("image:tiff", "image:tif"),
}
# fmt: off
_ATTRIBUTES = frozenset({
    "align", "background", "cellpadding", "cellspacing", "dir", "height", "hidden", "lang", "popover",
    "required", "role", "target", "valign", "width",
})
# fmt: on
# The beginning of a feature's name, and what the rest of the name is seen as.
_BY_BEGINNING = (
    ("css-at-media-", "@media({})"),
    ("css-at-", "@{}"),
    ("css-function-", "function:{}"),
    ("css-pseudo-class-", ":{}"),
    ("css-pseudo-element-", "::{}"),
    ("css-selector-", "selector:{}"),
    ("css-unit-", "unit:{}"),
    ("css-", "{}:"),
    ("html-aria-", "[aria-{}]"),
    ("html-button-", "<button {}>"),
    ("html-input-", "<input {}>"),
    ("html-", "<{}>"),
    ("image-", "image:{}"),
)


def sights_of(feature: str) -> tuple[str, ...]:
    """What a page with the feature has in it; nothing for what cannot be told."""
    if feature in UNDECIDED:
        return ()
    if feature in _BY_FEATURE:
        return _BY_FEATURE[feature]
    name = feature.removeprefix("html-")
    if name in _ATTRIBUTES:
        return (f"[{name}]",)
    return next(
        (
            (seen.format(feature.removeprefix(beginning)),)
            for beginning, seen in _BY_BEGINNING
            if feature.startswith(beginning)
        ),
        (),
    )


def by_sight(features: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The other way round: what is seen, to the features it is a use of."""
    found: dict[str, tuple[str, ...]] = {}
    for feature in features:
        for seen in sights_of(feature):
            found[seen] = (*found.get(seen, ()), feature)
    return found
