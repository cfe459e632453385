"""The outbox in the admin: to look at, and to act on with the verbs that there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_mailplus.outbox.actions.verbs import VERBS, Verb
from django_mailplus.outbox.admin import listing, mail_page, queue_page
from django_mailplus.outbox.admin.acting import ActingAdmin
from django_mailplus.outbox.models import OutboxMessage, database
from django_mailplus.viewer import clean_line

__all__ = ["OutboxMessageAdmin"]

_SHOWN = 3  # recipients of a mail in the list


def _action(verb: Verb) -> Callable[..., HttpResponse | None]:
    @admin.action(description=verb.label, permissions=["send"])
    def act(
        page: OutboxMessageAdmin, request: HttpRequest, mails: QuerySet[OutboxMessage]
    ) -> HttpResponse | None:
        return page.act(request, verb, mails)

    act.__name__ = verb.name
    return act


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ActingAdmin):
    """The list, and where its other pages are."""

    list_filter = (
        listing.StateFilter,
        listing.MailerFilter,
        "priority",
        listing.CreatedFilter,
    )
    search_fields = ("subject", "mail_from", "recipients", "message_id")
    search_help_text = _(
        "Words in subject, sender, recipients or Message-ID of the newest 50,000 mails, or "
        "stream:name; or a whole id or Message-ID, at any age."
    )
    actions = tuple(_action(verb) for verb in VERBS.values())
    list_per_page = 50
    list_max_show_all = 0  # no page with all of them
    list_display_links = ("to", "said_to")
    paginator = listing.CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would be counted
    ordering = ("-pk",)
    change_list_template = "mailplus/outbox/list.html"

    class Media:
        css = {"all": ["mailplus/outbox.css"]}

    # --- The list ------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxMessage]:
        return OutboxMessage.objects.using(database()).order_by(
            *self.get_ordering(request)
        )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """By the end where the list is of one final state: both have an index."""
        return ("-finalised_at", "-pk") if listing.is_final(request) else ("-pk",)

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        mail = "said_to" if self.has_content_permission(request) else "to"
        return ("shown_state", mail, "by", "tries", "times")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        subjects = self.has_content_permission(request)
        return listing.search(queryset, search_term, subjects=subjects), False

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """No others than those of the filters: one can guess a subject letter by letter."""
        return lookup in ("state", "mailer", "created", "priority__exact")

    @admin.display(description=_("state"))
    def shown_state(self, mail: OutboxMessage) -> str:
        return listing.state_label(mail)

    @admin.display(description=_("recipients"))
    def to(self, mail: OutboxMessage) -> str:
        shown = [clean_line(str(address)) for address in mail.recipients[:_SHOWN]]
        more = len(mail.recipients) - len(shown)
        return ", ".join(shown) + (f" +{more}" if more else "") or "-"

    @admin.display(description=_("mail"))
    def said_to(self, mail: OutboxMessage) -> str:
        return format_html(
            '<bdi class="mailplus-subject">{}</bdi> <bdi class="mailplus-to">{}</bdi>',
            mail_page.subject_of(mail),
            self.to(mail),
        )

    @admin.display(description=_("mailer"))
    def by(self, mail: OutboxMessage) -> str:
        return listing.mailer_name(clean_line(mail.mailer))

    @admin.display(description=_("tries"))
    def tries(self, mail: OutboxMessage) -> int:
        return mail.attempts

    @admin.display(description=_("created"))
    def times(self, mail: OutboxMessage) -> str:
        end = mail.finalised_at
        return format_html(
            '{} <span class="mailplus-to">{} {}</span>',
            listing.moment(mail.created_at),
            _("due") if end is None else _("finished"),
            listing.moment(end or mail.due_at),
        )

    # --- The other pages -----------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Callable[..., Any], name: str) -> URLPattern:
            def with_page(request: HttpRequest, **kwargs: Any) -> HttpResponse:
                return view(self, request, **kwargs)  # type: ignore[no-any-return]

            guarded = self.admin_site.admin_view(with_page)
            return path(route, guarded, name=f"mailplus_outboxmessage_{name}")

        return [
            page("queue/", queue_page.show, "queue"),
            page("queue/<str:verb>/", queue_page.act, "pause"),
            page("<uuid:pk>/html/", mail_page.html, "html"),
            page("<uuid:pk>/source/", mail_page.source, "source"),
            page("<uuid:pk>/download/", mail_page.download, "download"),
            page(
                "<uuid:pk>/attachment/<int:number>/", mail_page.attachment, "attachment"
            ),
            page("<uuid:pk>/act/<str:verb>/", mail_page.act, "act"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: Any,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """One mail, in a page of its own: there is no form to it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        mail = self.get_object(request, object_id)
        if mail is None:
            self.message_user(
                request, gettext("There is no such mail."), messages.WARNING
            )
            return HttpResponseRedirect(self.url("changelist"))
        return mail_page.show(self, request, mail)
