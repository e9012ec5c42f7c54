import json
from datetime import UTC, datetime

import pytest

from ecsaudit.cloudtrail.record import UnreadableText, load, parse_time, read, section, storable, string
from tests.records import execute_command


def test_a_record_is_read_and_its_text_kept_to_the_letter() -> None:
    text = ' {"eventName":"ExecuteCommand", "eventTime":"2026-11-02T09:30:00Z","eventID":"e1","number":1.50}'
    record = read(text)
    assert record.text == text
    assert record.event_name == "ExecuteCommand"
    assert record.event_time == datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{not json", "not JSON"),
        ("[1]", "JSON list where an object is expected"),
        ("null", "JSON NoneType where an object is expected"),
        ('{"eventTime": "2026-11-02T09:30:00Z", "eventID": "e1"}', "no eventName"),
        ('{"eventName": "X", "eventID": "e1", "eventTime": "yesterday"}', "no eventTime that can be read"),
        ('{"eventName": "X", "eventTime": "2026-11-02T09:30:00Z"}', "no eventID"),
        ('{"eventName": "X", "n": NaN}', "NaN is not a JSON value"),
        ('{"eventName": "X", "n": ' + "1" * 5000 + "}", "not JSON"),
        ("[" * 100_000, "nested too deep"),
        ("x" * 4_000_001, "4,000,001 characters"),
    ],
)
def test_text_that_is_no_record_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(UnreadableText, match=reason):
        read(text)


def test_what_the_record_lacks_comes_from_the_item_around_it() -> None:
    outer = {
        "EventId": "outer-id",
        "EventName": "StartSession",
        "EventSource": "ssm.amazonaws.com",
        "EventTime": datetime(2026, 11, 2, tzinfo=UTC),
    }
    record = read("{}", outer)
    assert (record.event_id, record.event_name, record.event_source) == (
        "outer-id",
        "StartSession",
        "ssm.amazonaws.com",
    )
    assert record.event_time == datetime(2026, 11, 2, tzinfo=UTC)


def test_the_record_s_own_values_win_over_the_item_s() -> None:
    record = read(json.dumps(execute_command()), {"EventId": "other", "EventName": "Other"})
    assert record.event_id == "11111111-0000-4000-8000-000000000001"
    assert record.event_name == "ExecuteCommand"


def test_lone_surrogates_and_nul_are_read_and_made_storable() -> None:
    record = read(
        '{"eventName": "X", "eventID": "e", "eventTime": "2026-11-02T09:30:00Z", "userAgent": "a\\ud800\\u0000b"}'
    )
    assert record.string("userAgent") == "a\ud800\x00b"
    assert storable(record.string("userAgent")) == "a\ufffd\ufffd\ufffd\ufffdb"


def test_storable_text_is_cut_and_plain_text_untouched() -> None:
    assert storable("plain", 3) == "pla"
    assert storable("größe ✓") == "größe ✓"


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-02T09:30:00Z", datetime(2026, 11, 2, 9, 30, tzinfo=UTC)),
        ("2026-11-02T09:30:00.123Z", datetime(2026, 11, 2, 9, 30, 0, 123000, tzinfo=UTC)),
        ("2026-11-02 09:30:00", datetime(2026, 11, 2, 9, 30, tzinfo=UTC)),
        ("2026-11-02T10:30:00+01:00", datetime(2026, 11, 2, 9, 30, tzinfo=UTC)),
        (1_793_611_800, datetime(2026, 11, 2, 9, 30, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        (1e400, None),
        (1e300, None),
        (True, None),
        ("", None),
        (None, None),
    ],
)
def test_times_in_every_spelling(value: object, moment: datetime | None) -> None:
    assert parse_time(value) == moment


def test_sections_and_strings_of_the_wrong_type_are_empty() -> None:
    data = load('{"a": null, "b": [], "c": {"d": 1}, "e": true, "f": {"x": {}}}')
    assert section(data, "a") == section(data, "b") == section(data, "nowhere") == {}
    assert string(section(data, "c"), "d") == "1"
    assert string(data, "e") == "true"
    assert string(data, "f") == string(data, "a") == ""
