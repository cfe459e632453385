"""Finds the mails of a project: in `mails.py` and `previews.py` of each app."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar, overload

from django.apps import AppConfig, apps
from django.utils.module_loading import module_has_submodule

from django_mailplus.previews.cases import (
    Case,
    Preview,
    Problem,
    case_of_function,
    cases_of,
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
    broken = _import_all()
    made = (_preview(*each) for each in _sources())
    found = [*broken, *(each for each in made if each is not None)]
    # Our own come after those of the project.
    return sorted(found, key=lambda each: (each.app == "mailplus", each.app, each.name))


def find_preview(slug: str) -> Preview | None:
    """One of them; no `previews()` or `when` of another runs."""
    _import_all()
    for app, name, source in _sources():
        if f"{app}.{name}" == slug:
            return _preview(app, name, source)
    return None


def _import_all() -> list[Preview]:
    """Gives those modules that cannot be imported."""
    return [problem for config in apps.get_app_configs() for problem in _import(config)]


def _import(config: AppConfig) -> Iterator[Preview]:
    for name in MODULES:
        if not module_has_submodule(config.module, name):
            continue
        try:
            importlib.import_module(f"{config.name}.{name}")
        except Exception as error:
            problem = Problem.of(error)
            yield Preview(app=config.label, name=f"{name}.py", problem=problem)


def _sources() -> Iterator[tuple[str, str, Any]]:
    """The app, the name and the class or function of each mail.

    Where an app has several of one name, each has its module in front: `previews.welcome`.
    """
    marked = filter(_is_named, _functions.values())
    sources: list[Any] = [*_subclasses(Mail), *marked]
    alike = defaultdict(list)
    for source in dict.fromkeys(sources):  # a class with two bases comes twice
        module = source.__module__
        config = apps.get_containing_app_config(module)
        if config is not None:
            module, app = module.removeprefix(f"{config.name}."), config.label
        elif isinstance(source, type):
            continue
        else:
            app = module
        alike[app, source.__name__].append((module, source))
    for (app, name), several in alike.items():
        for module, source in several:
            yield app, name if len(several) == 1 else f"{module}.{name}", source


def _preview(app: str, name: str, source: Any) -> Preview | None:
    """None for what is not wanted now."""
    cases: tuple[Case, ...] = ()
    problem = None
    try:
        if isinstance(source, type):
            with isolated():
                samples = _samples(source)
            cases = tuple(cases_of(source, samples))
        elif _is_wanted(source):
            cases = (case_of_function(source),)
        else:
            return None
    except Exception as error:  # such as a hint with a name that is not imported
        problem = Problem.of(error)
    return Preview(
        app=app,
        name=name,
        description=inspect.cleandoc(source.__doc__ or ""),
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


def _is_wanted(function: Callable[..., Any]) -> bool:
    condition = _conditions.get(function)
    if condition is None:
        return True
    with isolated():
        return condition()
