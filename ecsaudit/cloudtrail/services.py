"""Records into rows: what was read is stored once, what could not be read is kept aside."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ecsaudit.cloudtrail.models import Account, Event, EventBody, Feed, UnreadableRecord
from ecsaudit.cloudtrail.record import Record, UnreadableText, read, storable

# Bytes of a record that can't be read are kept up to this; the reason says so when there were more.
LONGEST_BODY = 1_000_000


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event stored just now, with the record it came from."""

    event: Event
    record: Record


def store_page(
    *, feed: Feed, items: Sequence[dict[str, Any]], ssm_session_id: Callable[[Record], str]
) -> list[NewEvent]:
    """Store what is new of one LookupEvents page, oldest first; must run inside a transaction.

    `items` are LookupEvents' Events. Records already stored are passed over, unreadable ones are set aside.
    """
    records: dict[str, Record] = {}
    for item in reversed(items):
        try:
            text = item.get("CloudTrailEvent")
            if not isinstance(text, str):
                raise UnreadableText("no CloudTrailEvent text")
            record = read(text, item)
        except UnreadableText as error:
            set_aside(feed=feed, item=item, reason=str(error))
        else:
            records.setdefault(record.event_id, record)
    return store_records(account=feed.account, region=feed.region, records=records, ssm_session_id=ssm_session_id)


def store_records(
    *, account: Account, region: str, records: dict[str, Record], ssm_session_id: Callable[[Record], str]
) -> list[NewEvent]:
    known = set(Event.objects.filter(account=account, event_id__in=list(records)).values_list("event_id", flat=True))
    new = [record for event_id, record in records.items() if event_id not in known]
    events = Event.objects.bulk_create(
        Event(
            account=account,
            event_id=record.event_id,
            event_name=record.event_name,
            event_source=record.event_source,
            event_time=record.event_time,
            region=record.region or region,
            ssm_session_id=ssm_session_id(record),
        )
        for record in new
    )
    EventBody.objects.bulk_create(
        EventBody(event=event, compressed=EventBody.compress(record.text))
        for event, record in zip(events, new, strict=True)
    )
    return [NewEvent(event, record) for event, record in zip(events, new, strict=True)]


def set_aside(*, feed: Feed, item: dict[str, Any], reason: str) -> UnreadableRecord:
    """Keep a record that can't be read, once, with the reason."""
    text = item.get("CloudTrailEvent")
    body = (text if isinstance(text, str) else repr(item)).encode("utf-8", "surrogatepass")
    if len(body) > LONGEST_BODY:
        reason = f"{reason}; the first {LONGEST_BODY:,} of {len(body):,} bytes are kept"
    record, _ = UnreadableRecord.objects.get_or_create(
        feed=feed,
        digest=hashlib.sha256(body).hexdigest(),
        defaults={
            "event_id": storable(str(item.get("EventId", "")), 128),
            "event_name": storable(str(item.get("EventName", "")), 128),
            "reason": storable(reason),
            "body": body[:LONGEST_BODY],
        },
    )
    return record
