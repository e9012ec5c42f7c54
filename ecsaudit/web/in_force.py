"""What a change of the rules comes to, and what is shown while there are no rules at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ecsaudit.library.effective import RulesBroken
from ecsaudit.library.models import Library

View = Callable[..., HttpResponse]


def from_when() -> str:
    """A sentence on since when a change judges that was just made."""
    return but_not_yet().strip() or "It judges from the next event on."


def but_not_yet() -> str:
    """A sentence behind another, where a change that was made does not judge; else nothing."""
    if not Library.objects.exclude(problems=[]).exists():
        return ""
    return " But the newest rules can't be used: it judges only when what is wrong with them is mended."


def needs_rules(view: View) -> View:
    """Without any good rule set such a screen has nothing to tell; the page says what to mend."""

    @wraps(view)
    def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except RulesBroken:
            return render(request, "library/broken.html", {"library": Library.objects.first()})

    return told
