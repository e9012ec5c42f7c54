"""The page of a new exception: its fields as rows to choose from, and what is asked beside them.

Values are written in one line each: what can't be seen as an escape (`\\n`, `\\u202e`), a backslash twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django import forms
from django.utils import timezone

from ecsaudit.library.candidates import Offered
from ecsaudit.library.exception_texts import COMPARISONS, Term
from ecsaudit.library.exceptions import LONGEST
from ecsaudit.visible import mark
from ecsaudit.web.forms import RowNumber
from ecsaudit.web.replay_page import DAYS

USUAL = timedelta(days=90)
# Characters that a box shows in a line where it is narrow.
LINE = 56
# Rows for fields that were not offered.
FREE_ROWS = 2
NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([nrt\\]))")
_READ = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
PAST = [("", "stay as they are"), ("open", "that are open are archived")]


def written(value: str) -> str:
    """The value in one line, with everything in it to be seen."""
    return "".join(NAMED.get(each) or (each if mark(each) == each else escape(each)) for each in value)


def escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def meant(text: str) -> str:
    """What `written` made the text of; a backslash before anything else is itself."""

    def character(found: re.Match[str]) -> str:
        code = int(found[1] or found[2] or "0", 16)
        return _READ[found[3]] if found[3] else chr(code) if code < 0x110000 else found[0]

    return _ESCAPE.sub(character, text)


@dataclass(frozen=True, slots=True)
class Row:
    """A field that can be part of the exception. `seen` is its value in the event, `text` what stands in the box."""

    number: int
    field: str
    label: str
    seen: str
    used: bool
    comparison: str
    text: str

    @property
    def term(self) -> Term:
        lines = [line for line in self.text.replace("\r\n", "\n").split("\n") if line]
        values = lines if self.comparison == "in" else ["\n".join(lines)] if lines else []
        return Term(self.field.strip(), self.comparison, tuple(map(meant, values)))

    @property
    def lines(self) -> int:
        """How high the box must be to show all of it, up to a height."""
        return min(sum(len(line) // LINE + 1 for line in self.text.split("\n")), 8)


def rows_to_begin(offered: Sequence[Offered], chosen: Sequence[str]) -> list[Row]:
    """The fields of the event with its values, those of a candidate chosen."""
    rows = [
        Row(number, each.field, each.label, each.value, each.field in chosen, "=", written(each.value))
        for number, each in enumerate(offered)
    ]
    free = range(len(rows), len(rows) + FREE_ROWS)
    return [*rows, *(Row(number, "", "", "", False, "=", "") for number in free)]


def rows_of(data: Mapping[str, str], offered: Sequence[Offered]) -> list[Row]:
    """The rows as the form was sent; fields that were offered keep their names, whatever is sent."""
    rows = []
    for begun in rows_to_begin(offered, ()):
        number = begun.number
        field = begun.field or data.get(f"field-{number}", "").strip()[:300]
        comparison = data.get(f"comparison-{number}", "=")
        used = f"use-{number}" in data if begun.field else bool(field)
        text = data.get(f"value-{number}", "").replace("\x00", "")
        rows.append(Row(number, field, begun.label, begun.seen, used, comparison, text))
    return rows


def terms_of(rows: Sequence[Row]) -> list[Term]:
    return [row.term for row in rows if row.used]


def comparisons() -> list[tuple[str, str]]:
    return list(COMPARISONS.items())


class ExpiryForm(forms.Form):
    """Until when, or why for ever; a new exception and one that is extended ask alike."""

    reason = forms.CharField(
        label="Reason", max_length=500, error_messages={"required": "Say why; it stands in the history."}
    )
    expires_on = forms.DateField(
        label="Expires on", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    never = forms.BooleanField(label="It never expires", required=False)
    why_no_expiry = forms.CharField(label="because", max_length=500, required=False)

    def clean(self) -> dict[str, object]:
        cleaned: dict[str, object] = super().clean() or self.cleaned_data
        if self.cleaned_data.get("never") and not self.cleaned_data.get("why_no_expiry"):
            self.add_error("why_no_expiry", "Say why it never expires.")
        if not self.cleaned_data.get("never") and not self.errors.get("expires_on"):
            day = self.cleaned_data.get("expires_on")
            if day is None:
                self.add_error("expires_on", "Choose a day, or say why it never expires.")
            elif not timezone.now() < midnight(day) <= timezone.now() + LONGEST:
                self.add_error("expires_on", f"Choose a day within {LONGEST.days} days from now.")
        return cleaned

    @property
    def expires_at(self) -> datetime | None:
        return None if self.cleaned_data["never"] else midnight(self.cleaned_data["expires_on"])

    @property
    def why(self) -> str:
        return str(self.cleaned_data["why_no_expiry"]) if self.cleaned_data["never"] else ""


class ExceptionForm(ExpiryForm):
    """`look` is the id of the try that was looked at, `finding` of the finding at hand."""

    field_order = ("owner", "reason", "expires_on", "never", "why_no_expiry")
    event = RowNumber(widget=forms.HiddenInput)
    rule = forms.CharField(max_length=256, strip=False, widget=forms.HiddenInput)
    finding = RowNumber(required=False, widget=forms.HiddenInput)
    look = RowNumber(required=False, widget=forms.HiddenInput)
    owner = forms.CharField(label="Owner", max_length=150, error_messages={"required": "Say who answers for it."})
    past = forms.ChoiceField(choices=PAST, required=False, widget=forms.RadioSelect)
    days = forms.ChoiceField(choices=[(name, name) for name in DAYS], required=False)
    despite = forms.BooleanField(required=False)


def first_expiry() -> date:
    return (timezone.now() + USUAL).date()


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
