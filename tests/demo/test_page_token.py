from datetime import UTC, datetime

import pytest

from ecsaudit.demo import page_token
from ecsaudit.demo.api_error import ApiError
from ecsaudit.demo.page_token import Position

POSITION = Position(as_of=datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC), offset=50)


def test_a_token_gives_its_position_back() -> None:
    assert page_token.read(page_token.write(POSITION, "scope"), "scope") == POSITION


def test_a_token_is_refused_in_another_scope() -> None:
    token = page_token.write(POSITION, "scope")
    with pytest.raises(ApiError) as raised:
        page_token.read(token, "other")
    assert raised.value.error_type == "InvalidNextTokenException"


def test_a_changed_token_is_refused() -> None:
    token = page_token.write(POSITION, "scope")
    for index in range(len(token)):
        changed = token[:index] + ("A" if token[index] != "A" else "B") + token[index + 1 :]
        with pytest.raises(ApiError):
            page_token.read(changed, "scope")


def test_a_scope_may_hold_lone_surrogates() -> None:
    assert page_token.read(page_token.write(POSITION, "\ud83d"), "\ud83d") == POSITION
