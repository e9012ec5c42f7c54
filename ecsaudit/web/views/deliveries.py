"""Deliveries: what became of each finding in each channel, and each message with its tries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from ecsaudit.notifications import services
from ecsaudit.notifications.answer import Outcome
from ecsaudit.notifications.models import Attempt, Delivery, Message, Purpose
from ecsaudit.web import delivery_list, lists
from ecsaudit.web.access import analysts_only, person

OUTCOMES = dict(Outcome.choices)
FINDINGS_SHOWN = 20


def listing(request: HttpRequest) -> HttpResponseBase:
    return lists.show(request, delivery_list.listing())


def facets(request: HttpRequest) -> HttpResponse:
    return lists.show_facets(request, delivery_list.listing())


def message(request: HttpRequest, pk: int) -> HttpResponse:
    """One message: what was sent, about which findings, and what came of each try."""
    found = get_object_or_404(Message.objects.for_detail(), pk=pk)
    rows = delivery_list.rows_of(Delivery.objects.filter(message=found).order_by("pk")[:FINDINGS_SHOWN])
    return render(
        request,
        "deliveries/message.html",
        {
            "message": found,
            "subject": subject_of(found, rows),
            "standing": delivery_list.standing_of({"throttle": None, "message__state": found.state}),
            "tries": [(each, word_of(each)) for each in found.tries.select_related("asked_by")],
            "findings": rows,
            "more": found.count > len(rows) > 0,
        },
    )


def subject_of(message: Message, rows: Sequence[Mapping[str, str]]) -> str:
    """What the message is about, in a few words. `rows` are the first of its findings."""
    if message.purpose == Purpose.TEST:
        return "Test"
    if not rows:
        return f"Message {message.pk}"
    if message.count == 1:
        return f"{rows[0]['rule']} (finding {rows[0]['finding']})"
    return f"{message.count:,} findings ({rows[0]['rule']} …)"


def word_of(attempt: Attempt) -> str:
    return OUTCOMES.get(attempt.outcome, "No answer was noted")


@require_POST
@analysts_only
def send_again(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Message, pk=pk)
    try:
        services.send_again(message=found, by=person(request), now=timezone.now())
    except services.NotificationError as error:
        messages.error(request, f"Nothing was changed: {error}.")
    else:
        messages.success(request, "It goes out again in a moment.")
    return redirect(found)
