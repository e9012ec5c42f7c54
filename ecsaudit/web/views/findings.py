"""Findings: the list, its facets, one finding."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render

from ecsaudit import engine
from ecsaudit.compliance.frameworks import controls_of, other_tags
from ecsaudit.findings.models import Finding
from ecsaudit.library.effective import as_it_was
from ecsaudit.library.models import Kind, RuleSet
from ecsaudit.library.shipped_content import runbook_of
from ecsaudit.replay.models import Hidden
from ecsaudit.web import finding_list, lists
from ecsaudit.web.raw import Raw
from ecsaudit.web.rule_list import item_address
from ecsaudit.web.sentences import session_sentence


def listing(request: HttpRequest) -> HttpResponseBase:
    return lists.show(request, finding_list.LISTING)


def facets(request: HttpRequest) -> HttpResponse:
    return lists.show_facets(request, finding_list.LISTING)


def detail(request: HttpRequest, pk: int) -> HttpResponse:
    finding = get_object_or_404(Finding.objects.for_detail(), pk=pk)
    return render(
        request,
        "findings/detail.html",
        {
            "finding": finding,
            "sentence": session_sentence(finding.session) if finding.session else "",
            "raw": Raw.of(finding.event.raw_text) if finding.event else None,
            "output_fields": sorted(finding.output_fields.items()),
            "explanation": explained(finding, finding.rule_set),
            "explanation_now": explained(finding, finding.archived_by),
            "controls": controls_of(finding.tags),
            "tags": other_tags(finding.tags),
            "rule_address": item_address(Kind.RULE, finding.rule),
            "runbook": runbook_of(finding.rule),
            "hidden": hidden_by(finding),
        },
    )


def hidden_by(finding: Finding) -> Hidden | None:
    """The exception that archived the finding, if one did."""
    return Hidden.objects.select_related("exception").filter(finding=finding).first() if finding.is_archived else None


def explained(finding: Finding, rule_set: RuleSet | None) -> dict[str, Any] | None:
    """Why the rule matched, or didn't, by the very rule set that judged; None where none is kept or it lacks the rule."""
    if rule_set is None or finding.event is None:
        return None
    rule = next((rule for rule in as_it_was(*rule_set.key).rules if rule.name == finding.rule), None)
    return None if rule is None else engine.explain(rule, finding.event.raw_text).as_dict()
