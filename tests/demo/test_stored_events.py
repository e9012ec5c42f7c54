import json
from datetime import UTC, datetime, timedelta

import pytest

from ecsaudit.demo.stored_events import ListStore, StoredEvent, UnknownAccount, event_from_record, username_of

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RECORD = {
    "userIdentity": {"type": "IAMUser", "userName": "grace", "accessKeyId": "AKIAEXAMPLEGRACE"},
    "eventTime": "2026-11-20T12:00:00Z",
    "eventSource": "ecs.amazonaws.com",
    "eventName": "ExecuteCommand",
    "eventID": "a8592389-8e99-4e01-8866-48089aec4f9c",
    "readOnly": False,
}


def at(minutes: int) -> StoredEvent:
    return event_from_record(RECORD | {"eventID": f"event{minutes}"}, event_time=AT + timedelta(minutes=minutes))


def served(store: ListStore, now: datetime = AT + timedelta(hours=1)) -> list[str]:
    return [event.event_id for event in store.events("111122223333", "eu-west-1", now)]


def test_events_are_served_newest_first_whatever_their_order() -> None:
    store = ListStore({("111122223333", "eu-west-1"): [at(2), at(9), at(5)]})
    store.add("111122223333", "eu-west-1", at(7))
    assert served(store) == ["event9", "event7", "event5", "event2"]


def test_events_can_be_served_out_of_order() -> None:
    store = ListStore({("111122223333", "eu-west-1"): [at(2), at(9), at(5)]}, newest_first=False)
    assert served(store) == ["event2", "event9", "event5"]


def test_events_not_delivered_yet_are_withheld() -> None:
    store = ListStore({("111122223333", "eu-west-1"): [at(2), at(9)]})
    assert served(store, AT + timedelta(minutes=5)) == ["event2"]


def test_an_account_never_mentioned_is_unknown_but_a_region_is_empty() -> None:
    store = ListStore({("111122223333", "eu-west-1"): [at(2)]})
    assert list(store.events("111122223333", "us-east-1", AT)) == []
    with pytest.raises(UnknownAccount):
        store.events("999999999999", "eu-west-1", AT)


def test_a_record_becomes_an_item_with_its_own_text() -> None:
    event = event_from_record(RECORD, delivered_at=AT + timedelta(minutes=4))
    assert (event.event_id, event.event_name, event.event_time) == (RECORD["eventID"], "ExecuteCommand", AT)
    assert (event.username, event.access_key_id, event.read_only) == ("grace", "AKIAEXAMPLEGRACE", "false")
    assert event.delivered_at == AT + timedelta(minutes=4)
    assert json.loads(event.cloudtrail_event) == RECORD


def test_a_record_without_a_time_needs_one() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        event_from_record({"eventName": "ExecuteCommand"})
    assert event_from_record({"eventName": "ExecuteCommand", "userIdentity": None}, event_time=AT).event_time == AT


@pytest.mark.parametrize(
    ("identity", "username"),
    [
        ({"type": "Root", "principalId": "111122223333"}, "root"),
        ({"type": "IAMUser", "userName": "grace"}, "grace"),
        ({"type": "AssumedRole", "principalId": "AROAEXAMPLE:maria@example.com"}, "maria@example.com"),
        ({"type": "FederatedUser", "principalId": "111122223333:dave"}, "dave"),
        ({"type": "AWSService", "invokedBy": "ecs-tasks.amazonaws.com"}, None),
        ({}, None),
    ],
)
def test_the_username_follows_the_form_of_identity(identity: dict[str, object], username: str | None) -> None:
    assert username_of(identity) == username
