"""Findings: the list, its facets, one finding."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from ecsaudit.findings.models import Finding
from ecsaudit.web import finding_list, lists
from ecsaudit.web.raw import Raw
from ecsaudit.web.sentences import session_sentence


def listing(request: HttpRequest) -> HttpResponse:
    context = lists.context(request, finding_list.SPEC)
    page, problems = lists.read_page(request, context["filter"], finding_list.rows())
    base = reverse("findings")
    context |= {
        "rows": [finding_list.shown(row, base) for row in page.rows],
        "older": page.older and context["filter"].address(after=page.older),
        "newer": page.newer and context["filter"].address(before=page.newer),
        "problems": problems,
        "facets_address": reverse("finding-facets") + context["here"],
    }
    if "facets" in request.GET:
        context["facets"] = lists.read_facets(context["filter"], finding_list.FACETS, Finding.objects.all())
    if not page.rows:
        context["is_empty_altogether"] = not Finding.objects.exists()
    return render(request, "findings/list.html", context)


def facets(request: HttpRequest) -> HttpResponse:
    context = lists.context(request, finding_list.SPEC)
    context["facets"] = lists.read_facets(context["filter"], finding_list.FACETS, Finding.objects.all())
    context["list_address"] = reverse("findings")
    return render(request, "lists/_facets.html", context)


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
