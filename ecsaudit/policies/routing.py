"""What policies decide about findings, written into the outbox in the transaction that stored them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings

from ecsaudit.findings.models import Finding, WorkflowStatus
from ecsaudit.notifications import services as notifications
from ecsaudit.notifications.models import Channel
from ecsaudit.notifications.routing import Routing
from ecsaudit.policies.catching import Catchers
from ecsaudit.policies.decide import decide
from ecsaudit.policies.in_force import policies
from ecsaudit.policies.reading import facts_of
from ecsaudit.policies.terms import Terms


def route(findings: Sequence[Finding], now: datetime, *, as_found: bool = False) -> int:
    """Have policies tell channels about findings; returns how many findings reach one. Runs after findings and groups.

    One that was born suppressed is told to nobody. Without a policy that leads somewhere it costs one query. With
    `as_found` an event may be as old as when its finding was made.
    """
    told = [finding for finding in findings if finding.workflow_status != WorkflowStatus.SUPPRESSED]
    leading = [policy for policy in policies.current() if policy.enabled and policy.channels] if told else []
    if not leading:
        return 0
    routings = routings_of(told, leading, now, as_found=as_found)
    if routings:
        notifications.enqueue(routings, now)
    return len({routing.finding.pk for routing in routings})


def routings_of(
    findings: Sequence[Finding], leading: Sequence[Terms], now: datetime, *, as_found: bool = False
) -> list[Routing]:
    """What is to be told about these findings, and what would be if it were not too late.

    A channel that is off is told as well: the outbox keeps what waits for it.
    """
    present = set(Channel.objects.values_list("pk", flat=True))
    there = [replace(policy, channels=tuple(pk for pk in policy.channels if pk in present)) for policy in leading]
    facts = {
        each.pk: each
        for each in facts_of(
            Finding.objects.filter(pk__in=[finding.pk for finding in findings]),
            with_roles=any("role" in policy.scope for policy in leading),
        )
    }
    catch = Catchers()
    found = []
    for finding in findings:
        because = too_old(finding, finding.created_at if as_found else now)
        for routing in decide(finding, facts[finding.pk], there, catch):
            found.append(replace(routing, not_sent=because) if because else routing)
    return found


def too_old(finding: Finding, now: datetime) -> str:
    """Why nobody is told about a finding of an event that long ago, as of a first backfill; empty for a newer one."""
    hours = settings.NOTIFY_HOURS
    if now - finding.event_time <= timedelta(hours=hours):
        return ""
    return f"the event was older than {hours} h when it was found"


def route_back(finding_ids: Iterable[int], now: datetime) -> int:
    """The same for findings that came to light again and of which no channel was ever told, in the transaction of that.

    They were found in time, and then hidden because people wanted it; so they are told however long that lasted.
    """
    back = Finding.objects.open().filter(pk__in=list(finding_ids), deliveries=None).order_by("pk")
    return route(list(back), now, as_found=True)


def route_own(now: datetime) -> int:
    """The same for findings of ecsaudit's own, which no collected page brings; asked for every few seconds."""
    own = Finding.objects.open().filter(
        account=None, event=None, event_time__gte=now - timedelta(hours=settings.NOTIFY_HOURS)
    )
    return route(list(own.filter(deliveries=None)), now)
