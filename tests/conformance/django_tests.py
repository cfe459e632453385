"""Start Django's runtests.py, with something of ours in the place of Django's if asked.

"ours" is our SMTP backend; "wire" answers `EmailMessage.message()` from the bytes that
`to_bytes()` writes, read back.
"""

from __future__ import annotations

import email
import email.policy
import runpy
import sys
from functools import wraps
from typing import Any

tests, backend = sys.argv.pop(1), sys.argv.pop(1)
sys.path.insert(0, tests)


def answer_from_wire() -> None:
    from django.core.mail import message

    from django_mailplus.compat import MODERN_MIME
    from django_mailplus.message.wire import to_bytes

    written = message.EmailMessage.message
    asked: list[message.EmailMessage] = []

    @wraps(written)
    def read_back(self: message.EmailMessage, **how: Any) -> Any:
        policy = how.get("policy", email.policy.default)
        plain = policy in (email.policy.default, email.policy.SMTP)
        if self in asked or not plain:  # to_bytes() itself asks Django
            return written(self, **how)
        asked.append(self)
        try:
            data = to_bytes(self)
        finally:
            asked.remove(self)
        data = data.replace(b"\r\n", b"\n")
        if MODERN_MIME:
            return email.message_from_bytes(data, policy=policy)
        return email.message_from_bytes(data, _class=Read)

    if not MODERN_MIME:

        class Read(message.MIMEMixin, email.message.Message):
            """With the methods that Django's own classes add."""

    message.EmailMessage.message = read_back


if backend == "ours":
    from django.core.mail.backends import smtp

    from django_mailplus.backends.smtp import EmailBackend

    smtp.EmailBackend = EmailBackend
elif backend == "wire":
    answer_from_wire()
sys.argv[0] = f"{tests}/runtests.py"
runpy.run_path(sys.argv[0], run_name="__main__")
