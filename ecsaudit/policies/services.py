"""Everything that changes policies; every change makes a line of their history.

PolicyError
├── EditConflict        somebody changed the policy since it was opened: `current` is theirs
├── NameTaken           there is another of this name
└── NoSuchPolicy        it was deleted in the meantime
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from ecsaudit.notifications.models import Channel
from ecsaudit.people.models import User
from ecsaudit.policies.models import FIELDS, Action, Policy, PolicyBook, PolicyVersion


class PolicyError(ValueError):
    """A change that was not made."""


class EditConflict(PolicyError):
    def __init__(self, current: Policy) -> None:
        super().__init__("somebody changed this policy in the meantime; compare, and save again")
        self.current = current


class NameTaken(PolicyError):
    pass


class NoSuchPolicy(PolicyError):
    def __init__(self) -> None:
        super().__init__("this policy was deleted in the meantime")


@contextmanager
def book_held() -> Iterator[None]:
    """A transaction in which policies are changed; one at a time, and whoever decides reads them anew after it."""
    with transaction.atomic():
        book = PolicyBook.locked()
        yield
        book.revision += 1
        book.save()


def create(
    *, policy: Policy, channels: Collection[Channel], by: User | None, reason: str = "", now: datetime
) -> Policy:
    """Add a policy behind the others. Raises NameTaken."""
    with book_held():
        check_name(policy)
        last = Policy.objects.aggregate(last=Max("position"))["last"]
        policy.position = 1 if last is None else last + 1
        policy.save(force_insert=True)
        policy.channels.set(channels)
        note(policy, Action.CREATED, {}, snapshot(policy), by, reason, now)
    return policy


def change(
    *, policy: Policy, channels: Collection[Channel], expected: int, by: User, reason: str = "", now: datetime
) -> list[str]:
    """Save a changed policy that was opened at revision `expected`; returns the FIELDS that are others now.

    Its place and whether it is on are changed by `move` and `switch` alone.
    """
    with book_held():
        current = found(policy.pk)
        if current.revision != expected:
            raise EditConflict(current)
        check_name(policy)
        policy.position, policy.enabled, policy.created_at = current.position, current.enabled, current.created_at
        before, after = snapshot(current), policy.snapshot([channel.name for channel in channels])
        changed = [name for name in FIELDS if before[name] != after[name]]
        if not changed:
            return []
        policy.revision = current.revision + 1
        policy.save(force_update=True)
        policy.channels.set(channels)
        keep = {name: before[name] for name in changed}
        note(policy, Action.CHANGED, keep, {name: after[name] for name in changed}, by, reason, now)
    return changed


def switch(*, policy_id: int, enabled: bool, by: User, reason: str = "", now: datetime) -> Policy:
    with book_held():
        policy = found(policy_id)
        if policy.enabled != enabled:
            policy.enabled, policy.revision = enabled, policy.revision + 1
            policy.save(update_fields=["enabled", "revision", "updated_at"])
            note(policy, Action.SWITCHED, {"enabled": not enabled}, {"enabled": enabled}, by, reason, now)
    return policy


def add_channel(*, policy_id: int, channel: Channel, by: User, now: datetime) -> Policy:
    with book_held():
        policy = found(policy_id)
        before = channel_names(policy)
        if channel.name not in before:
            policy.channels.add(channel)
            policy.revision += 1
            policy.save(update_fields=["revision", "updated_at"])
            after = sorted([*before, channel.name])
            note(policy, Action.CHANGED, {"channels": before}, {"channels": after}, by, "", now)
    return policy


def move(*, policy_id: int, up: bool, by: User, now: datetime) -> None:
    """Change places with the neighbour, where there is one; both keep their history."""
    with book_held():
        order = list(Policy.objects.order_by("position", "pk"))
        place = next((number for number, policy in enumerate(order) if policy.pk == policy_id), None)
        if place is None:
            raise NoSuchPolicy
        other = place - 1 if up else place + 1
        if 0 <= other < len(order):
            order[place], order[other] = order[other], order[place]
            renumber(order, by, now)


def renumber(order: list[Policy], by: User, now: datetime) -> None:
    for number, policy in enumerate(order, start=1):
        if policy.position != number:
            before, policy.position, policy.revision = policy.position, number, policy.revision + 1
            policy.save(update_fields=["position", "revision", "updated_at"])
            note(policy, Action.MOVED, {"position": before}, {"position": number}, by, "", now)


def delete(*, policy_id: int, by: User, reason: str = "", now: datetime) -> None:
    with book_held():
        policy = found(policy_id)
        note(policy, Action.DELETED, snapshot(policy), {}, by, reason, now)
        policy.delete()


def found(policy_id: int) -> Policy:
    policy = Policy.objects.filter(pk=policy_id).first()
    if policy is None:
        raise NoSuchPolicy
    return policy


def check_name(policy: Policy) -> None:
    if Policy.objects.filter(name=policy.name).exclude(pk=policy.pk).exists():
        raise NameTaken(f"there is another policy “{policy.name}”; choose another name")


def channel_names(policy: Policy) -> list[str]:
    return sorted(policy.channels.values_list("name", flat=True))


def snapshot(policy: Policy) -> dict[str, Any]:
    return policy.snapshot(channel_names(policy))


def note(
    policy: Policy,
    action: Action,
    before: dict[str, Any],
    after: dict[str, Any],
    by: User | None,
    reason: str,
    now: datetime,
) -> None:
    PolicyVersion.objects.create(
        policy=policy, name=policy.name, revision=policy.revision, at=now, by=by, action=action, before=before,
        after=after, reason=reason,
    )  # fmt: skip
