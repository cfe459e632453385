"""What providers POST to webhooks, by the descriptions of their fields; nobody in it is real.

Each function makes the body of one event, and the headers that go with it: `what` is the
kind that it means, `number` what the provider calls the mail.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from functools import cache
from urllib.parse import urlencode
from zlib import crc32

__all__ = ["ANYMAIL", "PROVIDERS", "SAID", "of_provider"]

SECRET = "hook:secret"
SIGNING = "signing-key"
MOMENT = 1_780_000_000  # seconds
ISO = datetime.fromtimestamp(MOMENT, UTC).isoformat().replace("+00:00", "Z")
URL = "https://shop.example.com/anymail"


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


def ANYMAIL():  # noqa: N802
    return {
        "WEBHOOK_SECRET": SECRET,
        "MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING,
        "MANDRILL_WEBHOOK_KEY": SIGNING,
        "MANDRILL_WEBHOOK_URL": f"{URL}/mandrill/",
        "MAILERSEND_SIGNING_SECRET": SIGNING,
        "UNISENDER_GO_API_KEY": SIGNING,
        "POSTAL_WEBHOOK_KEY": postal_public_key(),
    }


def _json(path, body, **headers):
    """The path of the webhook, its body, the type of that, and its headers."""
    return path, json.dumps(body).encode(), "application/json", headers


def _signed(path, body, **headers):
    made = json.dumps(body).encode()
    signature = hmac.new(SIGNING.encode(), made, hashlib.sha256).hexdigest()
    return path, made, "application/json", {"Signature": signature, **headers}


def postmark(what, number, address):
    said = {
        "hard": {"RecordType": "Bounce", "Type": "HardBounce", "TypeCode": 1},
        "soft": {"RecordType": "Bounce", "Type": "SoftBounce", "TypeCode": 4096},
        "block": {"RecordType": "Bounce", "Type": "Blocked", "TypeCode": 100006},
        "undetermined": {"RecordType": "Bounce", "Type": "NewKind"},
        "complaint": {"RecordType": "SpamComplaint", "Type": "SpamComplaint"},
    }
    if what == "delivered":
        body = {
            "RecordType": "Delivery",
            "MessageID": number,
            "Recipient": address,
            "DeliveredAt": ISO,
            "Details": "smtp;250 2.0.0 OK",
        }
    elif what == "unsubscribe":
        body = {
            "RecordType": "SubscriptionChange",
            "MessageID": number,
            "Recipient": address,
            "ChangedAt": ISO,
            "Origin": "Recipient",
            "SuppressSending": True,
            "SuppressionReason": "ManualSuppression",
        }
    else:
        body = {
            "ID": crc32(what.encode()),
            "MessageID": number,
            "Email": address,
            "BouncedAt": ISO,
            "Description": "What Postmark says of it.",
            "Details": "smtp;550 5.1.1 no such user",
            "MessageStream": "outbound",
            **said[what],
        }
    return _json("postmark/tracking/", body)


def amazon_ses(what, number, address):
    bounce = {
        "bouncedRecipients": [
            {"emailAddress": address, "action": "failed", "status": "5.1.1"}
        ],
        "timestamp": ISO,
        "feedbackId": "f1",
    }
    kinds = {
        "hard": ("Permanent", "NoEmail"),
        "soft": ("Transient", "MailboxFull"),
        "block": ("Permanent", "OnAccountSuppressionList"),
        "undetermined": ("Undetermined", "Undetermined"),
    }
    if what in kinds:
        kind, detail = kinds[what]
        event = {
            "eventType": "Bounce",
            "bounce": {"bounceType": kind, "bounceSubType": detail, **bounce},
        }
    elif what == "complaint":
        event = {
            "eventType": "Complaint",
            "complaint": {
                "complainedRecipients": [{"emailAddress": address}],
                "complaintFeedbackType": "abuse",
                "timestamp": ISO,
            },
        }
    else:
        event = {
            "eventType": "Delivery",
            "delivery": {"recipients": [address], "smtpResponse": "250 ok"},
        }
    mail = {"messageId": number, "destination": [address], "headers": []}
    body = {
        "Type": "Notification",
        "MessageId": f"sns-{what}",
        "TopicArn": "arn:aws:sns:eu-central-1:123456789012:mail",
        "Timestamp": ISO,
        "Message": json.dumps({**event, "mail": mail}),
    }
    sns = {
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-message-id": f"sns-{what}",
    }
    return _json("amazon_ses/tracking/", body, **sns)


def sendgrid(what, number, address):
    said = {
        "hard": {"event": "bounce", "type": "bounce", "status": "5.1.1"},
        "soft": {"event": "deferred", "response": "450 4.2.0 later", "attempt": "3"},
        "block": {"event": "bounce", "type": "blocked", "status": "5.7.1"},
        "undetermined": {"event": "bounce", "reason": "500 unknown"},
        "complaint": {"event": "spamreport"},
        "unsubscribe": {"event": "group_unsubscribe", "asm_group_id": 7},
        "delivered": {"event": "delivered", "response": "250 OK"},
    }[what]
    body = {
        "email": address,
        "timestamp": MOMENT,
        "anymail_id": number,
        "sg_event_id": f"sg-{what}",
        "sg_message_id": "sg-1",
        **said,
    }
    return _json("sendgrid/tracking/", [body])


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
    token = hashlib.sha256(f"{what}{mailgun_calls()}".encode()).hexdigest()[:50]
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
    return _json("mailgun/tracking/", body)


_calls = iter(range(1_000_000))


def mailgun_calls():
    """Each call has a token of its own, one for the same event included."""
    return next(_calls)


def sparkpost(what, number, address):
    said = {
        "hard": {"type": "bounce", "bounce_class": "10", "raw_reason": "550 5.1.1"},
        "soft": {"type": "bounce", "bounce_class": "22", "raw_reason": "552 5.2.2"},
        "block": {"type": "bounce", "bounce_class": "51", "raw_reason": "550 5.7.1"},
        "undetermined": {"type": "out_of_band", "bounce_class": "1"},
        "complaint": {"type": "spam_complaint", "fbtype": "abuse"},
        "unsubscribe": {"type": "list_unsubscribe"},
        "delivered": {"type": "delivery"},
    }[what]
    kind = "unsubscribe_event" if what == "unsubscribe" else "message_event"
    event = {
        "event_id": f"sp-{what}",
        "transmission_id": number,
        "raw_rcpt_to": address,
        "timestamp": str(MOMENT),
        **said,
    }
    return _json("sparkpost/tracking/", [{"msys": {kind: event}}])


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
    signed = f"{URL}/mandrill/mandrill_events{written}".encode()
    digest = hmac.new(SIGNING.encode(), signed, hashlib.sha1).digest()
    return (
        "mandrill/",
        urlencode({"mandrill_events": written}).encode(),
        "application/x-www-form-urlencoded",
        {"X-Mandrill-Signature": base64.b64encode(digest).decode()},
    )


def resend(what, number, address):
    bounces = {
        "hard": ("Permanent", "General"),
        "soft": ("Transient", "MailboxFull"),
        "block": ("Permanent", "Suppressed"),
        "undetermined": ("Undetermined", "Undetermined"),
    }
    data = {
        "email_id": number,
        "to": [address],
        "from": "Shop <shop@example.com>",
        "created_at": ISO,
    }
    if what in bounces:
        kind, detail = bounces[what]
        data["bounce"] = {"type": kind, "subType": detail, "message": "No."}
        event = "email.bounced"
    else:
        event = {"complaint": "email.complained", "delivered": "email.delivered"}[what]
    body = {"type": event, "created_at": ISO, "data": data}
    return _json("resend/tracking/", body, **{"svix-id": f"svix-{what}"})


def brevo(what, number, address):
    event = {
        "hard": "hard_bounce",
        "soft": "soft_bounce",
        "block": "blocked",
        "undetermined": "error",
        "complaint": "spam",
        "unsubscribe": "unsubscribe",
        "delivered": "delivered",
    }[what]
    body = {
        "event": event,
        "email": address,
        "message-id": number,
        "ts_epoch": MOMENT * 1000,
        "reason": "What the server said.",
    }
    return _json("brevo/tracking/", body)


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
    return _signed("mailersend/tracking/", body)


def mailjet(what, number, address):
    said = {
        "hard": {"event": "bounce", "hard_bounce": True, "error": "user unknown"},
        "soft": {"event": "bounce", "hard_bounce": False, "error": "quota exceeded"},
        "block": {"event": "blocked", "error": "preblocked"},
        "undetermined": {"event": "bounce", "error": "something new"},
        "complaint": {"event": "spam", "source": "JMRPP"},
        "unsubscribe": {"event": "unsub"},
        "delivered": {"event": "sent"},
    }[what]
    body = {"time": MOMENT, "MessageID": int(number), "email": address, **said}
    return _json("mailjet/tracking/", [body])


def mailtrap(what, number, address):
    said = {
        "hard": {"event": "bounce", "response": "bounced (550 5.1.1 no such user)"},
        "soft": {"event": "soft bounce", "response": "(450 4.2.0 later)"},
        "block": {"event": "reject", "reason": "policy"},
        "complaint": {"event": "spam"},
        "unsubscribe": {"event": "unsubscribe"},
        "delivered": {"event": "delivery"},
    }[what]
    body = {
        "timestamp": MOMENT,
        "message_id": number,
        "email": address,
        "event_id": f"mt-{what}",
        "sending_stream": "transactional",
        **said,
    }
    return _json("mailtrap/tracking/", {"events": [body]})


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


PROVIDERS = {
    "Amazon SES": amazon_ses,
    "Brevo": brevo,
    "MailerSend": mailersend,
    "Mailgun": mailgun,
    "Mailjet": mailjet,
    "Mailtrap": mailtrap,
    "Mandrill": mandrill,
    "Postal": postal,
    "Postmark": postmark,
    "Resend": resend,
    "SendGrid": sendgrid,
    "SparkPost": sparkpost,
    "Unisender Go": unisender_go,
}

_ALL = {
    "hard",
    "soft",
    "block",
    "undetermined",
    "complaint",
    "unsubscribe",
    "delivered",
}
_NOT_SAID = {
    "Amazon SES": {"unsubscribe"},
    "MailerSend": {"block", "undetermined"},
    "Mailtrap": {"undetermined"},
    "Postal": {"complaint", "unsubscribe"},
    "Resend": {"unsubscribe"},
}
SAID = [
    (provider, what)
    for provider in PROVIDERS
    for what in sorted(_ALL - _NOT_SAID.get(provider, set()))
]
"""Each provider with each kind of which it has an event."""


def of_provider(provider, what, number, address="bob@example.com"):
    return PROVIDERS[provider](what, number, address)
