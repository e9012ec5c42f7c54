"""Two people who change policies at once, on real transactions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from ecsaudit.people.models import User
from ecsaudit.policies import services
from ecsaudit.policies.models import Policy, PolicyBook, PolicyVersion
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_many_who_opened_the_same_revision_one_saves_and_nothing_is_lost(ann: User) -> None:
    pk = factories.policy().pk

    def saved(number: int) -> bool:
        try:
            policy = Policy.objects.get(pk=pk)
            policy.owner = f"Team {number}"
            services.change(policy=policy, channels=[], expected=1, by=ann, now=NOW)
        except services.EditConflict:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(saved, range(4)))
    assert results.count(True) == 1
    assert Policy.objects.get(pk=pk).owner == f"Team {results.index(True)}"
    assert PolicyVersion.objects.filter(policy=pk).count() == 2


def test_every_switch_of_many_at_once_stands_in_the_history_and_is_counted(ann: User) -> None:
    ids = [factories.policy(f"Policy {number}").pk for number in range(6)]
    before = PolicyBook.objects.get().revision

    def switch(pk: int) -> None:
        try:
            services.switch(policy_id=pk, enabled=False, by=ann, now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(switch, ids))
    assert not Policy.objects.filter(pk__in=ids, enabled=True).exists()
    assert PolicyVersion.objects.filter(action="switched").count() == 6
    assert PolicyBook.objects.get().revision == before + 6
