import json
from typing import Any

import pytest

from ecsaudit.cloudtrail.models import Event, UnreadableRecord
from ecsaudit.cloudtrail.record import Record
from ecsaudit.cloudtrail.services import NewEvent, store_page
from tests import factories
from tests.records import execute_command, item

pytestmark = pytest.mark.django_db


def no_session(record: Record) -> str:
    return ""


def store(*items: dict[str, Any]) -> list[NewEvent]:
    return store_page(feed=factories.feed(), items=items, ssm_session_id=no_session)


def test_the_exact_text_is_kept() -> None:
    text = '{ "eventName":"ExecuteCommand",  "eventID":"e1","eventTime":"2026-11-02T09:30:00Z","n":1.50,"s":"\\ud800\\u0000" }'
    store(item(text))
    assert Event.objects.get().raw_text == text


def test_text_with_a_lone_surrogate_of_its_own_is_kept() -> None:
    text = '{"eventName":"X","eventID":"e1","eventTime":"2026-11-02T09:30:00Z","s":"\ud800"}'
    store(item(text))
    assert Event.objects.get().raw_text == text


def test_an_event_is_stored_once_within_a_page_and_over_pages() -> None:
    once = item(execute_command())
    assert len(store(once, once)) == 1
    assert store(once) == []
    assert Event.objects.count() == 1


def test_the_same_event_id_in_another_account_is_another_event() -> None:
    store(item(execute_command()))
    other = factories.feed(account=factories.account("444455556666"))
    assert len(store_page(feed=other, items=[item(execute_command())], ssm_session_id=no_session)) == 1


def test_records_that_cannot_be_read_are_set_aside_and_the_page_goes_on() -> None:
    stored = store(
        item("{broken", EventId="b1", EventName="ExecuteCommand"),
        item(execute_command()),
        {"EventId": "b2", "CloudTrailEvent": None},
        {},
    )
    assert len(stored) == 1
    kept = {record.event_id: record for record in UnreadableRecord.objects.all()}
    assert set(kept) == {"b1", "b2", ""}
    assert kept["b1"].text == "{broken"
    assert kept["b1"].reason.startswith("not JSON")
    assert kept["b2"].reason == "no CloudTrailEvent text"


def test_an_unreadable_record_seen_again_is_kept_once() -> None:
    store(item("{broken"))
    store(item("{broken"))
    assert UnreadableRecord.objects.count() == 1


def test_hostile_names_and_ids_fit_their_columns() -> None:
    record = execute_command(eventID="i" * 500, eventName="Execute\x00Command" * 20, eventSource="s" * 500)
    event = store(item(record))[0].event
    assert len(event.event_id) == len(event.event_name) == len(event.event_source) == 128
    assert "\x00" not in event.event_name


def test_a_huge_unreadable_record_is_cut_and_says_so() -> None:
    store(item("x" * 1_500_000))
    kept = UnreadableRecord.objects.get()
    assert len(kept.body) == 1_000_000
    assert "the first 1,000,000 of 1,500,000 bytes are kept" in kept.reason


def test_the_feed_s_region_stands_in_for_a_missing_one() -> None:
    record = execute_command()
    del record["awsRegion"]
    assert store(item(json.dumps(record)))[0].event.region == "eu-west-1"
