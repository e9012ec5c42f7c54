"""Replays: try a draft over the stored history, watch it, cancel it, and look at why each match is new or gone."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from ecsaudit import engine, tasks
from ecsaudit.findings.models import RecordState
from ecsaudit.library.composing import judging
from ecsaudit.library.effective import as_it_was, rules
from ecsaudit.library.models import RuleSet
from ecsaudit.replay import services
from ecsaudit.replay.judging import stored_name
from ecsaudit.replay.models import Purpose, Replay, ReplayMatch, Scope
from ecsaudit.web import exports, replay_page
from ecsaudit.web.access import analysts_only, person
from ecsaudit.web.in_force import needs_rules
from ecsaudit.web.raw import Raw
from ecsaudit.web.rule_list import item_address

NEWEST = 50


@require_http_methods(["GET", "HEAD", "POST"])
def listing(request: HttpRequest) -> HttpResponseBase:
    """The newest replays, or all as a file; a POST starts one."""
    if request.method == "POST":
        return start(request)
    if form := exports.asked(request):
        return exports.answer(form, "replays", replay_page.EXPORT, replay_page.exported())
    context = {"replays": Replay.objects.for_list()[:NEWEST], "limit": NEWEST, "exports": exports.links()}
    return render(request, "replay/list.html", context)


@analysts_only
@needs_rules
def start(request: HttpRequest) -> HttpResponse:
    """Try the text of a form. Asked by htmx, the answer is the part that shows how it stands."""
    form = replay_page.StartForm(request.POST)
    if not form.is_valid():
        return refused(request, form.problems())
    asked = form.cleaned_data
    try:
        replay = services.start(
            kind=asked["kind"],
            name=asked["name"],
            layer=asked["layer"],
            text=asked["text"],
            days=replay_page.DAYS[asked["days"]],
            author=person(request),
        )
    except services.DraftRefused as error:
        return refused(request, error.problems)
    except services.NothingChanges as error:
        return refused(request, [], f"There is nothing to try: {error}.")
    transaction.on_commit(partial(tasks.replay_soon, replay.pk))
    return state(request, replay.pk) if request.htmx else redirect(replay)  # type: ignore[attr-defined]


def refused(request: HttpRequest, problems: list[dict[str, Any]], reason: str = "") -> HttpResponse:
    """Why nothing was started. htmx shows only what comes with status 200."""
    context = {"problems": problems, "reason": reason}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "replay/_refused.html", context)
    return render(request, "replay/refused.html", context, status=422)


def show(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One replay, or the matches that it kept as a file."""
    if form := exports.asked(request):
        rows = replay_page.exported_matches(get_object_or_404(Replay, pk=pk), request.GET)
        return exports.answer(form, "replay-matches", replay_page.MATCH_EXPORT, rows)
    return render(request, "replay/show.html", context_of(request, pk))


def state(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of the page that changes; it asks for itself until the replay is finished."""
    return render(request, "replay/_state.html", context_of(request, pk))


def context_of(request: HttpRequest, pk: int) -> dict[str, Any]:
    replay = get_object_or_404(Replay.objects.for_detail(), pk=pk)
    effective = rules.current()
    return {
        "replay": replay,
        "standing": replay_page.standing(replay, request.GET, effective.pk),
        "not_asked_for": replay_page.not_asked_for(replay, effective) if replay.purpose == Purpose.TRY else [],
        "item_address": item_address(replay.kind, replay.name) if replay.name else "",
        "archived_address": replay_page.findings_address(replay, RecordState.ARCHIVED),
        "active_address": replay_page.findings_address(replay, RecordState.ACTIVE),
    }


@require_POST
@analysts_only
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    replay = get_object_or_404(Replay, pk=pk)
    cancelled = services.cancel(replay=replay)
    if request.htmx:  # type: ignore[attr-defined]
        return state(request, pk)
    if not cancelled:
        messages.error(request, refusal(replay))
    return redirect(replay)


def refusal(replay: Replay) -> str:
    """Why a replay was not cancelled."""
    if replay.is_unfinished and replay.scope == Scope.BACK:
        return "It goes on: the exception has ended, and what it hid would stay hidden for good."
    return "There was nothing left to cancel."


def match(request: HttpRequest, pk: int, match_pk: int) -> HttpResponse:
    """Why one event matches or doesn't, by the rules in force and by the draft, side by side."""
    found = get_object_or_404(ReplayMatch.objects.for_detail(), pk=match_pk, replay=pk)
    session_event = getattr(found.event, "session_event", None)
    return render(
        request,
        "replay/match.html",
        {
            "match": found,
            "session": session_event.session if session_event else None,
            "sides": [
                side("In force", found, found.replay.rule_set),
                side("With this text", found, found.replay.draft),
            ],
            "raw": Raw.of(found.event.raw_text),
            "rule_address": item_address("rule", found.rule),
        },
    )


def side(title: str, found: ReplayMatch, rule_set: RuleSet | None) -> dict[str, Any]:
    """One version's explanation, and what it would say where it matches."""
    assert rule_set is not None
    every = as_it_was(*rule_set.key).rules
    rule = next((rule for rule in every if stored_name(rule.name) == found.rule), None)
    if rule is None:
        return {"title": title, "explanation": None, "outputs": []}
    text = found.event.raw_text
    outputs = [(match.priority, match.output) for match in judging([rule]).evaluate(text)]
    return {"title": title, "explanation": engine.explain(rule, text).as_dict(), "outputs": outputs}
