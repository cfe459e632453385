"""What is kept for the next message stays within its bound."""

from __future__ import annotations

import gc
import random
import weakref
from concurrent.futures import ThreadPoolExecutor

from django.core.mail import EmailMessage, EmailMultiAlternatives

from django_mailplus.message.memory import ATTACHMENTS, TEXTS, Encodings, Memory
from django_mailplus.message.wire import to_bytes


def test_what_was_used_last_is_kept():
    memory = Memory(30)
    for key in "abc":
        memory.put(key, key.upper(), 10)
    assert memory.get("a") == "A"
    memory.put("d", "D", 10)
    assert [memory.get(key) for key in "abcd"] == ["A", None, "C", "D"]
    assert memory.size == 30


def test_a_value_put_again_counts_once():
    memory = Memory(30)
    for _ in range(9):
        memory.put("a", "A", 10)
    assert memory.size == 10


def test_a_value_beyond_the_bound_drives_nothing_out():
    memory = Memory(30)
    memory.put("a", "A", 10)
    memory.put("b", "B", 31)
    assert [memory.get("a"), memory.get("b")] == ["A", None]


def test_a_value_counts_with_its_key():
    encodings: Encodings[bytes] = Encodings(10_000)
    encodings.recall(("x", "k" * 5_000), lambda: b"v" * 4_000)
    assert 9_000 < encodings.size < 9_200
    encodings.recall(("x", "k" * 6_000), lambda: b"v" * 5_000)
    assert encodings.size < 9_200


def test_threads_leave_the_count_right():
    memory = Memory(1_000)

    def work(seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311
        for _ in range(2_000):
            key = draw.randrange(50)
            if memory.get(key) is None:
                memory.put(key, key, 50)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert memory.size == 1_000


def test_large_mail_does_not_stay_in_memory():
    for number in range(60):
        text = f"{number} " * 100_000
        message = EmailMessage("Big", text, "ann@example.com", ["bob@example.com"])
        message.attach("a.bin", number.to_bytes(2) * 500_000, "application/x-big")
        to_bytes(message)
    assert ATTACHMENTS.size <= 16_000_000
    assert TEXTS.size <= 2_000_000


class Document:
    """Much larger than the text that leads to it."""


class TextOf(str):
    """As the strings of lxml are: each holds the document that it came from."""

    __slots__ = ("document",)


class DataOf(bytes):
    pass


def test_what_a_text_leads_to_does_not_stay_in_memory():
    document = Document()
    text, data = TextOf("<p>Größe"), DataOf(b"data")
    text.document = data.document = document
    message = EmailMultiAlternatives("A", "B", "ann@example.com", ["bob@example.com"])
    message.attach_alternative(text, "text/html")
    message.attach("a.txt", text, "text/plain")
    message.attach("a.pdf", data, "application/pdf")
    for attachment in (text, data):
        message.attach("a.pdf", attachment, "application/pdf")
    to_bytes(message)
    gone = weakref.ref(document)
    del document, text, data, message, attachment
    gc.collect()
    assert gone() is None
