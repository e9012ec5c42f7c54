"""Findings: the list, its facets, one finding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone

from ecsaudit.compliance.frameworks import controls_of, other_tags
from ecsaudit.findings import bulk, own
from ecsaudit.findings.models import FINISHED, BulkAction, CloseReason, Finding, Suppression
from ecsaudit.library.models import Kind
from ecsaudit.notifications import health
from ecsaudit.notifications.models import Channel
from ecsaudit.people.models import User
from ecsaudit.web import delivery_list, finding_list, group_list, history, lists, refused
from ecsaudit.web.access import person
from ecsaudit.web.filters import ListFilter
from ecsaudit.web.finding_list import FLAT, LONGEST_NUMBER, ME
from ecsaudit.web.finding_page import explained, hidden_by, rule_of, similar, steps, steps_for
from ecsaudit.web.paging import Place, beyond
from ecsaudit.web.raw import Raw
from ecsaudit.web.rule_list import item_address
from ecsaudit.web.sentences import session_sentence
from ecsaudit.web.triage_form import CHANGES, people


def listing(request: HttpRequest) -> HttpResponseBase:
    """Findings in groups or one by one, with what to do about them."""
    user = person(request)
    filter = ListFilter.read(finding_list.spec_for(user.pk), request.GET)
    more: dict[str, Any] = {
        "tabs": tabs(filter),
        "base": reverse("findings"),
        "acted": acted(request),
        "changes": CHANGES,
    }
    more |= {"reasons": CloseReason.choices, "listed": filter.address(listed="1")}
    if user.is_analyst:
        more |= {"newest": bulk.newest(), "people": people()} | refused.take(request)
    return lists.show(request, listing_of(filter, user), filter, more)


def listing_of(filter: ListFilter, user: User) -> lists.Listing:
    """The list in the view that the filter asks for."""
    return finding_list.listing_for(user.pk) if filter.view == FLAT else group_list.listing_for(user.pk)


def tabs(filter: ListFilter) -> list[tuple[str, str, bool]]:
    """The questions that are asked most, each as a filter: (words, address, whether it is the one in force)."""
    plain = ListFilter(filter.spec, view=filter.view)
    mine = plain.toggled("assignee", ME)
    closed = replace(plain, included=tuple(("workflow_status", str(status)) for status in FINISHED))
    return [
        (words, each.address(), set(each.pairs()) == set(filter.pairs()))
        for words, each in (("Needs attention", plain), ("Mine", mine), ("Closed", closed), ("All", plain.clear))
    ]


def acted(request: HttpRequest) -> history.Done | None:
    """The bulk action that led back to the list."""
    asked = request.GET.get("acted", "")
    if not (asked.isascii() and asked.isdigit() and len(asked) < LONGEST_NUMBER):
        return None
    action = BulkAction.objects.for_list().filter(pk=int(asked)).first()
    return history.done([action])[0] if action else None


def facets(request: HttpRequest) -> HttpResponse:
    user = person(request)
    filter = ListFilter.read(finding_list.spec_for(user.pk), request.GET)
    return lists.show_facets(request, listing_of(filter, user))


def detail(request: HttpRequest, pk: int, refused: str = "", status: int = 200) -> HttpResponse:
    """One finding. `refused` says why a change was not made."""
    finding = get_object_or_404(Finding.objects.for_detail().select_related("hub"), pk=pk)
    activities = list(finding.activities.select_related("by").order_by("pk"))
    user, runbook, channel = person(request), steps_for(finding), channel_of(finding)
    rule = rule_of(finding, finding.rule_set)
    seen = request.POST.get("seen", "") if request.method == "POST" else ""
    since = [line for line in activities if refused and seen.isdigit() and line.pk > int(seen[:18])]
    suppression = Suppression.objects.select_related("by").filter(group=finding.group, ended_at__isnull=True).first()
    context = {
        "finding": finding,
        "group": finding.group,
        "open_of_group": group_list.open_of(finding.group_id, reverse("findings")),
        "sentence": session_sentence(finding.session) if finding.session else "",
        "raw": Raw.of(finding.event.raw_text) if finding.event else None,
        "output_fields": sorted(finding.output_fields.items()),
        "rule_text": rule.description if rule else "",
        "explanation": explained(finding, finding.rule_set),
        "explanation_now": explained(finding, finding.archived_by),
        "controls": controls_of(finding.tags),
        "tags": other_tags(finding.tags),
        "rule_address": item_address(Kind.RULE, finding.rule),
        "channel": channel,
        "steps": steps(runbook, finding.steps_done) if runbook else [],
        "history": history.lines(activities),
        "seen": activities[-1].pk if activities else 0,
        "since": history.lines(since),
        "refused": refused,
        "said": request.POST,
        "similar": similar(finding),
        "suppression": suppression,
        "suppressed_until": group_list.until(suppression) if suppression else "",
        "neighbours": neighbours(request, finding),
        "here": f"{request.path if request.method == 'GET' else finding.get_absolute_url()}?{request.GET.urlencode()}",
        "asked": request.GET.urlencode(),
        "reasons": CloseReason.choices,
        "changes": CHANGES,
        "deliveries": delivery_list.of_finding(finding.pk),
        "hub": getattr(finding, "hub", None),
        "hidden": hidden_by(finding),
        "people": people() if user.is_analyst else [],
    }
    return render(request, "findings/detail.html", context, status=status)


def channel_of(finding: Finding) -> Channel | None:
    """The channel that a finding of ecsaudit's own is about, as long as there is one."""
    pk = finding.output_fields.get(health.CHANNEL_ID) if finding.source == own.SOURCE else None
    return Channel.objects.filter(pk=pk).first() if isinstance(pk, int) else None


def neighbours(request: HttpRequest, finding: Finding) -> dict[str, str] | None:
    """The addresses of the finding before and after this one in the list that led here, and of that list."""
    if "listed" not in request.GET:
        return None
    filter = ListFilter.read(finding_list.spec_for(person(request).pk), request.GET).viewed(FLAT)
    rows = filter.apply(Finding.objects.all(), timezone.now())
    here = Place(finding.event_time, finding.pk)
    newer = beyond(rows, "event_time", here, newer=True).order_by("event_time", "pk")
    older = beyond(rows, "event_time", here, newer=False).order_by("-event_time", "-pk")
    found = {"list": f"{reverse('findings')}{filter.address()}"}
    for name, side in (("newer", newer), ("older", older)):
        pk = side.values_list("pk", flat=True).first()
        found[name] = f"{reverse('finding', args=[pk])}{filter.address(listed='1')}" if pk else ""
    return found
