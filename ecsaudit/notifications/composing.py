"""A message's content, read from its findings when it is sent."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from ecsaudit.findings.models import Finding
from ecsaudit.notifications.models import Message, Throttle
from ecsaudit.notifications.notice import MOST_TOLD, Notice, Told


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
        url=told[0].url if message.count == 1 else absolute(message.get_absolute_url()),
        held_back=held_back,
        held_until=window.until_at if window else None,
        policy=message.policy,
        runbook_url=message.runbook_url,
    )


def told_of(finding: Finding) -> Told:
    """A finding that was read with its group, account, session and tag set."""
    group, session = finding.group, finding.session
    return Told(
        title=f"{finding.rule}: {group.person} → {target_of(finding)}" if group.person else finding.rule,
        rule=finding.rule,
        priority=finding.get_priority_display(),
        output=finding.output,
        person=group.person,
        target=target_of(finding),
        account=finding.account.account_id if finding.account else "",
        region=finding.region,
        command=session.command if session else "",
        source_ip_address=session.source_ip_address if session else "",
        event_time=finding.event_time,
        url=absolute(finding.get_absolute_url()),
        tags=tuple(finding.tags),
    )


def target_of(finding: Finding) -> str:
    """`cluster/container`, as far as they are known."""
    return "/".join(name for name in (finding.group.cluster, finding.group.target) if name)


def title_of(told: Sequence[Told], count: int) -> str:
    if count == 1:
        return told[0].title
    rules = {each.rule for each in told}
    return f"{count:,} findings: {told[0].rule}" + (" and other rules" if len(rules) > 1 else "")


def absolute(path: str) -> str:
    """An address of this installation that a message can lead to."""
    return f"{settings.PUBLIC_URL}{path}"
