"""The policies that decide are read again when they were changed, and only then."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from ecsaudit.people.models import User
from ecsaudit.policies import services
from ecsaudit.policies.in_force import PoliciesInForce
from ecsaudit.policies.models import Policy, PolicyBook
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_policies_are_read_once_until_somebody_changes_one(
    ann: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    policies = PoliciesInForce()
    # the count of changes, policies, their channels: 3
    with django_assert_num_queries(3):
        assert [terms.name for terms in policies.current()] == ["Default policy"]
    with django_assert_num_queries(1):
        policies.current()
    channel = factories.channel()
    services.add_channel(policy_id=Policy.objects.get().pk, channel=channel, by=ann, now=NOW)
    with django_assert_num_queries(3):
        assert policies.current()[0].channels == (channel.pk,)


def test_without_any_row_there_are_none() -> None:
    PolicyBook.objects.all().delete()
    assert PoliciesInForce().current() == ()
