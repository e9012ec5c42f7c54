"""How a message begins."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings

from ecsaudit.findings.severity import Severity
from ecsaudit.notifications.models import Message, Purpose

MILDEST_FIRST = list(Severity)


def new_message(
    *,
    channel_id: int,
    purpose: Purpose,
    policy: str,
    severity: str,
    runbook_url: str,
    now: datetime,
    count: int = 1,
    about: str = "",
) -> Message:
    """An unsaved message that is due at once. Without `about` it is about itself, so that nothing swallows it."""
    key = uuid4().hex
    return Message(
        channel_id=channel_id,
        purpose=purpose,
        key=key,
        about=about or key,
        policy=policy,
        severity=severity,
        runbook_url=runbook_url,
        count=count,
        created_at=now,
        next_attempt_at=now,
        give_up_at=give_up_at(now),
    )


def give_up_at(now: datetime) -> datetime:
    """Until when a message is tried that somebody wants sent now."""
    return now + timedelta(hours=settings.GIVE_UP_HOURS)


def worst(severities: Iterable[str]) -> str:
    return max(map(Severity, severities), key=MILDEST_FIRST.index)
