"""The outbox is filled here: what must be told is written down with the findings, and sent by others (see sending).

NotificationError       what was asked can't be done
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from ecsaudit.findings.models import Finding, FindingGroup
from ecsaudit.notifications import throttles, waking
from ecsaudit.notifications.messages import give_up_at, new_message
from ecsaudit.notifications.models import SENDABLE_AGAIN, Delivery, Message, Purpose, State, Throttle
from ecsaudit.notifications.routing import Routing
from ecsaudit.people.models import User


class NotificationError(ValueError):
    """What was asked can't be done."""


def enqueue(routings: Sequence[Routing], now: datetime) -> int:
    """Write down what is to be told of findings; returns how many messages are due at once.

    Runs in the transaction that stored the findings, after them and their groups. A finding comes to a channel once: the
    first routing counts, and a repeated call changes nothing.
    """
    with transaction.atomic():
        new = not_yet_routed(routings)
        windows = throttles.locked(routing for routing in new if routing.throttle and not routing.not_sent)
        first_of, held_by = decide(new, windows, now)
        about = fingerprints(first_of)
        messages = Message.objects.bulk_create(message_of(routing, about, now) for routing in first_of)
        for routing, message in zip(first_of, messages, strict=True):
            if routing.throttle:
                windows[throttles.digest_of(routing)].first_message = message
        throttles.save(windows.values())
        message_by_pair = {pair(each): message for each, message in zip(first_of, messages, strict=True)}
        Delivery.objects.bulk_create(
            delivery_of(routing, message_by_pair.get(pair(routing)), held_by.get(pair(routing)), now) for routing in new
        )
        if messages:
            waking.wake_on_commit()
    return len(messages)


def pair(routing: Routing) -> tuple[int, int]:
    """Finding and channel, which come together once."""
    return routing.finding.pk, routing.channel_id


def not_yet_routed(routings: Iterable[Routing]) -> list[Routing]:
    """The first routing of each finding and channel that have no delivery yet, the findings locked."""
    first: dict[tuple[int, int], Routing] = {}
    for routing in routings:
        first.setdefault(pair(routing), routing)
    if not first:
        return []
    finding_ids = {finding_id for finding_id, _ in first}
    # Two workers that route the same findings wait for each other here.
    list(Finding.objects.select_for_update(no_key=True).filter(pk__in=finding_ids).order_by("pk").values_list("pk"))
    present = set(Delivery.objects.filter(finding__in=finding_ids).values_list("finding_id", "channel_id"))
    return [routing for key, routing in first.items() if key not in present]


def decide(
    routings: Iterable[Routing], windows: dict[str, Throttle], now: datetime
) -> tuple[list[Routing], dict[tuple[int, int], Throttle]]:
    """Those that make a message of their own, and the windows that hold others back; windows are changed in memory."""
    first_of: list[Routing] = []
    held_by: dict[tuple[int, int], Throttle] = {}
    for routing in routings:
        if routing.not_sent:
            continue
        if not routing.throttle:
            first_of.append(routing)
            continue
        window = windows[throttles.digest_of(routing)]
        if throttles.admits(window, now):
            first_of.append(routing)
            window.until_at, window.held = now + routing.throttle, 0
        else:
            held_by[pair(routing)] = window
            window.held += 1
    return first_of, held_by


def fingerprints(routings: Iterable[Routing]) -> dict[int, str]:
    """The fingerprint of each finding's group, by the group's id."""
    group_ids = {routing.finding.group_id for routing in routings}
    return dict(FindingGroup.objects.filter(pk__in=group_ids).values_list("pk", "fingerprint")) if group_ids else {}


def message_of(routing: Routing, about: dict[int, str], now: datetime) -> Message:
    return new_message(
        channel_id=routing.channel_id,
        purpose=Purpose.FINDING,
        about=about[routing.finding.group_id],
        policy=routing.policy_name,
        severity=routing.severity,
        runbook_url=routing.runbook_url,
        now=now,
    )


def delivery_of(routing: Routing, message: Message | None, window: Throttle | None, now: datetime) -> Delivery:
    return Delivery(
        finding=routing.finding,
        channel_id=routing.channel_id,
        message=message,
        throttle=window,
        held_until=window.until_at if window else None,
        not_sent=routing.not_sent,
        policy=routing.policy_name,
        severity=routing.severity,
        created_at=now,
    )


def send_again(*, message: Message, by: User, now: datetime) -> None:
    """Have a message sent again that failed for good or is uncertain. NotificationError where it is neither any more."""
    asked = Message.objects.filter(pk=message.pk, state__in=SENDABLE_AGAIN).exclude(purpose=Purpose.TEST)
    changed = asked.update(
        state=State.PENDING, next_attempt_at=now, give_up_at=give_up_at(now), asked_by=by, asked_at=now, lease_owner=""
    )
    if not changed:
        raise NotificationError("only a message that failed for good or is uncertain can be sent again")
    waking.wake_on_commit()
