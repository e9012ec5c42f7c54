import pytest
from django.test import Client

from ecsaudit.people import api_keys
from ecsaudit.people.models import User
from tests.api.conftest import Program

pytestmark = pytest.mark.django_db


def test_a_key_that_asks_too_often_is_told_how_long_to_wait_and_others_go_on(
    vera: User, as_vera: Client, program_of: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "A_MINUTE", 2)
    program, other = program_of(vera), program_of(vera)
    assert [program.get("/api/v1/groups/").status_code for _ in range(3)] == [200, 200, 429]
    answer = program.get("/api/v1/findings/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert "Retry-After" in answer.json()["help"]
    for client in (other, as_vera):
        assert client.get("/api/v1/findings/").status_code == 200
