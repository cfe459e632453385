"""Finds the mails of a project: in `mails.py` and `previews.py` of each app."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar, overload

from django.apps import AppConfig, apps
from django.utils.module_loading import module_has_submodule

from django_mailplus.previews.cases import (
    Preview,
    Problem,
    cases_of,
    preview_of_function,
)
from django_mailplus.previews.isolation import isolated
from django_mailplus.templated import Mail

__all__ = ["find_preview", "find_previews", "preview"]

MODULES = ("mails", "previews")

Function = TypeVar("Function", bound=Callable[..., Any])

_functions: dict[tuple[str, str], Callable[..., Any]] = {}
_conditions: dict[Callable[..., Any], Callable[[], bool]] = {}


@overload
def preview(function: Function, /) -> Function: ...
@overload
def preview(
    *, when: Callable[[], bool] | None = None
) -> Callable[[Function], Function]: ...
def preview(function: Any = None, /, *, when: Callable[[], bool] | None = None) -> Any:
    """Marks a function without obligatory parameters that returns a message to look at.

    With `when`, for a mail that not every project sends, it is left out while `when()` is
    false. Raises TypeError for what is no function.
    """
    if function is None:
        return partial(_mark, when=when)
    return _mark(function, when=when)


def _mark(function: Any, *, when: Callable[[], bool] | None) -> Any:
    if not callable(function) or isinstance(function, type):
        raise TypeError(
            f"@preview stands above a function, and not above {function!r}. Write @preview or "
            "@preview(when=...) above one that returns a message; a subclass of Mail needs "
            "neither: it has previews()."
        )
    _functions[function.__module__, function.__qualname__] = function
    if when is not None:
        _conditions[function] = when
    return function


def find_previews() -> list[Preview]:
    """Every mail that can be looked at, by app and name.

    A module that cannot be imported is among them, with its traceback.
    """
    broken = [
        problem for config in apps.get_app_configs() for problem in _import(config)
    ]
    found = [*broken, *_classes(), *_marked()]
    # Our own come after those of the project.
    return sorted(found, key=lambda each: (each.app == "mailplus", each.app, each.name))


def find_preview(slug: str) -> Preview | None:
    return next((each for each in find_previews() if each.slug == slug), None)


def _import(config: AppConfig) -> Iterator[Preview]:
    for name in MODULES:
        if not module_has_submodule(config.module, name):
            continue
        try:
            importlib.import_module(f"{config.name}.{name}")
        except Exception as error:
            problem = Problem.of(error)
            yield Preview(app=config.label, name=f"{name}.py", problem=problem)


def _classes() -> Iterator[Preview]:
    for kind in dict.fromkeys(_subclasses(Mail)):  # one with two bases comes twice
        if (app := _app_of(kind.__module__)) is None:
            continue
        description = (kind.__doc__ or "") if "__doc__" in vars(kind) else ""
        try:
            with isolated():
                samples = _samples(kind)
            cases = tuple(cases_of(kind, samples))
            problem = None
        except Exception as error:
            cases, problem = (), Problem.of(error)
        yield Preview(
            app=app,
            name=kind.__name__,
            description=inspect.cleandoc(description),
            cases=cases,
            problem=problem,
        )


def _samples(kind: type[Mail]) -> Mapping[str, Mail]:
    """What its previews() gives, or what is wrong with that."""
    if inspect.isfunction(inspect.getattr_static(kind, "previews")):
        raise TypeError(
            f"{kind.__qualname__}.previews() is no class method. Write @classmethod above it."
        )
    samples: Any = kind.previews()
    if isinstance(samples, Mapping) and all(
        isinstance(each, Mail) for each in samples.values()
    ):
        return samples
    raise TypeError(
        f"{kind.__qualname__}.previews() gave something else than samples with their names. "
        'Return a dict, such as {"a sample": cls(to="ann@example.com")}.'
    )


def _subclasses(kind: type[Mail]) -> Iterator[type[Mail]]:
    """Those that are mails: a base for others has no template."""
    for each in kind.__subclasses__():
        if hasattr(each, "template") and _is_named(each):
            yield each
        yield from _subclasses(each)


def _is_named(found: Any) -> bool:
    """Whether its module still has it; a test, or a reload, leaves others behind."""
    module = sys.modules.get(found.__module__)
    return getattr(module, found.__qualname__, None) is found


def _marked() -> Iterator[Preview]:
    for (module, name), function in _functions.items():
        if not _is_named(function):
            continue
        app = _app_of(module) or module
        try:
            if _is_wanted(function):
                yield preview_of_function(app, function)
        except Exception as error:  # such as a hint with a name that is not imported
            yield Preview(app=app, name=name, problem=Problem.of(error))


def _is_wanted(function: Callable[..., Any]) -> bool:
    condition = _conditions.get(function)
    if condition is None:
        return True
    with isolated():
        return condition()


def _app_of(module: str) -> str | None:
    config = apps.get_containing_app_config(module)
    return None if config is None else config.label
