"""Versions of an item: two of them side by side, an earlier one restored, an overlay beside an update of what it stands on."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from ecsaudit.library import services, updates
from ecsaudit.library.models import Layer, Version
from ecsaudit.library.texts import TextRefused
from ecsaudit.web.access import analysts_only, person
from ecsaudit.web.asked import asked_item, asked_number
from ecsaudit.web.in_force import but_not_yet
from ecsaudit.web.rule_list import item_address
from ecsaudit.web.text_diff import side_by_side


def compare(request: HttpRequest) -> HttpResponse:
    """Two versions of one item, `left` and `right` by their ids."""
    left, right = (version_of(request.GET.get(side, "")) for side in ("left", "right"))
    if (left.kind, left.name) != (right.kind, right.name):
        raise Http404("these are versions of two items")
    context = {"left": left, "right": right, "rows": side_by_side(left.text, right.text)}
    return render(request, "library/compare.html", context | {"back": item_address(left.kind, left.name)})


def update(request: HttpRequest) -> HttpResponse:
    """Three ways: the shipped text that was customised, the shipped text today, and the overlay."""
    kind, name = asked_item(request.GET)
    found = updates.waiting(kind, name)
    if found is None:
        raise Http404("no update of the shipped text waits to be compared")
    context = {"update": found, "rows": side_by_side(found.base.text if found.base else "", found.shipped.text)}
    return render(request, "library/update.html", context | {"back": item_address(kind, name)})


@require_POST
@analysts_only
def restore(request: HttpRequest) -> HttpResponse:
    """Put a version's text in force again; of an overlay's newest, over the shipped text of today.

    `expected` is the id of the version in force that the person saw.
    """
    version, expected = version_of(request.POST.get("version", "")), asked_number(request.POST.get("expected", ""))
    message = request.POST.get("message", "").strip()[:500] or f"Restored version {version.number}"
    try:
        services.restore(version=version, author=person(request), message=message, expected=expected)
    except (services.LibraryError, TextRefused) as error:
        messages.error(request, f"Nothing was changed: {error}.")
    else:
        messages.success(request, f"The text of version {version.number} is in force.{but_not_yet()}")
    return redirect(item_address(version.kind, version.name))


def version_of(text: str) -> Version:
    return get_object_or_404(
        Version.objects.select_related("author").exclude(layer=Layer.SWITCH), pk=asked_number(text)
    )
