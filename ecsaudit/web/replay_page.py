"""A replay in words and numbers: how far it is, what came of it, and the rows that it kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.urls import reverse

from ecsaudit.execsessions.facts import EVENT_NAMES
from ecsaudit.library.effective import Effective
from ecsaudit.library.models import Kind, Layer
from ecsaudit.replay.models import Change, Purpose, Replay, Scope
from ecsaudit.replay.outcomes import KEPT
from ecsaudit.visible import shortened
from ecsaudit.web.exports import column, links, newest_first
from ecsaudit.web.finding_list import ALL
from ecsaudit.web.paging import Place, page, place_of
from ecsaudit.web.times import moment, span, stamp

DAYS = {"1": 1, "7": 7, "30": 30, "all": None}
# As many days as a list's address takes.
LONGEST_DAYS = "3650"
NAMES_SHOWN = 12
COLUMNS = (
    "pk", "event_time", "rule", "event__event_name", "event__region", "event__account__account_id",
    "event__account__alias", "event__session_event__session_id", "event__session_event__session__person",
)  # fmt: skip


class StartForm(forms.Form):
    """What a try is asked for with; whether the text can be used is for the library to say."""

    kind = forms.ChoiceField(choices=Kind.choices)
    name = forms.CharField(max_length=256, strip=False, required=False, help_text="empty: as the text says")
    layer = forms.ChoiceField(choices=[(layer.value, layer.label) for layer in (Layer.OWN, Layer.OVERLAY)])
    text = forms.CharField(required=False, strip=False)
    days = forms.ChoiceField(choices=[(name, name) for name in DAYS], initial="30")

    def problems(self) -> list[dict[str, Any]]:
        """Its errors in the form of the library's problems."""
        return [
            {"file": name, "line": 1, "column": 1, "message": str(message), "hint": ""}
            for name, messages in self.errors.items()
            for message in messages
        ]


@dataclass(frozen=True, slots=True)
class Tab:
    """One kind of change: how many, and the address of its rows."""

    change: str
    text: str
    address: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that the page of a replay shows."""

    replay: Replay
    progress: str
    tabs: Sequence[Tab]
    rows: Sequence[dict[str, str]]
    older: str
    newer: str
    kept: str
    looked_at: str
    judged_by: str
    state_address: str
    exports: Sequence[tuple[str, str]]


def standing(replay: Replay, address: QueryDict, in_force: int | None) -> Standing:
    """`address` names the change and the page of rows; `in_force` is the id of the rule set in force."""
    change = asked_change(replay, address.get("change", ""))
    tabs = [
        Tab(each.value, f"{count_of(replay, each):,} {each.label.lower()}", where(replay, each), each == change)
        for each in Change
    ]
    rows: Sequence[dict[str, str]] = ()
    older = newer = ""
    if replay.purpose == Purpose.TRY and not replay.is_unfinished:
        after, before = (place(address, name) for name in ("after", "before"))
        found = page(replay.matches.filter(change=change).values(*COLUMNS), "event_time", after=after, before=before)
        base = reverse("replay", args=[replay.pk])
        rows = [shown(row, base) for row in found.rows]
        older = found.older and where(replay, change, after=found.older)
        newer = found.newer and where(replay, change, before=found.newer)
    state_address = f"{reverse('replay-state', args=[replay.pk])}?{urlencode({'change': address.get('change', '')})}"
    return Standing(
        replay=replay,
        progress=progress(replay),
        tabs=tabs if replay.purpose == Purpose.TRY else (),
        rows=rows,
        older=older,
        newer=newer,
        kept=f"{KEPT[change]:,}" if count_of(replay, change) > KEPT[change] else "",
        looked_at=looked_at(replay),
        judged_by=judged_by(replay, in_force),
        state_address=state_address,
        exports=export_links(replay, change) if rows else (),
    )


def export_links(replay: Replay, change: Change) -> list[tuple[str, str]]:
    """Addresses of the rows as a file; whole ones, because the part of the page that has them moves between pages."""
    base = reverse("replay", args=[replay.pk])
    return [(word, base + address) for word, address in links([("change", change.value)])]


def asked_change(replay: Replay, asked: str) -> Change:
    """The change whose rows are asked for; else the first of which there are any."""
    if asked in Change.values:
        return Change(asked)
    return next((change for change in Change if count_of(replay, change)), Change.NEW)


def count_of(replay: Replay, change: Change) -> int:
    return {Change.NEW: replay.new, Change.GONE: replay.gone, Change.UNCHANGED: replay.unchanged}[change]


def where(replay: Replay, change: Change, **more: str) -> str:
    return f"{reverse('replay', args=[replay.pk])}?{urlencode({'change': change.value} | more)}"


def place(address: QueryDict, name: str) -> Place | None:
    token = address.get(name, "")
    return place_of(token) if token else None


def progress(replay: Replay) -> str:
    if replay.total is None:
        return "Not begun yet."
    what = "findings and events" if replay.purpose == Purpose.APPLY else "stored events"
    words = f"{replay.done:,} of {replay.total:,} {what} judged"
    if replay.finished_at is not None and replay.started_at is not None:
        return f"{words}, in {span(replay.finished_at - replay.started_at)}."
    return f"{words}."


def looked_at(replay: Replay) -> str:
    """Which events were read, in words."""
    if replay.scope == Scope.BACK:
        return "Findings that the exception archived, and events that it kept from being found."
    if not replay.event_names:
        return ""
    names = ", ".join(shortened(name, 60) for name in replay.event_names[:NAMES_SHOWN])
    more = len(replay.event_names) - NAMES_SHOWN
    time = f"from {moment(replay.since)} on" if replay.since else "of all time"
    return f"Stored events {time}, named {names}{f' and {more} more names' if more > 0 else ''}."


def judged_by(replay: Replay, in_force: int | None) -> str:
    if replay.rule_set is None:
        return ""
    word = "Compared with" if replay.purpose == Purpose.TRY else "Judged by"
    later = "" if replay.rule_set_id == in_force else "; other rules are in force since"
    return f"{word} the rules of {moment(replay.rule_set.created_at)} (rule set {replay.rule_set_id}){later}."


def not_asked_for(replay: Replay, effective: Effective) -> list[str]:
    """Event names that the rules can match, but that nothing asks CloudTrail for."""
    return sorted(set(replay.event_names) - set(EVENT_NAMES) - effective.event_names())


def shown(row: dict[str, Any], base: str) -> dict[str, str]:
    """A row as text for the template. `base` is the replay's address, under which its matches lie."""
    session = row["event__session_event__session_id"]
    return {
        "url": f"{base}matches/{row['pk']}/",
        "time": stamp(row["event_time"]),
        "rule": shortened(row["rule"], 80),
        "event_name": shortened(row["event__event_name"], 60),
        "person": shortened(row["event__session_event__session__person"] or "", 60),
        "session": reverse("session", args=[session]) if session else "",
        "account": shortened(row["event__account__alias"] or row["event__account__account_id"], 30),
        "region": shortened(row["event__region"], 32),
    }


EXPORT = (
    column("id", "pk"),
    *map(column, ("created_at", "started_at", "finished_at", "purpose", "scope", "kind", "name", "layer", "rules")),
    *map(column, ("event_names", "since", "state", "failure", "total", "done", "new", "gone", "unchanged")),
    column("author", "author__username"),
)


def exported() -> Iterator[dict[str, Any]]:
    """Every replay that the list shows, as a file has it."""
    rows = Replay.objects.for_list().select_related(None)
    return newest_first(rows.values(*(column.path for column in EXPORT)), "created_at")


MATCH_EXPORT = (
    column("id", "pk"),
    *map(column, ("event_time", "rule", "change")),
    column("event_id", "event__event_id"),
    column("event_name", "event__event_name"),
    column("region", "event__region"),
    column("account", "event__account__account_id"),
    column("account_alias", "event__account__alias"),
    column("session", "event__session_event__session_id"),
    column("person", "event__session_event__session__person"),
)


def exported_matches(replay: Replay, address: QueryDict) -> Iterator[dict[str, Any]]:
    """The matches of one change that the replay kept, as a file has them."""
    rows = replay.matches.filter(change=asked_change(replay, address.get("change", "")))
    return newest_first(rows.values(*(column.path for column in MATCH_EXPORT)), "event_time")


def findings_address(replay: Replay, record_state: str) -> str:
    """The findings of the rules that were applied, in one state; empty where these are too many for an address."""
    if len(replay.rules) > NAMES_SHOWN:
        return ""
    pairs = [("days", LONGEST_DAYS), *(("rule", name) for name in replay.rules), ("record_state", record_state)]
    pairs += ALL.items()
    return f"{reverse('findings')}?{urlencode(pairs)}"
