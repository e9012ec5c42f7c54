import pytest
from django.test import Client
from pytest_django import Settings

from ecsaudit.people.models import User
from tests.personas import PASSWORD

pytestmark = pytest.mark.django_db
NEW = "another long sentence"


def test_the_right_password_leads_to_the_page_that_was_asked_for(client: Client, vera: User) -> None:
    answer = client.post(
        "/login/?next=/collection/", {"username": "vera", "password": PASSWORD, "next": "/collection/"}
    )
    assert answer.headers["Location"] == "/collection/"


def test_a_link_to_elsewhere_is_not_followed_after_the_log_in(client: Client, vera: User) -> None:
    answer = client.post("/login/", {"username": "vera", "password": PASSWORD, "next": "https://example.com/"})
    assert answer.headers["Location"] == "/"


def test_a_wrong_password_is_told_without_saying_what_is_wrong(client: Client, vera: User) -> None:
    answer = client.post("/login/", {"username": "vera", "password": "wrong"})
    assert "That user name and password don't fit." in answer.content.decode()


def test_guessing_is_locked_out(client: Client, vera: User, settings: Settings) -> None:
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = 2
    for _ in range(2):
        answer = client.post("/login/", {"username": "vera", "password": "wrong"})
    assert answer.status_code == 429
    assert "Too many tries" in answer.content.decode()
    assert client.post("/login/", {"username": "vera", "password": PASSWORD}).status_code == 429


def test_whoever_is_logged_in_is_not_asked_again(as_vera: Client) -> None:
    assert as_vera.get("/login/").headers["Location"] == "/"


def test_logging_out_takes_a_post(as_vera: Client) -> None:
    assert as_vera.get("/logout/").status_code == 405
    assert as_vera.post("/logout/").headers["Location"] == "/login/"
    assert as_vera.get("/").headers["Location"] == "/login/?next=/"


def change(client: Client, new: str) -> str:
    answer = client.post(
        "/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new}, follow=True
    )
    return answer.content.decode()


def test_a_changed_password_opens_everything_and_keeps_the_session(vera: User, as_vera: Client) -> None:
    vera.must_change_password = True
    vera.save()
    assert "Choose a password of your own" in as_vera.get("/", follow=True).content.decode()
    assert "Your password is changed." in change(as_vera, NEW)
    assert as_vera.get("/").status_code == 200
    vera.refresh_from_db()
    assert not vera.must_change_password
    assert vera.check_password(NEW)


def test_a_one_time_password_cannot_be_kept(vera: User, as_vera: Client) -> None:
    vera.must_change_password = True
    vera.save()
    assert "Choose a password that you don&#x27;t have already." in change(as_vera, PASSWORD)
    vera.refresh_from_db()
    assert vera.must_change_password


def test_a_short_password_is_refused(as_vera: Client) -> None:
    assert "at least 12 characters" in change(as_vera, "short")
