"""The rule library: the list, one item, and switching rules on and off."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from ecsaudit import engine
from ecsaudit.compliance.frameworks import other_tags
from ecsaudit.library import services, updates
from ecsaudit.library.effective import RulesBroken, rules
from ecsaudit.library.models import MADE_LAYERS, Kind, Library, Mode, RuleException, Version
from ecsaudit.library.rule_tests import results, tally
from ecsaudit.library.shipped_content import runbook_of
from ecsaudit.library.uses import used_by
from ecsaudit.web import exports, rule_list
from ecsaudit.web.access import analysts_only, person
from ecsaudit.web.asked import asked_item
from ecsaudit.web.exception_list import ExceptionRow
from ecsaudit.web.filters import ListFilter
from ecsaudit.web.in_force import but_not_yet, needs_rules
from ecsaudit.web.version_rows import version_rows

PAGE = 100


def listing(request: HttpRequest) -> HttpResponseBase:
    library = Library.objects.first()
    try:
        effective = rules.current()
    except RulesBroken:
        return render(request, "library/broken.html", {"library": Library.objects.first()})
    filter = ListFilter.read(rule_list.SPEC, request.GET)
    every = rule_list.rows(effective, library, timezone.now().date())
    found = rule_list.apply(filter, every)
    if form := exports.asked(request):
        return exports.answer(form, "rules", rule_list.EXPORT, found)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    tests = tally([row.rule for row in page.object_list])
    return render(
        request,
        "library/list.html",
        {
            "filter": filter,
            "chips": filter.chips(),
            "kept": [pair for pair in filter.pairs() if pair[0] != "q"],
            "problems": filter.problems,
            "library": library,
            "page": page,
            "rows": [(row, tests[row.name]) for row in page.object_list],
            "older": page.has_next() and filter.address(page=str(page.number + 1)),
            "newer": page.has_previous() and filter.address(page=str(page.number - 1)),
            "facets": rule_list.facets(filter, found),
            "count": len(found),
            "exports": exports.links(filter.pairs()),
            "total": len(every),
            "modes": Mode.choices,
            "here": request.get_full_path(),
        },
    )


@needs_rules
def item(request: HttpRequest) -> HttpResponse:
    """One rule, macro or list, by kind and name."""
    kind, name = asked_item(request.GET)
    versions = list(Version.objects.history(kind, name))
    if not versions:
        raise Http404(f"there is no {kind} “{name}”")
    effective = rules.current()
    context: dict[str, Any] = {
        "kind": kind,
        "name": name,
        "version_rows": version_rows(versions),
        "layers": {version.layer: version for version in versions if version.is_current and version.text},
        "update": updates.waiting(kind, name),
        "texts": [
            version
            for version in reversed(versions)
            if version.is_current and version.text and version.layer not in MADE_LAYERS
        ],
        "modes": Mode.choices,
        "here": request.get_full_path(),
    }
    if kind == Kind.RULE:
        row = next(
            (
                row
                for row in rule_list.rows(effective, Library.objects.first(), timezone.now().date())
                if row.name == name
            ),
            None,
        )
        in_force = RuleException.objects.in_force().filter(rule=name)
        context |= {
            "row": row,
            "runbook": runbook_of(name),
            "exceptions": [ExceptionRow(each, timezone.now()) for each in in_force],
        }
        if row is not None:
            context |= {
                "tests": results({name: row.rule}, [name]),
                "tags": other_tags(row.rule.tags),
                "tree": str(row.rule.condition.tree),
                "words": engine.plain_words(row.rule),
            }
    else:
        loaded = effective.loaded
        tree = loaded.macro_trees.get(name) if kind == Kind.MACRO else None
        context |= {
            "meaning": (loaded.lists if kind == Kind.LIST else loaded.macros).get(name),
            "words": tree and engine.plain_words(tree),
            "users": used_by(loaded, effective.rules, kind, name),
        }
    return render(request, f"library/{'rule' if kind == Kind.RULE else 'shared'}.html", context)


@require_POST
@analysts_only
def switch(request: HttpRequest) -> HttpResponse:
    """Switch the chosen rules on, off or into the shadow."""
    names, mode = request.POST.getlist("rule"), request.POST.get("mode", "")
    back = request.POST.get("back", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = reverse("library")
    if mode not in Mode.values or not names:
        messages.error(request, "Choose rules, and what to do with them.")
        return redirect(back)
    reason = request.POST.get("message", "").strip()[:500] or f"Switched {Mode(mode).label.lower()}"
    try:
        changed = services.switch(names=names, mode=Mode(mode), author=person(request), message=reason)
    except services.NoSuchItem as error:
        messages.error(request, f"{error}.")
    else:
        words = f"{changed} rule{'' if changed == 1 else 's'} switched: {Mode(mode).label.lower()}."
        messages.success(request, words + but_not_yet())
    return redirect(back)
