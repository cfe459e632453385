"""Providers whose calls anybody could make: only the secret of the webhook keeps them off."""

from __future__ import annotations

import json
from zlib import crc32

from tracking.payloads.calls import ISO, MOMENT, as_json

__all__ = [
    "amazon_ses",
    "brevo",
    "mailjet",
    "mailtrap",
    "postmark",
    "resend",
    "sendgrid",
    "sparkpost",
]


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
    return as_json("postmark/tracking/", body)


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
    return as_json("amazon_ses/tracking/", body, **sns)


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
    return as_json("sendgrid/tracking/", [body])


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
    return as_json("sparkpost/tracking/", [{"msys": {kind: event}}])


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
    return as_json("resend/tracking/", body, **{"svix-id": f"svix-{what}"})


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
    return as_json("brevo/tracking/", body)


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
    return as_json("mailjet/tracking/", [body])


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
    return as_json("mailtrap/tracking/", {"events": [body]})
