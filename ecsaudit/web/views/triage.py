"""Work on findings: a change to one, a change to many, and taking that back."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from ecsaudit import pipeline, tasks
from ecsaudit.findings import bulk
from ecsaudit.findings import triage as service
from ecsaudit.findings.models import BulkAction, Finding, Suppression
from ecsaudit.web import exports, history, refused
from ecsaudit.web.access import analysts_only, person
from ecsaudit.web.filters import ListFilter
from ecsaudit.web.finding_list import spec_for
from ecsaudit.web.triage_form import COMMENT, TICK, TriageForm
from ecsaudit.web.views import findings

NEWEST = 50
# As many as a page can tick, and some; more are asked for by the filter.
MOST_TICKED = 500


@require_POST
@analysts_only
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Change one finding. Who saw another state of it is shown what happened since, and decides again."""
    finding = get_object_or_404(Finding, pk=pk)
    form = TriageForm(request.POST)
    # What only adds to a finding overwrites nobody's work.
    adds = request.POST.get("change") in (COMMENT, TICK)
    try:
        outcome = service.apply(
            finding_ids=[pk],
            change=form.asked(person(request)),
            by=person(request),
            now=timezone.now(),
            revision=None if adds else number(request, "revision"),
        )
    except service.ChangedMeanwhile as error:
        return findings.detail(request, pk, refused=str(error), status=409)
    except service.TriageError as error:
        return findings.detail(request, pk, refused=str(error), status=422)
    if not outcome.changed:
        messages.info(request, "It was so already; nothing was changed.")
    elif request.POST.get("change") == COMMENT:
        messages.success(request, "Your comment stands in the history.")
    asked = request.GET.urlencode()
    return redirect(f"{finding.get_absolute_url()}{'?' if asked else ''}{asked}")


@require_POST
@analysts_only
def end_suppression(request: HttpRequest, pk: int) -> HttpResponse:
    """End a group's suppression before its time."""
    suppression = get_object_or_404(Suppression, pk=pk)
    user = person(request)
    if not service.end(suppression, because=f"{user.username} ended it", now=timezone.now(), by=user):
        messages.info(request, "It had ended already.")
    # The first page at once; workers open the rest.
    pipeline.open_page(pk)
    back = request.POST.get("back", "")
    return redirect(back if safe(back) else reverse("findings"))


def safe(address: str) -> bool:
    """Whether an address is one of the findings' screens."""
    return address.startswith(reverse("findings")) and "\\" not in address


@require_POST
@analysts_only
def act(request: HttpRequest) -> HttpResponse:
    """Change what was ticked, or all that fits the filter. The first batch is made at once."""
    user, now = person(request), timezone.now()
    filter = ListFilter.read(spec_for(user.pk), QueryDict(request.POST.get("address", "")))
    page = {name: request.POST.get(name, "") for name in ("after", "before")}
    try:
        action = bulk.ask(
            change=TriageForm(request.POST).asked(user),
            condition=meant(request, filter).condition(now) & ticked(request),
            address=filter.address().removeprefix("?"),
            by=user,
            newest_finding=number(request, "newest"),
            expected=len(request.POST.getlist("finding")) if request.POST.get("scope") != "all" else 0,
        )
    except service.TriageError as error:
        refused.keep(request, str(error))
        return redirect(f"{reverse('findings')}{filter.address(**page)}")
    tasks.begin_bulk_action(action)
    return redirect(f"{reverse('findings')}{filter.address(acted=str(action.pk), **page)}")


def meant(request: HttpRequest, filter: ListFilter) -> ListFilter:
    """The filter; for ticked groups that of all time, because a group's row counts all of its findings."""
    whole = request.POST.get("scope") != "all" and request.POST.getlist("group")
    return replace(filter, days=None, start="", end="") if whole else filter


def ticked(request: HttpRequest) -> Q:
    """Of what fits the filter, the ticked findings, or those in ticked groups, or all. TriageError if nothing is ticked."""
    if request.POST.get("scope") == "all":
        return Q()
    chosen = {name: request.POST.getlist(name)[:MOST_TICKED] for name in ("finding", "group")}
    if not any(chosen.values()):
        raise service.TriageError("tick what you mean, or choose all that match")
    if not all(each.isascii() and each.isdigit() and len(each) < 19 for values in chosen.values() for each in values):
        raise service.TriageError("what is ticked must be numbers of findings or groups")
    return Q(pk__in=list(map(int, chosen["finding"]))) | Q(group__in=list(map(int, chosen["group"])))


def number(request: HttpRequest, name: str) -> int | None:
    """A number in the form; None where there is none."""
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@require_POST
@analysts_only
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a bulk action back."""
    action = get_object_or_404(BulkAction, pk=pk)
    try:
        undoing = bulk.undo(action=action, by=person(request))
    except service.TriageError as error:
        messages.error(request, f"Nothing was changed: {error}.")
        return redirect("bulk-actions")
    tasks.begin_bulk_action(undoing)
    filter = QueryDict(action.address, mutable=True)
    filter["acted"] = str(undoing.pk)
    return redirect(f"{reverse('findings')}?{filter.urlencode()}")


def state(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a bulk action is; it asks for itself until that is finished."""
    action = get_object_or_404(BulkAction.objects.for_list(), pk=pk)
    return render(request, "findings/_acted.html", {"done": history.done([action])[0]})


def listing(request: HttpRequest) -> HttpResponseBase:
    """The newest bulk actions, or all as a file."""
    if form := exports.asked(request):
        return exports.answer(form, "bulk-actions", history.EXPORT, history.exported())
    actions = list(BulkAction.objects.for_list()[:NEWEST])
    context = {"actions": history.done(actions), "limit": NEWEST, "exports": exports.links()}
    return render(request, "findings/actions.html", context)
