"""A worker's turn on PostgreSQL, where one statement can do all of it.

It is a transaction of its own: one round trip in place of eight.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import connections

from django_mailplus.outbox.judging.verdicts import Verdict
from django_mailplus.outbox.models import Attempt, OutboxMessage, Payload, database
from django_mailplus.outbox.rows import claims, recording
from django_mailplus.outbox.rows.claims import Claim
from django_mailplus.outbox.rows.statements import now, what_to_know
from django_mailplus.outbox.states import Priority, State

__all__ = ["exchange"]

# Naming the state of what is known by its key would tempt the database to look for it
# by its state.
_TURN = """
WITH told AS (
    SELECT * FROM unnest(
        %s::uuid[], %s::text[], %s::float8[], %s::text[], %s::int[], %s::text[],
        %s::text[]
    ) AS t (mail_id, token, seconds, outcome, code, enhanced, text)
), recorded AS (
    UPDATE {mails} AS m SET state = 'sent', finalised_at = {now}, lease_until = NULL,
        code = NULL, enhanced = '', text = ''
    FROM told
    WHERE m.id = told.mail_id AND m.claim_token = told.token
        AND m.lease_until IS NOT NULL
    RETURNING m.id
), tries AS (
    INSERT INTO {attempts}
        (mail_id, seconds, outcome, code, enhanced, text, worker, mailer, ended_at)
    SELECT mail_id, seconds, outcome, code, enhanced, text, %s, %s, {now}
    FROM told JOIN recorded ON recorded.id = told.mail_id
), due AS (
    SELECT id FROM ({due}) AS of_all_priorities LIMIT %s
), taken AS (
    UPDATE {mails} AS m SET state = 'sending', claim_token = %s, claimed_by = %s,
        lease_until = {now} + make_interval(secs => %s), handover_started_at = {now},
        attempts = attempts + 1
    FROM due WHERE m.id = due.id
    RETURNING m.*
)
SELECT (SELECT count(*) FROM recorded), m.id, {what}
FROM (SELECT) AS always
LEFT JOIN taken AS m ON true LEFT JOIN {payloads} AS p ON p.mail_id = m.id
ORDER BY m.priority, m.due_at, m.id
"""

_DUE = """SELECT id FROM (
    SELECT id FROM {mails}
    WHERE state = 'queued' AND mailer = %s AND priority = {priority} AND due_at <= {now}
    ORDER BY due_at, id LIMIT %s FOR UPDATE SKIP LOCKED
) AS of_one_priority"""


def exchange(
    told: Sequence[tuple[Claim, Verdict]],
    *,
    mailer: str,
    limit: int,
    worker: str,
    lease: float,
    token: str,
) -> tuple[dict[uuid.UUID, State], list[Claim]]:
    """As `exchange.exchange`, for mails that were plainly sent."""
    tries = [recording.attempt(*each) for each in told]
    params: list[Any] = [
        [claim.id for claim, _ in told],
        [claim.token for claim, _ in told],
        *([each[name] for each in tries] for name in _OF_A_TRY),
        *(worker, mailer),
        *(mailer, limit) * len(Priority),
        *(limit, token, worker, lease),
    ]
    with connections[database()].cursor() as cursor:
        cursor.execute(_turn(database(), settings.USE_TZ), params)
        rows = cursor.fetchall()
    ours = dict.fromkeys((claim.id for claim, _ in told), State.SENT)
    if rows[0][0] < len(told):
        ours = recording.complete(told)
    return ours, [
        claims.of_row(key, tuple(what), worker=worker, mailer=mailer)
        for _, key, *what in rows
        if key is not None
    ]


_OF_A_TRY = ("seconds", "outcome", "code", "enhanced", "text")


@functools.cache
def _turn(*what_the_words_depend_on: object) -> str:
    quote = connections[database()].ops.quote_name
    mails, attempts, payloads = (
        quote(model._meta.db_table) for model in (OutboxMessage, Attempt, Payload)
    )
    words = {"mails": mails, "now": now().text}
    due = [_DUE.format(priority=int(level), **words) for level in Priority]
    return _TURN.format(
        attempts=attempts,
        payloads=payloads,
        what=what_to_know(),
        due=" UNION ALL ".join(due),
        **words,
    )
