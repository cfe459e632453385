"""Where a mail comes from in the code: what a backend can see from where it stands.

The stack is walked once, without reading a source file. That of an outbox's worker is not
the one of whoever wrote the mail: the outbox notes it for an inbox behind it.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator, Mapping
from copy import copy
from pathlib import Path
from types import FrameType
from typing import Any

import django
from django.core.mail import EmailMessage

from django_mailplus.columns import storable

__all__ = ["noting_origin", "origin_of", "place"]

_OURS = str(Path(__file__).resolve().parent.parent) + "/"
_DJANGO = str(Path(django.__file__).resolve().parent) + "/"
_CONTRIB = _DJANGO + "contrib/"
_PYTHON = sysconfig.get_path("stdlib") + "/"
_PACKAGES = ("/site-packages/", "/dist-packages/")
_LONGEST = 500  # characters of one fact


def place() -> dict[str, str]:
    """File, line and function that sent; the view or the command around it.

    The first frame that is neither ours nor Django's nor Python's; where there is none, the
    one of django.contrib that is nearest, such as of the password reset.
    """
    found: dict[str, str] = {}
    contrib = ""
    for frame in _frames():
        path, name = frame.f_code.co_filename, frame.f_code.co_name
        if not path.startswith(_DJANGO):
            if "code" not in found and _is_somebodys(path):
                found["code"] = _told(frame)
            continue
        if not contrib and path.startswith(_CONTRIB):
            contrib = _told(frame)
        if name == "_get_response":
            found |= _request(frame.f_locals.get("request"))
        if name in _OUTERMOST:
            break
    if contrib and "code" not in found:
        found["code"] = contrib
    return found | _task()


# Of Django: around them are middleware and servers, or manage.py, and none of these sent it.
_OUTERMOST = frozenset({"_get_response", "run_from_argv"})


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_somebodys(path: str) -> bool:
    if path.startswith((_OURS, "<")):
        return False
    return not path.startswith(_PYTHON) or any(name in path for name in _PACKAGES)


def _told(frame: FrameType) -> str:
    code = frame.f_code
    path = code.co_filename
    for name in _PACKAGES:
        path = path.rpartition(name)[2]
    return f"{path}:{frame.f_lineno} in {code.co_qualname}"


def _request(request: Any) -> dict[str, str]:
    """The view that answers; of the address the pattern alone, for it may hold a token."""
    match = getattr(request, "resolver_match", None)
    if match is None:
        return {}
    return {
        "view": getattr(match, "_func_path", ""),
        "request": f"{request.method} /{match.route}",
    }


def _task() -> dict[str, str]:
    celery: Any = sys.modules.get("celery")
    task = getattr(getattr(celery, "current_task", None), "name", None)
    if task:
        return {"task": str(task)}
    if Path(sys.argv[0]).name in ("manage.py", "django-admin") and sys.argv[1:]:
        return {"command": sys.argv[1]}
    return {}


def noting_origin(message: EmailMessage, here: Mapping[str, str]) -> EmailMessage:
    """A copy that says where it was sent, through whatever stands between here and an inbox."""
    noting = copy(message)
    noting.mailplus_origin = origin_of(message, here)  # type: ignore[attr-defined]
    return noting


def origin_of(message: EmailMessage, here: Mapping[str, str]) -> dict[str, Any]:
    """The facts about one message: where it was sent, and what a templated mail says of itself."""
    told = getattr(message, "mailplus_origin", None)
    own = told if isinstance(told, Mapping) else {}
    facts = own if "code" in own else {**own, **here}
    return {
        storable(str(name), 50): storable(str(fact), _LONGEST)
        for name, fact in facts.items()
    }
