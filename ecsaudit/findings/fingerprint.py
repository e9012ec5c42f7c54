"""What makes findings the same: rule, account, Region, person, cluster and target. Pure.

The person and the target are read from the event's own record, so a fingerprint never changes when the event later joins
another session. A change of what goes in needs a new VERSION: every group would otherwise come back once.
"""

import json
from dataclasses import dataclass
from hashlib import sha256

from ecsaudit.cloudtrail import arn
from ecsaudit.cloudtrail.identity import identify
from ecsaudit.cloudtrail.record import Record, storable, string
from ecsaudit.execsessions.facts import EXECUTE_COMMAND, START_SESSION, target_of

VERSION = "1"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom and what an event is about; empty text where the record doesn't say. `target` is a container or a service."""

    person: str
    cluster: str
    target: str


def subject_of(record: Record) -> Subject:
    person = storable(identify(record).person, 256)
    if record.event_name in (EXECUTE_COMMAND, START_SESSION):
        found = target_of(record)
        return Subject(person, storable(found.cluster, 256), storable(found.container, 256))
    request = record.section("requestParameters")
    cluster = arn.resource_name(string(request, "cluster") or string(request, "clusterName"), "cluster")
    service = arn.resource_name(string(request, "service") or string(request, "serviceName"), "service")
    return Subject(person, storable(cluster, 256), storable(service, 256))


def fingerprint(*, rule: str, account: str, region: str, subject: Subject) -> str:
    """`account` is AWS's twelve digits. Returns the version and a SHA-256."""
    parts = [rule, account, region, subject.person, subject.cluster, subject.target]
    return digest(parts)


def digest(parts: list[str]) -> str:
    return f"{VERSION}:{sha256(json.dumps(parts).encode()).hexdigest()}"
