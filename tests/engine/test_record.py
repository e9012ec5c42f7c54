from __future__ import annotations

import pytest

from ecsaudit import engine
from ecsaudit.engine.record import Record

NAME_IS_X = engine.compile_condition("ct.name = x")


@pytest.mark.parametrize(
    "record",
    [
        '{"eventName":"x"}',
        b'{"eventName":"x"}',
        {"eventName": "x"},
        ' {"eventName" : "x"}',
        '{"eventName":"x","eventName":"y"}',
        '{"event\\u004eame":"x","eventName":"y"}',
        '{"eventName":"x\\u0000y"}',
        b'{"eventName":"x","other":"\xff"}',
        {"eventName": "x", "other": "\ud800"},
        {"eventName": "x", "other": 1 << 80},
    ],
)
def test_a_record_is_read_from_text_bytes_and_dicts_in_any_spelling(record: object) -> None:
    assert NAME_IS_X.matches(record)  # type: ignore[arg-type]


@pytest.mark.parametrize("record", ["", "{", "null", "[]", '"x"', "\0", b"\xff", "[" * 100_000, '{"eventName":1e999}'])
def test_other_text_has_no_such_field(record: object) -> None:
    assert not NAME_IS_X.matches(record)  # type: ignore[arg-type]


@pytest.mark.parametrize("record", [None, 5, ["x"], {"x": object()}])
def test_what_is_not_a_record_is_refused(record: object) -> None:
    with pytest.raises(engine.RecordError):
        NAME_IS_X.matches(record)  # type: ignore[arg-type]


def test_json_fields_want_the_brace_first_but_ct_fields_do_not() -> None:
    text = ' {"eventName":"x"}'
    assert engine.extract("ct.name", text) == "x"
    assert engine.extract("json.value[/eventName]", text) is None


@pytest.mark.parametrize(
    ("event_time", "nanoseconds"),
    [
        ("2021-02-03T17:00:14Z", 1612371614_000000000),
        ("2021-02-03T18:00:14.5+01:00", 1612371614_500000000),
        ("2021-13-03T17:00:14Z", None),
        ("yesterday", None),
    ],
)
def test_the_time_of_a_record_is_its_event_time(event_time: str, nanoseconds: int | None) -> None:
    assert Record({"eventTime": event_time}).time_ns() == nanoseconds


def test_a_name_with_an_embedded_nul_is_not_the_name_before_it() -> None:
    assert engine.extract("json.value[/a\0b]", '{"a":1}') is None
