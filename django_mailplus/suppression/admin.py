"""The do-not-mail list in the admin: to look at, to add to, to take off, to download."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext_lazy as _

from django_mailplus.message.envelope import bare_address
from django_mailplus.message.lookalike import lookalike_key
from django_mailplus.suppression.listing import csv_lines
from django_mailplus.suppression.models import Suppression
from django_mailplus.suppression.writing import delete, suppress

__all__ = ["SuppressionAdmin"]


class _EntryForm(ModelForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """An entry without an address in it would keep back nothing, and say nothing."""

    def clean_address(self) -> str:
        address = bare_address(self.cleaned_data["address"])
        if "@" not in address.strip("@"):
            raise ValidationError(validate_email.message, code="invalid")
        return address


class _StreamFilter(admin.AllValuesFieldListFilter):
    """Entries for all streams have no name of one, where a link needs some text."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            shown = str(choice["display"])  # there may be a count behind the name
            if shown[:1] in ("", " "):
                choice["display"] = f"{self.empty_value_display}{shown}"
            yield choice


@admin.register(Suppression)
class SuppressionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Entries are added and taken off, never changed: each says what happened."""

    form = _EntryForm
    list_display = (
        "address",
        "reason",
        "stream",
        "source",
        "created_at",
        "expires_at",
        "kept_back",
    )
    list_filter = ("reason", ("stream", _StreamFilter), "created_at")
    search_fields = ("address",)
    actions = ("download",)
    fields = ("address", "reason", "stream", "detail", "expires_at")
    shown = (
        *fields[:3],
        "source",
        "detail",
        "created_at",
        "expires_at",
        "reported",
        "kept_back",
        "last_kept_back_at",
    )

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.fields if obj is None else self.shown

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> Any:
        return () if obj is None else self.shown

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """A whole address is found however it is spelled."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if "@" in search_term.strip("@ "):
            found |= queryset.filter(key=lookalike_key(bare_address(search_term)))
        return found, duplicates

    def save_model(
        self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool
    ) -> None:
        entry = suppress(
            obj.address,
            reason=obj.reason,
            stream=obj.stream,
            source=f"admin: {request.user}",
            detail=obj.detail,
            expires_at=obj.expires_at,
        )
        obj.__dict__.update(entry.__dict__)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        delete(Suppression.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        delete(queryset)

    @admin.action(description=_("Download as CSV"), permissions=["view"])
    def download(
        self, request: HttpRequest, rows: QuerySet[Suppression]
    ) -> StreamingHttpResponse:
        return StreamingHttpResponse(
            csv_lines(rows),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="do-not-mail.csv"'},
        )
