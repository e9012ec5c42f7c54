"""Findings gathered by fingerprint: the groups' rows, and their numbers, kept in the transaction that changes what they count.

Order of locks, for everybody: see findings.triage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, Min, OuterRef, Subquery

from ecsaudit.findings.fingerprint import Subject, digest, fingerprint
from ecsaudit.findings.models import Finding, FindingGroup

NUMBERS = ("count", "open_count", "first_seen_at", "last_seen_at", "priority", "tag_set", "reopened_at")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a group is made of, should it be missing."""

    rule: str
    account_pk: int | None
    account_id: str
    region: str
    subject: Subject
    priority: int
    tag_set_id: int
    seen_at: datetime
    # of ecsaudit's own findings: what keeps them apart
    own_key: str = ""

    @property
    def fingerprint(self) -> str:
        if self.own_key:
            return digest(["ecsaudit", self.own_key])
        return fingerprint(rule=self.rule, account=self.account_id, region=self.region, subject=self.subject)

    def row(self) -> FindingGroup:
        return FindingGroup(
            fingerprint=self.fingerprint,
            rule=self.rule,
            account_id=self.account_pk,
            region=self.region,
            person=self.subject.person,
            cluster=self.subject.cluster,
            target=self.subject.target,
            priority=self.priority,
            tag_set_id=self.tag_set_id,
            first_seen_at=self.seen_at,
            last_seen_at=self.seen_at,
        )


def groups_of(drafts: Iterable[Draft]) -> dict[str, FindingGroup]:
    """The group of each fingerprint, as it stands; makes those that are not there yet."""
    wanted = {draft.fingerprint: draft for draft in drafts}
    if not wanted:
        return {}
    rows = FindingGroup.objects.filter(fingerprint__in=wanted)
    groups = {group.fingerprint: group for group in rows}
    # In one order for everybody, so that two workers that make the same ones never wait in a ring.
    missing = [wanted[key].row() for key in sorted(wanted) if key not in groups]
    if missing:
        FindingGroup.objects.bulk_create(missing, ignore_conflicts=True)
        groups = {group.fingerprint: group for group in rows.all()}
    return groups


@dataclass(slots=True)
class Step:
    """By how much a group's numbers change, and the findings that came to it."""

    count: int = 0
    open_count: int = 0
    newest: Finding | None = None
    oldest: Finding | None = None
    worst: int = 7

    def came(self, finding: Finding) -> None:
        self.worst = min(self.worst, finding.priority)
        if self.newest is None or finding.event_time >= self.newest.event_time:
            self.newest = finding
        if self.oldest is None or finding.event_time < self.oldest.event_time:
            self.oldest = finding


def locked(group_ids: Iterable[int]) -> list[FindingGroup]:
    """These groups, locked in one order for everybody."""
    wanted = FindingGroup.objects.filter(pk__in=list(group_ids))
    return list(wanted.select_for_update(no_key=True).order_by("pk"))


def count(steps: Mapping[int, Step], now: datetime) -> None:
    """Add these steps (group id → step) to the groups' numbers; must be the last lock but the roll-up's that is taken."""
    steps = {pk: step for pk, step in steps.items() if step.count or step.open_count}
    if not steps:
        return
    groups = locked(steps)
    for group in groups:
        move(group, steps[group.pk], now)
    look_again([group for group in groups if steps[group.pk].count < 0 and group.count])
    FindingGroup.objects.bulk_update(groups, NUMBERS)


def move(group: FindingGroup, step: Step, now: datetime) -> None:
    if group.count and not group.open_count and step.open_count > 0:
        group.reopened_at = now
    if step.newest is not None and step.oldest is not None:
        if group.count == 0:
            group.priority, group.first_seen_at, group.last_seen_at = 7, step.oldest.event_time, step.newest.event_time
        group.priority = min(group.priority, step.worst)
        group.first_seen_at = min(group.first_seen_at, step.oldest.event_time)
        if step.newest.event_time >= group.last_seen_at:
            group.last_seen_at, group.tag_set_id = step.newest.event_time, step.newest.tag_set_id
    group.count += step.count
    group.open_count += step.open_count


def look_again(groups: Sequence[FindingGroup]) -> None:
    """Set times, priority and tag set of groups, which are locked, by the findings that are left after some were archived.

    One query; one more where the worst are gone, because only that looks at all findings of a group.
    """
    if not groups:
        return
    left = Finding.objects.active().filter(group=OuterRef("pk")).order_by("event_time", "pk")
    newest = left.reverse()
    rows = FindingGroup.objects.filter(pk__in=[group.pk for group in groups]).annotate(
        oldest_at=Subquery(left.values("event_time")[:1]),
        newest_at=Subquery(newest.values("event_time")[:1]),
        newest_tags=Subquery(newest.values("tag_set")[:1]),
        is_as_bad=Exists(left.filter(priority=OuterRef("priority"))),
    )
    columns = ("oldest_at", "newest_at", "newest_tags", "is_as_bad")
    found = {row["pk"]: row for row in rows.values("pk", *columns)}
    milder = [pk for pk, row in found.items() if not row["is_as_bad"]]
    of_milder = Finding.objects.active().filter(group__in=milder).order_by()
    worst = dict(of_milder.values_list("group").annotate(worst=Min("priority"))) if milder else {}
    for group in groups:
        row = found[group.pk]
        if row["newest_at"] is None:
            continue
        group.first_seen_at, group.last_seen_at = row["oldest_at"], row["newest_at"]
        group.tag_set_id = row["newest_tags"]
        group.priority = worst.get(group.pk, group.priority)
