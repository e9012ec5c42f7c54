from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecsaudit import engine
from ecsaudit.engine.fields import ALL_FIELDS

ASSUMED = {
    "type": "AssumedRole",
    "arn": "arn:aws:sts::123456789012:assumed-role/Ops/alice",
    "sessionContext": {"sessionIssuer": {"userName": "Ops"}},
}


@pytest.mark.parametrize(
    ("identity", "user"),
    [
        ({"type": "IAMUser", "userName": "alice"}, "alice"),
        ({"type": "Root"}, None),
        ({"type": "AWSService", "invokedBy": "ecs.amazonaws.com"}, "ecs.amazonaws.com"),
        (ASSUMED, "Ops"),
        ({"type": "AssumedRole"}, "AssumedRole"),
        ({"type": "FederatedUser"}, "FederatedUser"),
        ({"type": "IdentityCenterUser", "userName": "alice"}, None),
    ],
)
def test_the_user_depends_on_the_kind_of_identity(identity: dict[str, str], user: str | None) -> None:
    assert engine.extract("ct.user", {"userIdentity": identity}) == user


def test_the_user_behind_an_assumed_role_is_the_session_name() -> None:
    assert engine.extract("ct.originaluser", {"userIdentity": ASSUMED}) == "alice"


@pytest.mark.parametrize("value", [None, 5, True, [], {}])
def test_a_text_field_of_another_json_type_is_empty_and_present(value: object) -> None:
    assert engine.extract("ct.error", {"errorCode": value}) == ""


def test_json_null_is_the_text_null() -> None:
    record = {"errorCode": None}
    assert engine.extract("json.value[/errorCode]", record) == "null"
    assert not engine.compile_condition("not ct.error exists").matches(record)


@pytest.mark.parametrize(
    ("pointer", "value"),
    [("/a~1b", "slash"), ("a~1b", "slash"), ("/l/+1", "y"), ("/l/-1", None), ("/l/2", None), ("/l", '["x","y"]')],
)
def test_a_pointer_walks_objects_and_arrays(pointer: str, value: str | None) -> None:
    assert engine.extract(f"json.value[{pointer}]", {"a/b": "slash", "l": ["x", "y"]}) == value


def test_info_tells_who_did_what_from_where() -> None:
    record = {
        "eventName": "ExecuteCommand",
        "userIdentity": ASSUMED,
        "sourceIPAddress": "203.0.113.7",
        "readOnly": False,
        "errorCode": "AccessDenied",
    }
    assert engine.extract("ct.info", record) == "Ops via 203.0.113.7 !→ ExecuteCommand"


@pytest.mark.parametrize(
    ("condition", "source", "message", "hint"),
    [
        (
            "ct.nmae = x",
            "aws_cloudtrail",
            "filter_check called with nonexistent field ct.nmae",
            "did you mean 'ct.name'?",
        ),
        ("ct.name = x", "syscall", "nonexistent field ct.name", "source: aws_cloudtrail"),
        ("ct.name[0] = x", "aws_cloudtrail", "does not allow nor require an argument", ""),
        ("json.value = x", "aws_cloudtrail", "json.value requires an argument but none provided", "/path"),
        ("ec2.imageids[01] exists", "aws_cloudtrail", "must be an index", ""),
    ],
)
def test_a_field_that_cannot_be_used_is_an_error(condition: str, source: str, message: str, hint: str) -> None:
    with pytest.raises(engine.ConditionError) as caught:
        engine.compile_condition(condition, source)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_the_readme_lists_the_fields_of_our_own() -> None:
    text = (Path(engine.__file__).parent / "README.md").read_text(encoding="utf-8")
    own = re.findall(r"^\| `(ecs\.\w+)` \|", text, re.MULTILINE)
    assert own == [name for name in ALL_FIELDS if name.startswith("ecs.")]
