"""The form of a new API key."""

from __future__ import annotations

from datetime import timedelta

from django import forms

DAYS = {7: "7 days", 30: "30 days", 90: "90 days", 365: "a year"}
MAY = {"read": "Only read", "all": "Do what I may do"}


class ApiKeyForm(forms.Form):
    """What it is for, what it may, and how long. By default as little as is useful."""

    name = forms.CharField(max_length=80, label="What it is for")
    may = forms.ChoiceField(choices=list(MAY.items()), initial="read", label="It may")
    days = forms.TypedChoiceField(choices=list(DAYS.items()), coerce=int, initial=90, label="It expires after")

    @property
    def lifetime(self) -> timedelta:
        days: int = self.cleaned_data["days"]
        return timedelta(days=days)
