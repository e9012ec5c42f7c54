"""What the page of a new exception offers for a record."""

from __future__ import annotations

import json

from ecsaudit.library.candidates import LONGEST, candidates, offered
from tests.records import SSO_USER, execute_command, start_session

ARN = SSO_USER["arn"]


def fields(record: dict[str, object]) -> dict[str, str]:
    return {each.field: each.value for each in offered(json.dumps(record))}


def test_the_fields_of_an_exec_event_have_the_values_of_this_very_event() -> None:
    found = fields(execute_command())
    assert found["ct.user.arn"] == ARN
    assert found["ct.originaluser"] == "ana@example.com"
    assert found["ct.srcip"] == "203.0.113.7"
    assert found["json.value[/requestParameters/cluster]"] == "prod_payments"
    assert found["json.value[/requestParameters/interactive]"] == "true"
    assert "ct.error" not in found


def test_the_narrowest_tuple_comes_first_and_who_alone_last() -> None:
    found = candidates(offered(json.dumps(execute_command())))
    assert [each.label for each in found] == [
        "who + cluster + container + command + source address",
        "who + cluster + container + command",
        "who + cluster + container",
        "who + cluster",
        "who",
    ]
    assert found[-1].fields == ("ct.user.arn",)


def test_another_event_is_narrowed_by_its_request() -> None:
    found = candidates(offered(json.dumps(start_session(userIdentity=SSO_USER))))
    assert found[0].label == "who + target + documentname + source address"


def test_keys_that_no_field_can_name_and_values_that_are_too_long_are_left_out() -> None:
    record = execute_command(command="x" * (LONGEST + 1))
    record["requestParameters"] |= {"a b": "1", "c]": "2", "d": {"e": 1}, "f": None, "g/h": "3"}
    keys = [name for name in fields(record) if name.startswith("json.")]
    assert keys == [f"json.value[/requestParameters/{key}]" for key in ("cluster", "container", "task", "interactive")]


def test_what_is_no_record_offers_nothing() -> None:
    for text in ("{not json", "[]", "{}"):
        assert candidates(offered(text)) == []
