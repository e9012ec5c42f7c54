"""Findings: the list, its facets, one finding."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from ecsaudit.findings.models import Finding
from ecsaudit.web import finding_list, lists
from ecsaudit.web.raw import Raw
from ecsaudit.web.sentences import session_sentence


def listing(request: HttpRequest) -> HttpResponse:
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
            "raw": Raw.of(finding.event.raw_text),
            "output_fields": sorted(finding.output_fields.items()),
        },
    )
