"""Who works on an account × Region of Security Hub: the lease is a row changed by compare-and-set, and so is the rate.

TurnLost                somebody else took the account and Region over, or it was switched off; stop without writing
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone

from ecsaudit.securityhub.models import HubRegion
from ecsaudit.securityhub.rate import Bucket


class TurnLost(RuntimeError):
    """The account and Region is no longer ours."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The time, and waiting; `sleep` takes seconds."""

    now: Callable[[], datetime] = timezone.now
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Turn:
    row: HubRegion
    owner: str
    bucket: Bucket
    clock: Clock

    def held(self) -> QuerySet[HubRegion]:
        return HubRegion.objects.filter(pk=self.row.pk, lease_owner=self.owner)

    def renew(self, **columns: object) -> None:
        """Hold it for another while, note columns, and, inside a transaction, lock its row; TurnLost if it isn't ours."""
        expires_at = self.clock.now() + timedelta(seconds=settings.LEASE_SECONDS)
        tokens = {"tokens": self.bucket.tokens, "tokens_at": self.bucket.at}
        if not self.held().filter(enabled=True).update(lease_expires_at=expires_at, **tokens, **columns):
            raise TurnLost(f"{self.row.pk} is held by somebody else, was switched off, or is gone")

    def pace(self, cost: float) -> None:
        """Wait until a request of this cost may be made, and count it: also where the worker is killed right after."""
        self.bucket.refill(self.clock.now())
        if wait := self.bucket.wait(cost):
            self.clock.sleep(wait)
            self.bucket.refill(self.clock.now())
        self.bucket.tokens -= cost
        self.renew()

    def release(self, **columns: object) -> None:
        """Give it back, with what is to be noted; does nothing if somebody else holds it."""
        self.held().update(lease_owner="", lease_expires_at=None, attempts=0, **columns)


def take(hub_region_id: int, clock: Clock) -> Turn | None:
    """A turn at an account and Region that is due, or None."""
    owner, now = uuid4().hex, clock.now()
    due = HubRegion.objects.due(now).filter(pk=hub_region_id)
    if not due.update(
        lease_owner=owner,
        lease_expires_at=now + timedelta(seconds=settings.LEASE_SECONDS),
        attempts=F("attempts") + 1,
    ):
        return None
    row = HubRegion.objects.select_related("account").filter(pk=hub_region_id, lease_owner=owner).first()
    if row is None:
        return None
    return Turn(row, owner, Bucket(row.tokens, row.tokens_at or now - timedelta(minutes=1)), clock)
