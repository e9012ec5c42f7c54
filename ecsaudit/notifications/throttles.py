"""Windows in which one message is enough: the first finding of a channel, policy and key is told at once and opens one.

What comes while it is open is held back. When its time is over, all that goes out together and opens the next window; a
window that holds nothing ends. Windows are locked in the order of their digests, after findings and groups.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256

from django.db import transaction
from django.db.models import Case, Count, When

from ecsaudit.notifications.messages import new_message, worst
from ecsaudit.notifications.models import Delivery, Message, Purpose, Throttle
from ecsaudit.notifications.routing import Routing

# Windows that one transaction closes.
BATCH = 100


def digest_of(routing: Routing) -> str:
    """What stands for the window that the routing belongs to."""
    return sha256(json.dumps([routing.channel_id, routing.policy_name, routing.throttle_key]).encode()).hexdigest()


def locked(routings: Iterable[Routing]) -> dict[str, Throttle]:
    """The windows of these routings by their digests, locked; those that were not there have no `until_at` yet."""
    wanted = {digest_of(routing): routing for routing in routings}
    rows = [
        Throttle(
            channel_id=routing.channel_id,
            policy=routing.policy_name,
            key=routing.throttle_key,
            digest=digest,
            length=routing.throttle,
            runbook_url=routing.runbook_url,
        )
        for digest, routing in sorted(wanted.items())
    ]
    # Written over rather than passed over, because only that locks those that are there.
    upsert(rows, ["length", "runbook_url"])
    return {window.digest: window for window in Throttle.objects.filter(digest__in=wanted)} if wanted else {}


def save(windows: Iterable[Throttle]) -> None:
    """Write what changed in locked windows."""
    upsert(sorted(windows, key=lambda window: window.digest), ["until_at", "first_message", "held"])


def upsert(windows: Sequence[Throttle], columns: Sequence[str]) -> None:
    Throttle.objects.bulk_create(windows, update_conflicts=True, unique_fields=["digest"], update_fields=columns)


def admits(window: Throttle, now: datetime) -> bool:
    """Whether a finding that comes now is told at once. One that comes late to a window with others goes out with them."""
    return window.until_at is None or (window.until_at <= now and not window.held)


def close_due(now: datetime) -> int:
    """Close the windows whose time is over; returns how many messages that made. A worker killed here leaves them open."""
    made = 0
    while True:
        with transaction.atomic():
            # Those that somebody holds are seen to at the next tick.
            over = Throttle.objects.select_for_update(skip_locked=True).filter(until_at__lte=now)
            windows = list(over.order_by("digest")[:BATCH])
            made += close(windows, now)
        if len(windows) < BATCH:
            return made


def close(windows: Sequence[Throttle], now: datetime) -> int:
    """Close locked windows."""
    held = Delivery.objects.filter(throttle__in=windows)
    counts: dict[int | None, int] = {}
    severities: dict[int | None, list[str]] = {}
    for pk, severity, count in held.values_list("throttle", "severity").annotate(count=Count("pk")):
        counts[pk] = counts.get(pk, 0) + count
        severities.setdefault(pk, []).append(severity)
    full = [window for window in windows if window.pk in counts]
    messages = Message.objects.bulk_create(
        new_message(
            channel_id=window.channel_id,
            purpose=Purpose.DIGEST,
            policy=window.policy,
            severity=worst(severities[window.pk]),
            runbook_url=window.runbook_url,
            count=counts[window.pk],
            now=now,
        )
        for window in full
    )
    pairs = list(zip(full, messages, strict=True))
    if pairs:
        held.update(message=Case(*(When(throttle=window, then=message.pk) for window, message in pairs)), throttle=None)
    for window, message in pairs:
        window.until_at, window.first_message, window.held = now + window.length, message, 0
    save(full)
    Throttle.objects.filter(pk__in=[window.pk for window in windows if window.pk not in counts]).delete()
    return len(messages)
