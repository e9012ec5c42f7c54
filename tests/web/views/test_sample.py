import pytest
from django.test import Client

from ecsaudit.cloudtrail.models import Account
from ecsaudit.execsessions.models import ExecSession
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rows() -> None:
    factories.exec_session(event=factories.event(account=factories.account("111122223333", is_sample=True)))
    factories.exec_session(event=factories.event(account=factories.account("999988887777")))


def test_one_click_removes_the_sample_and_nothing_else(as_adam: Client) -> None:
    answer = as_adam.post("/sample/remove/", follow=True)
    assert answer.redirect_chain == [("/", 302)]
    assert "The sample data is removed" in answer.content.decode()
    assert list(Account.objects.values_list("account_id", flat=True)) == ["999988887777"]
    assert ExecSession.objects.count() == 1


def test_a_second_click_says_that_nothing_is_left(as_adam: Client) -> None:
    as_adam.post("/sample/remove/")
    assert "There was no sample data." in as_adam.post("/sample/remove/", follow=True).content.decode()


def test_vera_may_not_and_is_told_so(as_vera: Client) -> None:
    answer = as_vera.post("/sample/remove/")
    assert answer.status_code == 403
    assert "Only administrators may remove the sample data." in answer.content.decode()
    assert Account.objects.filter(is_sample=True).exists()


def test_a_link_removes_nothing(as_adam: Client) -> None:
    assert as_adam.get("/sample/remove/").status_code == 405


def test_another_site_cannot_make_the_click(as_adam: Client) -> None:
    as_adam.handler.enforce_csrf_checks = True
    answer = as_adam.post("/sample/remove/")
    assert answer.status_code == 403
    assert "The form is out of date" in answer.content.decode()


def test_every_screen_says_that_it_shows_the_sample(as_vera: Client, as_adam: Client) -> None:
    for path in ("/", "/sessions/", "/findings/", "/collection/", "/collection/unreadable/", "/password/"):
        assert "<strong>Sample data.</strong>" in as_vera.get(path).content.decode(), path
    assert "Remove sample" not in as_vera.get("/").content.decode()
    assert "Remove sample" in as_adam.get("/").content.decode()
