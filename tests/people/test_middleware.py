import pytest
from django.test import Client

from ecsaudit.people.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def newcomer(vera: User, as_vera: Client) -> Client:
    vera.must_change_password = True
    vera.save()
    return as_vera


@pytest.mark.parametrize("path", ["/", "/sessions/", "/findings/", "/collection/", "/admin/", "/nowhere/"])
def test_a_one_time_password_opens_nothing(newcomer: Client, path: str) -> None:
    answer = newcomer.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/password/")


def test_a_one_time_password_changes_nothing(newcomer: Client) -> None:
    answer = newcomer.post("/sample/remove/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/password/")


def test_the_password_can_be_changed(newcomer: Client) -> None:
    assert newcomer.get("/password/").status_code == 200


def test_logging_out_is_possible(newcomer: Client) -> None:
    answer = newcomer.post("/logout/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login/")


def test_others_pass(as_vera: Client) -> None:
    assert as_vera.get("/collection/").status_code == 200


def test_a_stranger_is_left_to_the_log_in(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/login/?next=/"
