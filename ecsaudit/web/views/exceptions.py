"""Exceptions of rules: the list, a new one from an event with its preview, one of them, extending and withdrawing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from ecsaudit import tasks
from ecsaudit.cloudtrail.models import Event
from ecsaudit.findings.models import CloseReason, Finding
from ecsaudit.library import exceptions as library
from ecsaudit.library import services
from ecsaudit.library.candidates import Offered, candidates, offered
from ecsaudit.library.drafts import drafted
from ecsaudit.library.effective import rules
from ecsaudit.library.exception_texts import Term, text_of, with_draft
from ecsaudit.library.models import ExceptionState, Kind, Layer, RuleException
from ecsaudit.library.texts import TextRefused, is_name
from ecsaudit.replay import exceptions
from ecsaudit.replay import services as replays
from ecsaudit.replay.models import Purpose, Replay
from ecsaudit.web import exception_form, exception_list, exports, lists, paging, replay_page, rule_list
from ecsaudit.web.access import analysts_only, person
from ecsaudit.web.asked import asked_number
from ecsaudit.web.exception_form import ExceptionForm, ExpiryForm, Row
from ecsaudit.web.exception_list import ExceptionRow
from ecsaudit.web.in_force import from_when, needs_rules

# Findings that a page lists; the rest is on pages of their own.
SHOWN = 50


def listing(request: HttpRequest) -> HttpResponseBase:
    filter, now = exception_list.read(request.GET), timezone.now()
    if form := exports.asked(request):
        return exports.answer(form, "exceptions", exception_list.EXPORT, exception_list.exported(filter, now))
    problems = list(filter.problems)
    after, before = (lists.asked_place(request, name, problems) for name in ("after", "before"))
    fitting = filter.apply(RuleException.objects.all(), now).values("pk", exception_list.TIME)
    found = paging.page(fitting, exception_list.TIME, after=after, before=before)
    facets = exception_list.facets(filter, now)
    return render(
        request,
        "exceptions/list.html",
        {
            "filter": filter,
            "chips": filter.chips(),
            "kept": [pair for pair in filter.pairs() if pair[0] != "q"],
            "problems": problems,
            "standings": exception_list.standings(filter),
            "rows": exception_list.rows(found.rows, now),
            "older": found.older and filter.address(after=found.older),
            "newer": found.newer and filter.address(before=found.newer),
            "facets": facets.facets,
            "count": facets.count,
            "is_empty_altogether": not found.rows and not RuleException.objects.exists(),
            "soon": exception_list.ending_soon(now),
            "exports": exports.links(filter.pairs()),
        },
    )


@analysts_only
@needs_rules
def new(request: HttpRequest) -> HttpResponse:
    """Choose what to leave out, from the narrowest tuple on; `event`, `rule` and `finding` say where it begins."""
    event, rule, finding = asked(request)
    fields = offered(event.raw_text)
    tuples = candidates(fields)
    number = asked_number(request.GET.get("candidate", "")) or 0
    chosen = tuples[number].fields if number < len(tuples) else ()
    form = ExceptionForm(
        initial={
            "event": event.pk,
            "rule": rule,
            "finding": finding and finding.pk,
            "owner": person(request).username,
            "expires_on": exception_form.first_expiry(),
            # What is archived goes as far back.
            "days": "all",
            "past": "open",
        }
    )
    return page(request, event, form, exception_form.rows_to_begin(fields, chosen), {})


def asked(request: HttpRequest) -> tuple[Event, str, Finding | None]:
    """The event, the rule, and the finding at hand; Http404 where there is none."""
    finding_id, rule = asked_number(request.GET.get("finding", "")), request.GET.get("rule", "")
    finding = None
    event_id = asked_number(request.GET.get("event", ""))
    if finding_id is not None:
        finding = get_object_or_404(Finding, pk=finding_id)
        event_id, rule = finding.event_id, finding.rule
    if event_id is None or not is_name(rule):
        raise Http404("an exception begins with an event and a rule")
    return get_object_or_404(Event.objects.select_related("body"), pk=event_id), rule, finding


@require_POST
@analysts_only
@needs_rules
def make(request: HttpRequest) -> HttpResponse:
    """Look at what the exception would hide (`do=look`), look again how far that is (`again`), or save it.

    With `candidate` choose its fields, and keep all else that was filled in.
    """
    form = ExceptionForm(request.POST)
    valid = form.is_valid()
    if not {"event", "rule"} <= form.cleaned_data.keys():
        raise Http404("an exception begins with an event and a rule")
    event = get_object_or_404(Event.objects.select_related("body"), pk=form.cleaned_data["event"])
    fields = offered(event.raw_text)
    rows = exception_form.rows_of(request.POST, fields)
    if "candidate" in request.POST:
        return page(request, event, form, chosen_anew(request, rows, fields), {"look": look_of(request, form)})
    terms = exception_form.terms_of(rows)
    problems = problems_of(form.cleaned_data["rule"], terms, event)
    context: dict[str, Any] = {"wrong": problems, "look": look_of(request, form)}
    do = request.POST.get("do")
    # While somebody only looks, what is still to be filled in is no error.
    context["checked"] = do == "save"
    if problems or do == "again":
        return page(request, event, form, rows, context)
    if do == "look":
        return page(request, event, form, rows, context | look(request, form, terms))
    if not valid:
        return page(request, event, form, rows, context)
    told = exceptions.seen(context["look"], form.cleaned_data["rule"], terms)
    if told is None and not form.cleaned_data["despite"]:
        return page(request, event, form, rows, context | {"unseen": True})
    return save(request, event, form, rows, context, terms, told)


def chosen_anew(request: HttpRequest, rows: Sequence[Row], fields: Sequence[Offered]) -> list[Row]:
    """The rows with the fields of the candidate chosen; fields that the person named stay."""
    tuples, number = candidates(fields), asked_number(request.POST["candidate"])
    if number is None or number >= len(tuples):
        return list(rows)
    begun = exception_form.rows_to_begin(fields, tuples[number].fields)
    return [new if new.field else old for new, old in zip(begun, rows, strict=True)]


def look(request: HttpRequest, form: ExceptionForm, terms: Sequence[Term]) -> dict[str, Any]:
    """Start the try over the stored events."""
    days = replay_page.DAYS.get(form.cleaned_data.get("days") or "all")
    try:
        replay = exceptions.look(rule=form.cleaned_data["rule"], terms=terms, days=days, author=person(request))
    except replays.ReplayRefused as error:
        return {"wrong": [f"There is nothing to look at: {error}."], "look": None}
    transaction.on_commit(partial(tasks.replay_soon, replay.pk))
    return {"look": replay}


def save(
    request: HttpRequest,
    event: Event,
    form: ExceptionForm,
    rows: Sequence[Row],
    context: dict[str, Any],
    terms: Sequence[Term],
    told: dict[str, Any] | None,
) -> HttpResponse:
    data = form.cleaned_data
    try:
        made, replay = exceptions.make(
            past=bool(data["past"]),
            rule=data["rule"],
            terms=terms,
            owner=data["owner"],
            reason=data["reason"],
            author=person(request),
            now=timezone.now(),
            expires_at=form.expires_at,
            why_no_expiry=form.why,
            made_from=data["finding"],
            preview=told,
        )
    except services.RulesRefused as refused:
        return page(request, event, form, rows, context | {"wrong": list(map(services.told, refused.problems))})
    except services.LibraryError as error:
        return page(request, event, form, rows, context | {"wrong": [f"{error}."]})
    if replay is not None:
        transaction.on_commit(partial(tasks.replay_soon, replay.pk))
    messages.success(request, f"Exception {made.pk} is in force. {from_when()}")
    return redirect(made)


def page(
    request: HttpRequest, event: Event, form: ExceptionForm, rows: Sequence[Row], context: dict[str, Any]
) -> HttpResponse:
    """The page around a form that was filled in, or with which it begins."""
    values = form.cleaned_data if form.is_bound else form.initial
    replay = context.get("look")
    used = {row.field for row in rows if row.used}
    tuples = [
        (number, each, set(each.fields) == used) for number, each in enumerate(candidates(offered(event.raw_text)))
    ]
    context |= {
        "form": form,
        "tuples": tuples,
        "event": event,
        "rule": values["rule"],
        "finding": values.get("finding"),
        "rows": rows,
        "comparisons": exception_form.comparisons(),
        "days": values.get("days") or "all",
        "rule_address": rule_list.item_address(Kind.RULE, values["rule"]),
    }
    if replay is not None:
        context |= looked(replay)
        if form.is_bound:
            current = exceptions.is_look_at(replay, values["rule"], exception_form.terms_of(rows))
            context["outdated"] = not current
    return render(request, "exceptions/new.html", context)


def look_of(request: HttpRequest, form: ExceptionForm) -> Replay | None:
    """The try that the person looked at before."""
    tries = Replay.objects.for_detail().filter(purpose=Purpose.TRY, layer=Layer.EXCEPTIONS, author=person(request))
    return tries.filter(pk=form.cleaned_data.get("look") or 0).first()


def problems_of(rule: str, terms: Sequence[Term], event: Event) -> list[str]:
    """Why these fields can't be an exception, or would not be one of the event at hand; empty where all is well."""
    try:
        library.check_terms(terms)
        text = with_draft(library.text_in_force(rule), rule, terms)
        draft = drafted(kind=Kind.RULE, name=rule, layer=Layer.EXCEPTIONS, text=text)
    except (services.LibraryError, TextRefused) as error:
        return [f"{error}."]
    if draft.errors:
        return list(map(services.told, draft.errors))
    before = next((each for each in rules.current().rules if each.name == rule), None)
    if before is None or rule not in draft.rules:
        return [f"There is no rule “{rule}” in force."]
    record = event.raw_text
    if before.condition.matches(record) and draft.rules[rule].condition.matches(record):
        return ["It would not hide the event at hand: one of the fields does not fit it."]
    return []


def looked(replay: Replay) -> dict[str, Any]:
    """How far a look is, and the findings that it names, confirmed ones first."""
    findings = exceptions.found_by(replay)[: SHOWN + 1] if not replay.is_unfinished else []
    found = list(findings)
    return {
        "look": replay,
        "progress": replay_page.progress(replay),
        "looked_at": replay_page.looked_at(replay),
        "would_hide": [(each, each.close_reason == CloseReason.TRUE_POSITIVE) for each in found[:SHOWN]],
        "more": len(found) > SHOWN,
        "others": max(replay.gone - replay.gone_findings, 0),
    }


@analysts_only
def look_state(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of the page that tells how far a look is; it asks for itself until that is done."""
    tries = Replay.objects.for_detail().filter(purpose=Purpose.TRY, layer=Layer.EXCEPTIONS)
    return render(request, "exceptions/_look.html", looked(get_object_or_404(tries, pk=pk)))


def show(request: HttpRequest, pk: int) -> HttpResponse:
    exception = get_object_or_404(RuleException.objects.for_list(), pk=pk)
    return detail(request, exception, ExpiryForm(initial={"expires_on": exception_form.first_expiry()}))


def detail(request: HttpRequest, exception: RuleException, form: ExpiryForm) -> HttpResponse:
    hidden = exception.hidden.select_related("finding").order_by("-finding")[: SHOWN + 1]
    findings = [each.finding for each in hidden]
    return render(
        request,
        "exceptions/show.html",
        {
            "row": ExceptionRow(exception, timezone.now()),
            "exception": exception,
            "history": exception.history.select_related("by"),
            "replays": exception.replays.order_by("pk"),
            "hidden": findings[:SHOWN],
            "more": len(findings) > SHOWN,
            "made_from": Finding.objects.filter(pk=exception.made_from or 0).first(),
            "text": text_of([exception]),
            "form": form,
            "checked": form.is_bound,
        },
    )


@require_POST
@analysts_only
@needs_rules
def extend(request: HttpRequest, pk: int) -> HttpResponse:
    exception = get_object_or_404(RuleException.objects.for_list(), pk=pk)
    form = ExpiryForm(request.POST)
    if not form.is_valid():
        return detail(request, exception, form)
    try:
        library.extend(
            pk=pk,
            expires_at=form.expires_at,
            why_no_expiry=form.why,
            reason=form.cleaned_data["reason"],
            by=person(request),
            now=timezone.now(),
        )
    except services.LibraryError as error:
        messages.error(request, f"It was not changed: {error}.")
    else:
        messages.success(request, "It ends at another time now.")
    return redirect(exception)


@require_POST
@analysts_only
@needs_rules
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """End it now; what it hid comes back."""
    exception = get_object_or_404(RuleException, pk=pk)
    text = request.POST.get("reason", "").strip()[:500]
    if not text:
        messages.error(request, "It is still in force: say why it is withdrawn; that stands in the history.")
        return redirect(exception)
    try:
        replay = exceptions.end(
            pk=pk, state=ExceptionState.WITHDRAWN, by=person(request), now=timezone.now(), text=text
        )
    except services.LibraryError as error:
        messages.error(request, f"It is still in force: {error}.")
        return redirect(exception)
    if replay is None:
        messages.error(request, "It had ended already.")
        return redirect(exception)
    transaction.on_commit(partial(tasks.replay_soon, replay.pk))
    messages.success(request, "It is withdrawn; what it hid comes back.")
    return redirect(exception)
