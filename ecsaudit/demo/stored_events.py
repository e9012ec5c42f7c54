"""What CloudTrail's Event history holds, and the protocol by which the endpoint asks for it."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ecsaudit.demo.compact_json import compact_json


class UnknownAccount(LookupError):
    """The store holds nothing for this account, as if its access key did not exist."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One entry of a LookupEvents item's `Resources`."""

    resource_type: str
    resource_name: str


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One item of LookupEvents. `cloudtrail_event` is the exact text, which need not be JSON."""

    event_id: str
    event_name: str
    event_source: str
    event_time: datetime
    username: str | None
    access_key_id: str | None
    read_only: str
    resources: tuple[Resource, ...]
    cloudtrail_event: str
    delivered_at: datetime


class EventStore(Protocol):
    """Where the endpoint finds its events."""

    def events(self, account_id: str, region: str, now: datetime) -> Sequence[StoredEvent]:
        """Newest first, only those delivered by `now`. Raises UnknownAccount."""


class ListStore:
    """Events given as lists, for tests: doubled, late, out of order and malformed ones are kept as they are.

    `newest_first=False` serves each list in the order it was given, which CloudTrail promises not to do.
    """

    def __init__(self, events: Mapping[tuple[str, str], Iterable[StoredEvent]], *, newest_first: bool = True) -> None:
        self._lock = threading.Lock()
        self._newest_first = newest_first
        self._events: dict[tuple[str, str], tuple[StoredEvent, ...]] = {}
        for (account_id, region), given in events.items():
            self.add(account_id, region, *given)

    def add(self, account_id: str, region: str, *events: StoredEvent) -> None:
        """Add events while the endpoint runs. With no events it only makes the account known."""
        with self._lock:
            held = [*self._events.get((account_id, region), ()), *events]
            if self._newest_first:
                held.sort(key=lambda event: event.event_time, reverse=True)
            self._events[account_id, region] = tuple(held)

    def events(self, account_id: str, region: str, now: datetime) -> Sequence[StoredEvent]:
        with self._lock:
            if not any(account_id == known for known, _ in self._events):
                raise UnknownAccount(account_id)
            held = self._events.get((account_id, region), ())
        return [event for event in held if event.delivered_at <= now]


def event_from_record(
    record: Mapping[str, object], *, event_time: datetime | None = None, delivered_at: datetime | None = None
) -> StoredEvent:
    """The LookupEvents item of a CloudTrail record; its text is the record as compact JSON.

    `event_time` is for records whose own eventTime is missing or strange; without it such a record raises ValueError.
    `delivered_at` is the event time when not given.
    """
    happened_at = event_time or datetime.fromisoformat(str(record.get("eventTime", "")))
    identity = record.get("userIdentity")
    identity = identity if isinstance(identity, Mapping) else {}
    access_key_id = identity.get("accessKeyId")
    return StoredEvent(
        event_id=str(record.get("eventID", "")),
        event_name=str(record.get("eventName", "")),
        event_source=str(record.get("eventSource", "")),
        event_time=happened_at,
        username=username_of(identity),
        access_key_id=access_key_id if isinstance(access_key_id, str) else None,
        read_only="true" if record.get("readOnly") in (True, "true") else "false",
        resources=(),
        cloudtrail_event=compact_json(record),
        delivered_at=delivered_at or happened_at,
    )


def username_of(identity: Mapping[str, object]) -> str | None:
    """LookupEvents' `Username` for a userIdentity; None for callers without a name, as services are."""
    if identity.get("type") == "Root":
        return "root"
    user_name = identity.get("userName")
    if isinstance(user_name, str):
        return user_name
    _, colon, session_name = str(identity.get("principalId", "")).partition(":")
    return session_name if colon else None
