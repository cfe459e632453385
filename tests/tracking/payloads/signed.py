"""Providers that sign what they POST, each in its own way, and the keys for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import cache
from itertools import count
from urllib.parse import urlencode

from tracking.payloads.calls import ISO, MOMENT, as_json

__all__ = ["keys", "mailersend", "mailgun", "mandrill", "postal", "unisender_go"]

SIGNING = "signing-key"
MANDRILL_URL = "https://shop.example.com/anymail/mandrill/"


def keys():
    """The settings by which django-anymail checks the signatures."""
    return {
        "MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING,
        "MANDRILL_WEBHOOK_KEY": SIGNING,
        "MANDRILL_WEBHOOK_URL": MANDRILL_URL,
        "MAILERSEND_SIGNING_SECRET": SIGNING,
        "UNISENDER_GO_API_KEY": SIGNING,
        "POSTAL_WEBHOOK_KEY": postal_public_key(),
    }


# Each call of Mailgun's has a token of its own, one for the same event included.
_calls = count()


def mailgun(what, number, address):
    gone = {"code": 550, "enhanced-code": "5.1.1", "bounce-type": "hard"}
    said = {
        "hard": {
            "event": "failed",
            "severity": "permanent",
            "reason": "bounce",
            "delivery-status": {**gone, "message": "no such user"},
        },
        "soft": {
            "event": "failed",
            "severity": "temporary",
            "reason": "generic",
            "delivery-status": {"code": 452, "enhanced-code": "4.2.2"},
        },
        "block": {
            "event": "failed",
            "severity": "permanent",
            "reason": "bounce",
            "delivery-status": {**gone, "enhanced-code": "5.7.1"},
        },
        "undetermined": {
            "event": "failed",
            "severity": "permanent",
            "reason": "generic",
        },
        "complaint": {"event": "complained"},
        "unsubscribe": {"event": "unsubscribed"},
        "delivered": {"event": "delivered", "delivery-status": {"code": 250}},
    }[what]
    token = hashlib.sha256(f"{what}{next(_calls)}".encode()).hexdigest()[:50]
    signature = hmac.new(
        SIGNING.encode(), f"{MOMENT}{token}".encode(), hashlib.sha256
    ).hexdigest()
    body = {
        "signature": {"timestamp": str(MOMENT), "token": token, "signature": signature},
        "event-data": {
            "id": f"id-{what}",
            "timestamp": MOMENT + 0.5,
            "recipient": address,
            "message": {"headers": {"message-id": number.strip("<>")}},
            "user-variables": {},
            **said,
        },
    }
    return as_json("mailgun/tracking/", body)


def mandrill(what, number, address):
    event = {
        "hard": "hard_bounce",
        "soft": "soft_bounce",
        "block": "reject",
        "undetermined": "reject",
        "complaint": "spam",
        "unsubscribe": "unsub",
        "delivered": "send",
    }[what]
    body = {
        "event": event,
        "_id": number,
        "ts": MOMENT,
        "msg": {"_id": number, "email": address, "diag": "smtp;550 5.1.1"},
    }
    if event == "reject":
        reason = "custom" if what == "block" else "test-mode-limit"
        body["reject"] = {"email": address, "reason": reason}
    written = json.dumps([body])
    signed = f"{MANDRILL_URL}mandrill_events{written}".encode()
    digest = hmac.new(SIGNING.encode(), signed, hashlib.sha1).digest()
    return (
        "mandrill/",
        urlencode({"mandrill_events": written}).encode(),
        "application/x-www-form-urlencoded",
        {"X-Mandrill-Signature": base64.b64encode(digest).decode()},
    )


def mailersend(what, number, address):
    event, morph = {
        "hard": ("hard_bounced", "recipient_bounce"),
        "soft": ("soft_bounced", "recipient_bounce"),
        "complaint": ("spam_complaint", "spam_complaint"),
        "unsubscribe": ("unsubscribed", "recipient_unsubscribe"),
        "delivered": ("delivered", "delivery"),
    }[what]
    body = {
        "type": f"activity.{event}",
        "created_at": ISO,
        "data": {
            "id": f"ms-{what}",
            "type": event,
            "created_at": ISO,
            "email": {"message": {"id": number}, "recipient": {"email": address}},
            "morph": {"object": morph, "reason": "Why."},
        },
    }
    made = json.dumps(body).encode()
    signature = hmac.new(SIGNING.encode(), made, hashlib.sha256).hexdigest()
    headers = {"Signature": signature}
    return "mailersend/tracking/", made, "application/json", headers


@cache
def postal_key():
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def postal_public_key():
    from cryptography.hazmat.primitives import serialization

    pem = (
        postal_key()
        .public_key()
        .public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return "".join(pem.decode().splitlines()[1:-1])


def postal(what, number, address):
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    status, output = {
        "hard": ("HardFail", "550 5.1.1 no such user"),
        "soft": ("SoftFail", "450 4.2.0 later"),
        "block": ("HardFail", "554 5.7.1 spam"),
        "undetermined": ("HardFail", "550 no"),
        "delivered": ("Sent", "250 ok"),
    }[what]
    made = json.dumps(
        {
            "event": "MessageSent",
            "uuid": f"po-{what}",
            "timestamp": MOMENT + 0.5,
            "payload": {
                "status": status,
                "details": "What Postal says of it.",
                "output": output,
                "message": {"id": int(number), "to": address, "direction": "outgoing"},
            },
        }
    ).encode()
    signature = postal_key().sign(made, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    headers = {"X-Postal-Signature": base64.b64encode(signature).decode()}
    return "postal/tracking/", made, "application/json", headers


def unisender_go(what, number, address):
    status, delivery = {
        "hard": ("hard_bounced", "err_user_unknown"),
        "soft": ("hard_bounced", "err_mailbox_full"),
        "block": ("hard_bounced", "err_spam_rejected"),
        "undetermined": ("hard_bounced", "err_lost"),
        "complaint": ("spam", "ok_spam_folder"),
        "unsubscribe": ("unsubscribed", "ok_unsubscribed"),
        "delivered": ("delivered", "ok_delivered"),
    }[what]
    event = {
        "job_id": number,
        "email": address,
        "status": status,
        "event_time": "2026-05-28 20:26:40",
        "metadata": {},
        "delivery_info": {"delivery_status": delivery},
    }
    events = [{"event_name": "transactional_email_status", "event_data": event}]
    body = {"auth": SIGNING, "events_by_user": [{"events": events}]}
    unsigned = json.dumps(body)
    auth = hashlib.md5(unsigned.encode()).hexdigest()  # noqa: S324
    made = unsigned.replace(SIGNING, auth).encode()
    return "unisender_go/tracking/", made, "application/json", {}
