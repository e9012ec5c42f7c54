"""A message's content, read from its findings when it is sent."""

from __future__ import annotations

from collections.abc import Sequence

from ecsaudit.notifications.models import Message, Throttle
from ecsaudit.notifications.notice import MOST_TOLD, Notice, Told
from ecsaudit.notifications.telling import public_url, told_of


def notice_of(message: Message) -> Notice | None:
    """What the message tells now; None when none of its findings is left. Two queries."""
    told = [told_of(delivery.finding) for delivery in message.deliveries.for_message()[:MOST_TOLD]]
    if not told:
        return None
    window = Throttle.objects.filter(first_message=message).first()
    held_back = window.held if window else 0
    return Notice(
        key=message.key,
        about=message.about,
        title=title_of(told, message.count),
        severity=message.severity,
        told=tuple(told),
        count=message.count + held_back,
        url=told[0].url if message.count == 1 else public_url(message.get_absolute_url()),
        held_back=held_back,
        held_until=window.until_at if window else None,
        policy=message.policy,
        runbook_url=message.runbook_url,
    )


def title_of(told: Sequence[Told], count: int) -> str:
    if count == 1:
        return told[0].rule
    rules = {each.rule for each in told}
    return f"{count:,} findings: {told[0].rule}" + (" and other rules" if len(rules) > 1 else "")
