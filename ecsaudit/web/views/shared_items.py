"""What rules share: the list of macros and lists."""

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from ecsaudit.library.effective import RulesBroken, rules
from ecsaudit.web import exports, rule_list, shared_list
from ecsaudit.web.filters import ListFilter

PAGE = 100


def listing(request: HttpRequest) -> HttpResponseBase:
    try:
        effective = rules.current()
    except RulesBroken:
        # That screen says what to mend.
        return redirect("library")
    filter = ListFilter.read(shared_list.SPEC, request.GET)
    every = shared_list.rows(effective)
    found = rule_list.apply(filter, every)
    if form := exports.asked(request):
        return exports.answer(form, "macros-and-lists", shared_list.EXPORT, found)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "library/shared_list.html",
        {
            "filter": filter,
            "chips": filter.chips(),
            "kept": [pair for pair in filter.pairs() if pair[0] != "q"],
            "problems": filter.problems,
            "page": page,
            "older": page.has_next() and filter.address(page=str(page.number + 1)),
            "newer": page.has_previous() and filter.address(page=str(page.number - 1)),
            "facets": [rule_list.facet(filter, each, found, each.word) for each in shared_list.SPEC.dimensions],
            "count": len(found),
            "exports": exports.links(filter.pairs()),
            "total": len(every),
        },
    )
