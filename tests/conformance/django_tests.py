"""Start Django's runtests.py, with our SMTP backend in the place of Django's if asked."""

from __future__ import annotations

import runpy
import sys

tests, backend = sys.argv.pop(1), sys.argv.pop(1)
sys.path.insert(0, tests)
if backend == "ours":
    from django.core.mail.backends import smtp

    from django_mailplus.backends.smtp import EmailBackend

    smtp.EmailBackend = EmailBackend
sys.argv[0] = f"{tests}/runtests.py"
runpy.run_path(sys.argv[0], run_name="__main__")
