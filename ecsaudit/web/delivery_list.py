"""The list of deliveries: what it filters by, and its rows as ready text, also for the pages of a finding and of a channel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse

from ecsaudit.findings.severity import Severity
from ecsaudit.notifications.models import HELD, Channel, Delivery, Message, State
from ecsaudit.visible import shortened
from ecsaudit.web.asked import asked_number
from ecsaudit.web.exports import column
from ecsaudit.web.filters import Dimension, ListFilter, Spec
from ecsaudit.web.lists import Listing
from ecsaudit.web.times import minute, stamp

BEING_SENT = (State.PENDING, *HELD)
# What became of a finding in a channel, as people call it.
STANDINGS = {
    State.SENT.value: "Sent",
    State.PENDING.value: "Pending",
    State.RETRYING.value: "Failed for now",
    State.FAILED.value: "Failed for good",
    State.UNCERTAIN.value: "Uncertain",
    "held": "Held back",
    "not_sent": "Not sent",
    State.WITHDRAWN.value: "Withdrawn",
}
SEVERITIES = dict(Severity.choices)
FACETS = ("standing", "channel", "policy", "severity")
COLUMNS = (
    "pk", "created_at", "finding", "finding__rule", "finding__group__person", "channel", "channel__name", "policy",
    "severity", "message", "message__state", "message__answer_code", "message__next_attempt_at", "message__accepted_at",
    "message__count", "message__not_taken_by", "throttle", "held_until", "not_sent",
)  # fmt: skip
# As many as a page of something else shows of them.
NEWEST = 10


def listing() -> Listing:
    """The list with the channels that there are; one query."""
    channels = {str(pk): name for pk, name in Channel.objects.values_list("pk", "name")}
    spec = Spec(
        time="created_at",
        dimensions=(
            Dimension("standing", "", "State", STANDINGS, condition=stands),
            Dimension("channel", "channel", "Channel", channels),
            Dimension("policy", "policy", "Policy"),
            Dimension("severity", "severity", "Severity", SEVERITIES),
            Dimension("finding", "", "Finding", condition=numbered("finding")),
            Dimension("message", "", "Message", condition=numbered("message")),
        ),
        exact=(),
        text=("finding__rule", "policy"),
    )
    return Listing("deliveries", spec, FACETS, COLUMNS, shown, Delivery, counted, EXPORT)


def stands(values: Sequence[str]) -> Q:
    """Deliveries that stand so. Of states that are rare, the messages are found first, by an index of their own."""
    condition = Q()
    for value in values:
        if value == "held":
            condition |= Q(throttle__isnull=False)
        elif value == "not_sent":
            condition |= Q(message__isnull=True, throttle__isnull=True)
        elif value == State.SENT:
            condition |= Q(message__state=State.SENT)
        else:
            states = BEING_SENT if value == State.PENDING else (value,)
            condition |= Q(message__in=Message.objects.filter(state__in=states).values("pk"))
    return condition


def numbered(name: str) -> Callable[[Sequence[str]], Q]:
    """The condition of a filter by the number of a row; what is no number finds nothing."""

    def condition(values: Sequence[str]) -> Q:
        return Q(**{f"{name}__in": [number for value in values if (number := asked_number(value)) is not None]})

    return condition


def standing_of(row: Mapping[str, Any]) -> str:
    if row["throttle"] is not None:
        return "held"
    state = row["message__state"]
    if state is None:
        return "not_sent"
    return State.PENDING.value if state in BEING_SENT else str(state)


def detail_of(row: Mapping[str, Any], standing: str) -> str:
    """What else there is to say: the answer, until or since when, and which recipients got nothing."""
    said, missed = answer_of(row, standing), row["message__not_taken_by"] or []
    return f"{said}; nothing went to {shortened(', '.join(missed), 120)}" if missed else said


def answer_of(row: Mapping[str, Any], standing: str) -> str:
    code = shortened(row["message__answer_code"] or "", 40)
    if standing == "held":
        return f"until {minute(row['held_until'])} UTC"
    if standing == "not_sent":
        return shortened(row["not_sent"], 120)
    if standing == State.SENT:
        return f"{code}, {stamp(row['message__accepted_at'])} UTC" if row["message__accepted_at"] else code
    if standing == State.RETRYING:
        return f"{code}; next try at {stamp(row['message__next_attempt_at'])} UTC"
    if standing == State.UNCERTAIN:
        return f"{code}: it may have arrived"
    return code


def counted(filter: ListFilter, pks: Sequence[int]) -> dict[str, Counter[str]]:
    rows = Delivery.objects.filter(pk__in=pks).values("throttle", "message__state")
    return {"standing": Counter(standing_of(row) for row in rows)}


def shown(row: dict[str, Any], base: str) -> dict[str, str]:
    """A row as text for the template. `base` is the address of the list, under which the messages lie."""
    standing = standing_of(row)
    finding_url = reverse("finding", args=[row["finding"]])
    return {
        "url": f"{base}messages/{row['message']}/" if row["message"] else finding_url,
        "finding": str(row["finding"]),
        "finding_url": finding_url,
        "time": stamp(row["created_at"]),
        "rule": shortened(row["finding__rule"], 80),
        "person": shortened(row["finding__group__person"], 60),
        "channel": shortened(row["channel__name"], 60),
        "policy": shortened(row["policy"], 60),
        "severity": SEVERITIES.get(row["severity"], row["severity"]),
        "standing": standing,
        "standing_word": STANDINGS[standing],
        "detail": detail_of(row, standing),
        "with_others": f"with {row['message__count'] - 1:,} others" if (row["message__count"] or 1) > 1 else "",
    }


def rows_of(deliveries: QuerySet[Delivery]) -> list[dict[str, str]]:
    """Rows for deliveries/_deliveries.html; one query."""
    return [shown(row, reverse("deliveries")) for row in deliveries.values(*COLUMNS)]


def of_finding(pk: int) -> list[dict[str, str]]:
    """What became of a finding in each channel, for its page."""
    return rows_of(Delivery.objects.filter(finding=pk).order_by("channel__name"))


def of_channel(pk: int) -> list[dict[str, str]]:
    """The newest deliveries of a channel, for its page."""
    return rows_of(Delivery.objects.filter(channel=pk).order_by("-created_at", "-pk")[:NEWEST])


EXPORT = (
    column("created_at"),
    column("finding"),
    column("rule", "finding__rule"),
    column("person", "finding__group__person"),
    column("channel", "channel__name"),
    column("policy"),
    column("severity"),
    column("message"),
    column("state", "message__state"),
    column("answer_code", "message__answer_code"),
    column("accepted_at", "message__accepted_at"),
    column("not_taken_by", "message__not_taken_by"),
    column("held_until"),
    column("not_sent"),
)
