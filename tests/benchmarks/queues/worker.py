"""A worker process of the measuring: says that it is ready, waits for a line, drains.

python worker.py DATABASE NAME PORT [GROWTH]
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    here = Path(__file__).resolve()
    sys.path[:] = [
        str(here.parents[2]),
        *(p for p in sys.path if p != str(here.parent)),
    ]
    import django
    from benchmarks.queues.project import settings_for
    from django.conf import settings

    kind, name, port = sys.argv[1:4]
    settings.configure(**settings_for(kind, name, int(port)))
    django.setup()
    from django_mailplus.outbox.models import OutboxMessage
    from django_mailplus.outbox.sending.worker import Worker

    OutboxMessage.objects.exists()  # connected
    print("ready", flush=True)
    sys.stdin.readline()
    if "--growth" in sys.argv:
        print(_growth(), flush=True)
    else:
        Worker([""], concurrency=8).run(drain=True)


def _growth() -> int:
    """Bytes that the peak grows by after the first tenth."""
    from benchmarks.memory import _forget_peak, _peak

    from django_mailplus.outbox.models import OutboxMessage
    from django_mailplus.outbox.sending.worker import Worker

    count = OutboxMessage.objects.filter(state="queued").count()
    Worker([""], concurrency=8, max_messages=count // 10).run(drain=True)
    _forget_peak("rss")
    before = _peak("rss")
    Worker([""], concurrency=8).run(drain=True)
    return _peak("rss") - before


if __name__ == "__main__":
    main()
