import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit.library.models import Library
from ecsaudit.people.models import User
from ecsaudit.web.context import installation
from tests import factories


@pytest.mark.django_db
@pytest.mark.parametrize("is_sample", [True, False])
def test_it_says_whether_sample_data_is_present(rf: RequestFactory, vera: User, is_sample: bool) -> None:
    factories.account(is_sample=is_sample)
    request = rf.get("/")
    request.user = vera
    assert installation(request) == {"sample_is_loaded": is_sample, "rules_are_broken": False, "failing_channel": ""}


@pytest.mark.django_db
def test_a_failing_channel_is_told_to_those_who_work_on_findings_in_one_query(
    rf: RequestFactory, vera: User, ann: User, adam: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    long_ago = factories.NOW
    factories.channel("Sound")
    factories.channel("Off", enabled=False, failures_in_a_row=9, failing_since=long_ago)
    factories.channel("Later", failures_in_a_row=3, failing_since=timezone.now())
    factories.channel("First", failures_in_a_row=1, failing_since=long_ago)
    request = rf.get("/")
    for user, told in ((vera, ""), (ann, "First"), (adam, "First")):
        request.user = user
        with django_assert_num_queries(1):
            assert installation(request)["failing_channel"] == told


@pytest.mark.django_db
def test_it_says_whether_newer_rules_can_not_be_used_in_one_query(
    rf: RequestFactory, vera: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    factories.account()
    request = rf.get("/")
    request.user = vera
    for problems, told in (([], False), ([{"message": "wrong"}], True)):
        Library.objects.update_or_create(pk=1, defaults={"problems": problems})
        with django_assert_num_queries(1):
            assert installation(request)["rules_are_broken"] is told


@pytest.mark.django_db
def test_a_stranger_is_told_nothing_and_costs_no_query(
    rf: RequestFactory, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    request = rf.get("/")
    request.user = AnonymousUser()
    with django_assert_num_queries(0):
        assert installation(request) == {}


def test_a_request_without_a_user_is_told_nothing(rf: RequestFactory) -> None:
    assert installation(rf.get("/")) == {}
