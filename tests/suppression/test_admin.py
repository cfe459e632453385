"""The do-not-mail list in the admin."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from outbox_admin_stage import needs_admin

from django_mailplus.suppression.lookup import is_suppressed
from django_mailplus.suppression.models import Suppression
from django_mailplus.suppression.reasons import Reason
from django_mailplus.suppression.writing import suppress

LIST = "/admin/mailplus/suppression/"
BOB = "bob@example.com"

pytestmark = [pytest.mark.django_db, needs_admin]


def test_add_look_and_take_off(admin_client):
    form = {"address": BOB, "reason": "manual", "stream": "", "detail": "by phone"}
    form |= {"expires_at_0": "", "expires_at_1": ""}
    for _ in range(2):  # again is no mistake
        assert admin_client.post(f"{LIST}add/", form).status_code == 302
    entry = Suppression.objects.get()
    assert (entry.reported, entry.source) == (2, "admin: admin")
    assert is_suppressed("BOB@example.com")
    page = admin_client.get(f"{LIST}{entry.pk}/change/").content.decode()
    assert "by phone" in page
    assert 'name="_save"' not in page
    admin_client.post(f"{LIST}{entry.pk}/delete/", {"post": "yes"})
    assert not is_suppressed(BOB)


@pytest.mark.parametrize(
    ("written", "kept"),
    [(f"Bob <{BOB}>", [BOB]), (f" {BOB} ", [BOB]), ("bob", []), ("@example.com", [])],
)
def test_what_is_entered_is_an_address(admin_client, written, kept):
    form = {"address": written, "reason": "manual"}
    form |= {"expires_at_0": "", "expires_at_1": ""}
    page = admin_client.post(f"{LIST}add/", form)
    assert ("valid email address" in page.content.decode()) == (not kept)
    assert list(Suppression.objects.values_list("address", flat=True)) == kept
    assert is_suppressed(BOB) == bool(kept)


def test_search_finds_other_spellings(admin_client):
    suppress(BOB, reason=Reason.COMPLAINT)
    suppress("carol@example.com", reason=Reason.COMPLAINT)
    for word in ("BOB@Example.com", f"Bob <{BOB}>", '"bob"@example.com', "bob"):
        page = admin_client.get(LIST, {"q": word}).content.decode()
        assert (BOB in page, "carol@" in page) == (True, False)


@pytest.mark.parametrize(("query", "shown"), [("", "-"), ("?_facets=1", "- (1)")])
def test_those_for_all_streams_can_be_chosen_and_the_choice_be_read(
    admin_client, query, shown
):
    suppress(BOB, reason=Reason.COMPLAINT)
    suppress("carol@example.com", reason=Reason.UNSUBSCRIBE, stream="news")
    page = admin_client.get(f"{LIST}{query}").content.decode()
    links = re.findall(r'<a href="([^"]*stream=[^"]*)"[^>]*>([^<]*)</a>', page)
    assert [text for _, text in links] == [shown, shown.replace("-", "news")]
    found = admin_client.get(f"{LIST}?stream=").content.decode()
    assert (BOB in found, "carol@" in found) == (True, False)


def test_actions(admin_client):
    for name in ("bob", "carol"):
        suppress(f"{name}@example.com", reason=Reason.UNSUBSCRIBE, stream="news")
    chosen = {"_selected_action": [row.pk for row in Suppression.objects.all()]}
    found = admin_client.post(LIST, {"action": "download", **chosen})
    lines = b"".join(found.streaming_content).decode().splitlines()
    assert lines[0].startswith("address,reason,stream")
    assert len(lines) == 3
    answer = {"action": "delete_selected", "post": "yes", **chosen}
    assert admin_client.post(LIST, answer).status_code == 302
    assert not Suppression.objects.exists()


def test_who_may_only_look(client):
    user = get_user_model().objects.create_user("eve", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_suppression"))
    client.force_login(user)
    suppress(BOB, reason=Reason.COMPLAINT)
    assert BOB in client.get(LIST).content.decode()
    assert client.get(f"{LIST}add/").status_code == 403
