from __future__ import annotations

import pytest

from ecsaudit import engine


def matches(condition: str, **record: object) -> bool:
    return engine.compile_condition(condition).matches(record)


@pytest.mark.parametrize(
    "condition",
    ["ct.error = x", "ct.error != x", "ct.error exists", "ct.error in ()", 'ct.error = ""', "len(ct.error) = 0"],
)
def test_every_check_of_a_missing_field_is_false(condition: str) -> None:
    assert not matches(condition)
    assert matches(f"not {condition}")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("json.value[/n] = 10", True),
        ("json.value[/n] = 10.0", False),
        ("json.value[/n] > 5", False),
        ("s3.bytes > 5", True),
        ("s3.bytes in (1, 10)", True),
        ("ct.name icontains COMMAND", True),
        ("ct.name = tolower(ct.name)", False),
        ("tolower(ct.name) = executecommand", True),
        ("ct.name != val(ct.user)", False),
        ("ct.name startswith anyof (Get, Exec)", True),
        ("ct.name startswith allof ()", False),
        ("ct.name = oneof (ExecuteCommand, ExecuteCommand)", False),
        ("concat(ct.name, ct.region) = ExecuteCommandeu", True),
    ],
)
def test_values_are_compared_by_the_type_of_the_field(condition: str, expected: bool) -> None:
    record = {
        "eventName": "ExecuteCommand",
        "awsRegion": "eu",
        "n": 10,
        "additionalEventData": {"bytesTransferredIn": 10},
    }
    assert matches(condition, **record) is expected


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("s3.bytes contains 1", "filter error: 'contains' operator not supported for numeric filters"),
        ("s3.bytes = 0x10", "filter error: 0x10 is not a valid number"),
        ("ec2.imageids = x", "filter error: '=' operator not supported list filters"),
        ("a and ct.name = x", "filter error: unexpected identifier 'a'"),
        ("ct.name regex val(ct.user)", "operator 'REGEX' doesn't support right-hand side fields"),
        ("ct.name = val(s3.bytes)", "field 'ct.name' has type 'CHARBUF' while the right-hand side field 's3.bytes'"),
        ("ct.name regex (", "expected a string value"),
        ('ct.name regex "(x"', "invalid regex pattern: missing ): (x"),
        ('ct.name = "a\\x00"', "filter value cannot contain a NUL byte"),
    ],
)
def test_a_condition_that_falco_refuses_is_refused(condition: str, message: str) -> None:
    with pytest.raises(engine.ConditionError) as caught:
        engine.compile_condition(condition)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("ct.name > 10", "ECSAUDIT_TEXT_ORDER"),
        ("ct.name = ct.user", "LOAD_COMPILE_CONDITION"),
        ("jevt.value[/a] = <NA>", "LOAD_UNSAFE_NA_CHECK"),
        ("ct.name regex ^abc", "LOAD_COMPILE_CONDITION"),
    ],
)
def test_what_is_probably_not_meant_is_warned_of(condition: str, code: str) -> None:
    assert [warned.code for warned in engine.compile_condition(condition).warnings] == [code]
