"""The form of a change to findings: of one on its page, of many under the list."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone

from ecsaudit.findings import triage
from ecsaudit.findings.models import CloseReason, WorkflowStatus
from ecsaudit.people.models import User
from ecsaudit.web.finding_list import NOBODY

RESOLVE, SUPPRESS, UNTIL, REOPEN = "resolved", "suppressed", "until", "new"
ASSIGN, MINE, COMMENT, TICK = "assign", "mine", "comment", "tick"
CHANGES = {
    RESOLVE: "Resolve",
    SUPPRESS: "Suppress",
    UNTIL: "Suppress until …",
    REOPEN: "Open again",
    MINE: "Assign to me",
    ASSIGN: "Assign to …",
    COMMENT: "Comment",
}
PEOPLE = 200


def people() -> list[str]:
    """Who can be assigned to, by name; as many as a list is good for."""
    found = User.objects.filter(is_active=True).order_by("username")
    return list(found.values_list("username", flat=True)[:PEOPLE])


class TriageForm(forms.Form):
    """What to do, and what that needs; whether it can be done is for triage to say."""

    change = forms.ChoiceField(choices=[*CHANGES.items(), (WorkflowStatus.NOTIFIED.value, "Notified"), (TICK, "Tick")])
    reason = forms.ChoiceField(choices=CloseReason.choices, required=False)
    text = forms.CharField(required=False, widget=forms.Textarea)
    assignee = forms.CharField(max_length=150, required=False)
    until = forms.DateTimeField(required=False)
    more = forms.IntegerField(min_value=1, max_value=1_000_000, required=False)
    while_rule_stays = forms.BooleanField(required=False)
    step = forms.IntegerField(min_value=1, max_value=1_000, required=False)
    done = forms.BooleanField(required=False)

    def clean_until(self) -> datetime | None:
        until: datetime | None = self.cleaned_data["until"]
        if until is not None and until <= timezone.now():
            raise forms.ValidationError("lies in the past; write a time (UTC) that is still to come")
        return until

    def asked(self, user: User) -> triage.Change:
        """The change, as this person asks for it. TriageError says what of the form can't be used."""
        if not self.is_valid():
            name, messages = next(iter(self.errors.items()))
            raise triage.TriageError(f"“{name}”: {' '.join(map(str, messages))}")
        asked: dict[str, Any] = self.cleaned_data
        kind, text = asked["change"], asked["text"].strip()
        if kind == COMMENT:
            return triage.Comment(text)
        if kind == TICK:
            return triage.Tick(asked["step"] or 0, asked["done"])
        if kind == MINE:
            return triage.Assign(user.pk, text)
        if kind == ASSIGN:
            return triage.Assign(assignee_of(asked["assignee"]), text)
        if kind == UNTIL:
            until = asked["until"].isoformat() if asked["until"] else ""
            return triage.Suppress(asked["reason"], text, until, asked["more"] or 0, asked["while_rule_stays"])
        return triage.SetStatus(kind, asked["reason"] if kind in (RESOLVE, SUPPRESS) else "", text)


def assignee_of(name: str) -> int | None:
    """The id of a user by name; None for nobody. TriageError when there is no such user."""
    if name in ("", NOBODY):
        return None
    found = User.objects.filter(username=name, is_active=True).values_list("pk", flat=True).first()
    if found is None:
        raise triage.TriageError(f"there is no user “{name}”; choose one from the list")
    return found
