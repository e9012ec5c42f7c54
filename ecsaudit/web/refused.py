"""A bulk action that was refused, kept in the session until the list is shown again: why, what was written, what was ticked."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

KEY = "refused_bulk_action"
WRITTEN = ("scope", "change", "reason", "text", "assignee", "until", "more", "while_rule_stays")
# As long as a comment may be, and as many as an action takes by ticks.
LONGEST, MOST = 10_000, 500


def keep(request: HttpRequest, why: str) -> None:
    """Keep what was sent. A row is kept by its number; a list shows either findings or groups."""
    request.session[KEY] = {
        "refused": why,
        "said": {name: request.POST[name][:LONGEST] for name in WRITTEN if name in request.POST},
        "ticked": [*request.POST.getlist("finding"), *request.POST.getlist("group")][:MOST],
    }


def take(request: HttpRequest) -> dict[str, Any]:
    """`refused`, `said` and `ticked` of the action that was refused last, once; empty if none was."""
    kept: dict[str, Any] = request.session.pop(KEY, {})
    return kept
