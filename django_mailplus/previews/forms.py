"""The values of a sample as a form, by the types of its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from django import forms

from django_mailplus.previews.cases import FIELDS, OPTIONAL, Case

__all__ = ["ValuesForm", "form_of"]

_PREFIX = "v"
_GIVEN = "v-given"  # stands in the form, for a checkbox that is off sends nothing


class ValuesForm(forms.Form):
    """One field for each parameter; nothing given means the sample as it is."""

    optional: Set[str] = frozenset()

    def values(self) -> dict[str, Any]:
        """What was typed; nothing while it is wrong.

        A field left empty is None where its type has that, else what it is in the sample.
        """
        if not self.is_bound or not self.is_valid():
            return {}
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if value is not None or name in self.optional
        }

    def given(self) -> dict[str, str]:
        """The values as they stand in a URL."""
        names = [_GIVEN, *map(self.add_prefix, self.fields)] if self.is_bound else []
        return {name: str(self.data[name]) for name in names if name in self.data}


def form_of(case: Case, data: Mapping[str, Any]) -> ValuesForm:
    """The form of a case, bound if the data holds one of its values."""
    fields = {
        each.name: FIELDS[each.type](
            initial=each.initial,
            required=False,
            label=each.name.replace("_", " "),
        )
        for each in case.parameters
    }
    kind = type("CaseForm", (ValuesForm,), fields)
    bound = any(name.startswith(f"{_PREFIX}-") for name in data)
    form: ValuesForm = kind(data if bound else None, prefix=_PREFIX)
    form.optional = {each.name for each in case.parameters if each.type in OPTIONAL}
    return form
