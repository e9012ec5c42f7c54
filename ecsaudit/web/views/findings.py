"""Findings: the list, its facets, one finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone

from ecsaudit import engine
from ecsaudit.compliance.frameworks import controls_of, other_tags
from ecsaudit.findings import bulk, own
from ecsaudit.findings.models import FINISHED, BulkAction, CloseReason, Finding, Suppression
from ecsaudit.library.effective import as_it_was
from ecsaudit.library.models import Kind, RuleSet
from ecsaudit.library.shipped import Runbook
from ecsaudit.library.shipped_content import runbook_of
from ecsaudit.notifications import health
from ecsaudit.notifications.models import Channel
from ecsaudit.people.models import User
from ecsaudit.replay.models import Hidden
from ecsaudit.web import delivery_list, finding_list, group_list, history, lists, refused
from ecsaudit.web.access import person
from ecsaudit.web.filters import ListFilter
from ecsaudit.web.finding_list import ALL, FLAT, LONGEST_NUMBER, ME
from ecsaudit.web.paging import Place, beyond
from ecsaudit.web.raw import Raw
from ecsaudit.web.rule_list import item_address
from ecsaudit.web.sentences import session_sentence
from ecsaudit.web.triage_form import CHANGES, people

SIMILAR = 5


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


def steps_for(finding: Finding) -> Runbook | None:
    """What to do about a finding: the shipped rule's runbook, or that of what ecsaudit itself found."""
    if finding.source == own.SOURCE:
        return health.RUNBOOK if finding.rule == health.RULE else None
    return runbook_of(finding.rule)


def channel_of(finding: Finding) -> Channel | None:
    """The channel that a finding of ecsaudit's own is about, as long as there is one."""
    pk = finding.output_fields.get(health.CHANNEL_ID) if finding.source == own.SOURCE else None
    return Channel.objects.filter(pk=pk).first() if isinstance(pk, int) else None


def steps(runbook: Runbook, done: Sequence[int]) -> list[tuple[str, list[tuple[int, str, bool]]]]:
    """The runbook's two parts, each step with its number and whether it is ticked."""
    numbered = [(number, text, number in done) for number, text in enumerate([*runbook.check, *runbook.do], start=1)]
    return [("Check", numbered[: len(runbook.check)]), ("Do", numbered[len(runbook.check) :])]


def similar(finding: Finding) -> list[dict[str, Any]]:
    """Other findings that tell more about this one: a few of each kind, and where all of them are."""
    group, base = finding.group, reverse("findings")
    others = Finding.objects.active().exclude(pk=finding.pk).select_related("group").order_by("-event_time", "-pk")
    kinds = [("Same rule, person and target", Q(group=group), {"group": str(group.pk)})]
    if group.person:
        kinds.append(("Same person", Q(group__person=group.person), {"person": group.person}))
    if group.cluster:
        target = Q(group__cluster=group.cluster, group__target=group.target)
        kinds.append(("Same target", target, {"cluster": group.cluster}))
    kinds.append(("Same rule", Q(rule=finding.rule), {"rule": finding.rule}))
    return [
        {
            "words": words,
            "rows": others.filter(condition)[:SIMILAR],
            "address": f"{base}?{urlencode(address | ALL | {'days': '3650'})}",
        }
        for words, condition, address in kinds
    ]


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


def rule_of(finding: Finding, rule_set: RuleSet | None) -> engine.Rule | None:
    """The rule as it stood in a rule set; None where none is kept or it lacks the rule."""
    if rule_set is None:
        return None
    return next((rule for rule in as_it_was(*rule_set.key).rules if rule.name == finding.rule), None)


def hidden_by(finding: Finding) -> Sequence[Hidden]:
    """The exceptions because of which the finding is archived, the oldest first."""
    if not finding.is_archived:
        return []
    return list(Hidden.objects.select_related("exception").filter(finding=finding).order_by("exception"))


def explained(finding: Finding, rule_set: RuleSet | None) -> dict[str, Any] | None:
    """Why the rule matched, or didn't, by the very rule set that judged."""
    rule = rule_of(finding, rule_set)
    return None if rule is None or finding.event is None else engine.explain(rule, finding.event.raw_text).as_dict()
