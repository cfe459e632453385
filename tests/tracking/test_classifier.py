"""What an event means, where the provider says it in so many fields; and in doubt, nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_mailplus.tracking.classifier import classify_event, names_of
from django_mailplus.tracking.rules import BY_TYPE, RULES, SURE

ONE = ["a@example.com"]


def status(code):
    return {"event-data": {"delivery-status": {"enhanced-code": code}}}


@pytest.mark.parametrize(
    ("provider", "event_type", "esp_event", "kind"),
    [
        # Bounces that are for good in the words of nobody but the provider's.
        ("SendinBlue", "bounced", {"event": "soft_bounce"}, "soft"),
        ("Postmark", "rejected", {"Type": "BadEmailAddress"}, "hard"),
        ("Postmark", "complained", {"Type": "SpamNotification"}, "block"),
        ("Postmark", "bounced", {"SuppressionReason": "HardBounce"}, "hard"),
        ("Mandrill", "rejected", {"msg": {"reject": {"reason": "spam"}}}, "complaint"),
        ("Mandrill", "rejected", {"reject": {"reason": "unsub"}}, "unsubscribe"),
        (
            "Mailgun",
            "bounced",
            {"event-data": {"reason": "suppress-complaint"}},
            "complaint",
        ),
        ("SendGrid", "rejected", {"event": "dropped", "reason": "Invalid"}, "hard"),
        (
            "SendGrid",
            "rejected",
            {"event": "dropped", "reason": "Unsubscribed Address"},
            "unsubscribe",
        ),
        ("SparkPost", "bounced", {"msys": {"m": {"bounce_class": 30}}}, "hard"),
        (
            "SparkPost",
            "unsubscribed",
            {"msys": {"m": {"bounce_class": "90"}}},
            "unsubscribe",
        ),
        # Status codes of the receiving server.
        ("Mailgun", "bounced", status("5.1.10"), "hard"),
        ("Mailgun", "bounced", status("5.2.2"), "soft"),
        ("Mailgun", "bounced", status("5.7.606"), "block"),
        ("Mailgun", "bounced", status("4.4.7"), "soft"),
        ("Mailgun", "bounced", status("5.2.1"), "undetermined"),
        ("Mailtrap", "bounced", {"event": "bounce", "response": "550 5.7.1"}, "block"),
        (
            "Postal",
            "failed",
            {"payload": {"output": "550 5.1.1.7 said"}},
            "undetermined",
        ),
        (
            "Postal",
            "failed",
            {"payload": {"output": "550-5.1.1 no"}},
            "hard",
        ),
        # Complaints that are none.
        (
            "Amazon SES",
            "complained",
            {
                "eventType": "Complaint",
                "complaint": {"complaintFeedbackType": "not-spam"},
            },
            "",
        ),
        (
            "SparkPost",
            "complained",
            {"msys": {"m": {"type": "spam_complaint", "fbtype": "not-spam"}}},
            "",
        ),
        # Late is not gone.
        ("Mailjet", "deferred", {"event": "bounce", "hard_bounce": True}, "soft"),
        ("Mailtrap", "deferred", {"event": "suspension"}, "block"),
        # Nothing to do with it.
        ("Postmark", "delivered", {"Type": "HardBounce"}, ""),
        ("Postmark", "subscribed", {"SuppressionReason": "HardBounce"}, ""),
        ("Postmark", "unknown", {"Type": "HardBounce"}, ""),
        # In doubt.
        ("Postmark", "bounced", {"Type": "SomethingNew"}, "undetermined"),
        ("Postmark", "bounced", {}, "undetermined"),
        ("Postmark", "bounced", None, "undetermined"),
        ("Postmark", "bounced", {"Type": ["HardBounce"]}, "undetermined"),
        ("Elsewhere", "bounced", {"Type": "HardBounce"}, "undetermined"),
        ("Elsewhere", "complained", {}, "undetermined"),
        ("Elsewhere", "deferred", {}, "soft"),
    ],
)
def test_what_an_event_means(provider, event_type, esp_event, kind):
    assert classify_event(provider, event_type, esp_event) == kind


def test_a_provider_that_blocks_bounces_nobody():
    assert classify_event("Brevo", "rejected", {}, reject_reason="blocked") == "block"
    said = classify_event("Elsewhere", "rejected", {}, reject_reason="blocked")
    assert said == "undetermined"


@pytest.mark.parametrize(
    ("to", "recipients", "kind"),
    [
        (ONE, None, "hard"),
        (ONE, 1, "hard"),
        (ONE, 2, "undetermined"),
        (["a@example.com", "b@example.com"], 1, "undetermined"),
    ],
)
def test_resend_does_not_say_who_of_many_it_was(to, recipients, kind):
    event = {"data": {"to": to, "bounce": {"type": "Permanent", "subType": "General"}}}
    assert classify_event("Resend", "bounced", event, recipients=recipients) == kind


def test_amazon_names_who_bounced_but_not_who_complained():
    bounce = {"bounce": {"bounceType": "Permanent", "bounceSubType": "General"}}
    assert classify_event("Amazon SES", "bounced", bounce, recipients=2) == "hard"
    complaint = {"eventType": "Complaint", "complaint": {"complainedRecipients": ONE}}
    assert classify_event("Amazon SES", "complained", complaint) == "complaint"
    complaint["complaint"]["complainedRecipients"] = ["a@example.com", "b@example.com"]
    assert classify_event("Amazon SES", "complained", complaint) == "undetermined"


def test_a_provider_that_changed_its_name():
    assert names_of("Brevo") == names_of("SendinBlue") == {"Brevo", "SendinBlue"}
    assert names_of("Postmark") == {"Postmark"}


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["event", "Type", "data", "msys", "bounce", "type"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(
    provider=st.sampled_from(sorted(RULES)) | st.text(max_size=5),
    event_type=st.sampled_from(sorted(BY_TYPE)) | st.text(max_size=5),
    esp_event=_values,
)
def test_nothing_that_is_sent_raises(provider, event_type, esp_event):
    kind = classify_event(provider, event_type, esp_event)
    assert kind in {*SURE, "soft", "block", "undetermined", ""}
    if event_type not in BY_TYPE:
        assert kind == ""


def test_it_knows_neither_django_nor_anymail():
    code = (
        "import sys, django_mailplus.tracking.classifier; "
        "print({'django', 'anymail'} & set(sys.modules))"
    )
    run = [sys.executable, "-c", code]
    result = subprocess.run(run, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
