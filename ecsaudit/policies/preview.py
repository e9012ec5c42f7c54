"""What a policy covers and would have done, from what is stored: looked up within bounds, so that it costs the same on any
number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ecsaudit.days import start_of
from ecsaudit.execsessions.models import ExecSession
from ecsaudit.findings.models import Finding
from ecsaudit.policies.catching import Catcher
from ecsaudit.policies.facts import Circumstances, Facts
from ecsaudit.policies.reading import circumstances_of, facts_of
from ecsaudit.policies.terms import Terms

DAYS = 30
# No more of the newest findings, and of the newest sessions, are looked at.
LOOKED_AT = 1_000


@dataclass(frozen=True, slots=True)
class Recent:
    """The newest active findings of the last DAYS. `since` is the oldest's time where there are more than these."""

    findings: Sequence[Facts]
    since: datetime | None

    @property
    def looked_at(self) -> int:
        return len(self.findings)


def recent_findings(now: datetime, *, with_roles: bool) -> Recent:
    newest = Finding.objects.active().filter(event_time__gte=start_of(DAYS, now)).order_by("-event_time", "-pk")
    found = facts_of(newest[: LOOKED_AT + 1], with_roles=with_roles)
    since = found[LOOKED_AT - 1].circumstances.at if len(found) > LOOKED_AT else None
    return Recent(found[:LOOKED_AT], since)


@dataclass(frozen=True, slots=True)
class Covered:
    """What of the newest exec sessions of the last DAYS lies in a scope. `since` as in Recent."""

    sessions: int
    persons: int
    clusters: int
    accounts: int
    looked_at: int
    since: datetime | None


def covered(policy: Terms, now: datetime) -> Covered:
    sessions = ExecSession.objects.filter(started_at__gte=start_of(DAYS, now)).order_by("-started_at", "-pk")
    found = circumstances_of(sessions[: LOOKED_AT + 1])
    since = found[LOOKED_AT - 1].at if len(found) > LOOKED_AT else None
    catcher = Catcher(policy)
    within = [each for each in found[:LOOKED_AT] if catcher.covers(each)]
    return Covered(
        sessions=len(within),
        persons=len({each.person for each in within}),
        clusters=len({cluster_of(each) for each in within if each.cluster}),
        accounts=len({each.accounts for each in within}),
        looked_at=min(len(found), LOOKED_AT),
        since=since,
    )


def cluster_of(circumstances: Circumstances) -> tuple[tuple[str, ...], str, str]:
    """Clusters of one name in different accounts or Regions are different ones."""
    return circumstances.accounts, circumstances.region, circumstances.cluster
