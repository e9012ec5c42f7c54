import html
from collections.abc import Iterable

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from ecsaudit.cloudtrail.models import Account
from tests import factories

pytestmark = pytest.mark.django_db
LISTS = [
    "cloudtrail/account", "cloudtrail/feed", "cloudtrail/query", "cloudtrail/event", "cloudtrail/unreadablerecord",
    "execsessions/execsession", "findings/finding", "people/user",
]  # fmt: skip
EVIDENCE = [each for each in LISTS if each not in ("cloudtrail/account", "people/user")]
ACCOUNT = {"account_id": "999988887777", "alias": "new", "regions": '["eu-west-1", "us-east-1"]', "enabled": "on"}


def rows(numbers: Iterable[int]) -> None:
    """An account with one row of everything for each number."""
    for each in numbers:
        feed = factories.feed(account=factories.account(f"{each:012}"))
        factories.query(feed=feed)
        factories.unreadable_record(feed=feed)
        factories.finding(session=factories.exec_session(event=factories.event(account=feed.account)))


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_queries_for_any_number_of_rows(
    as_adam: Client, path: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rows([0])
    with CaptureQueriesContext(connection) as few:
        assert as_adam.get(f"/admin/{path}/").status_code == 200
    rows(range(1, 9))
    with django_assert_num_queries(len(few)):
        as_adam.get(f"/admin/{path}/")


@pytest.mark.parametrize("path", EVIDENCE)
def test_what_was_collected_can_be_looked_at_but_not_changed(as_adam: Client, path: str) -> None:
    rows([0])
    pk = apps.get_model(*path.split("/")).objects.get().pk
    assert as_adam.get(f"/admin/{path}/{pk}/change/").status_code == 200
    assert as_adam.get(f"/admin/{path}/add/").status_code == 403
    assert as_adam.post(f"/admin/{path}/{pk}/change/").status_code == 403
    assert as_adam.post(f"/admin/{path}/{pk}/delete/", {"post": "yes"}).status_code == 403


def test_adam_adds_an_account(as_adam: Client) -> None:
    assert as_adam.post("/admin/cloudtrail/account/add/", ACCOUNT).status_code == 302
    assert Account.objects.get().regions == ["eu-west-1", "us-east-1"]
    assert not Account.objects.get().is_sample


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("account_id", "12345", "An AWS account ID has 12 digits."),
        ("account_id", "１２３４５６７８９０１２", "An AWS account ID has 12 digits."),
        ("regions", '"eu-west-1"', "Write a list of Regions"),
        ("regions", "[]", "This field is required."),
        ("regions", '["Ireland"]', "'Ireland' is not an AWS Region."),
        ("regions", "[1]", "1 is not an AWS Region."),
    ],
)
def test_an_account_that_could_not_be_read_is_refused(as_adam: Client, field: str, value: str, said: str) -> None:
    answer = as_adam.post("/admin/cloudtrail/account/add/", ACCOUNT | {field: value})
    assert answer.status_code == 200
    assert said in html.unescape(answer.content.decode())
    assert not Account.objects.exists()


def test_an_account_is_switched_off_rather_than_deleted(as_adam: Client) -> None:
    made = factories.account()
    assert as_adam.post(f"/admin/cloudtrail/account/{made.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Account.objects.exists()


def test_vera_has_no_business_in_the_admin(as_vera: Client) -> None:
    assert as_vera.get("/admin/cloudtrail/account/").headers["Location"].startswith("/admin/login/")
