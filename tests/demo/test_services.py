import pytest

from ecsaudit.cloudtrail.models import Account, Event, Feed
from ecsaudit.demo import services
from ecsaudit.demo.endpoint import account_for
from ecsaudit.execsessions.models import DailyCount, ExecSession
from ecsaudit.findings.models import Finding
from tests import factories

pytestmark = pytest.mark.django_db


def test_loading_makes_the_sample_accounts_once() -> None:
    first = services.load()
    assert [account.pk for account in services.load()] == [account.pk for account in first]
    assert services.is_loaded()
    assert all(account.is_sample and account.regions and account.alias for account in first)
    assert [account_for(account.sample_access_key) for account in first] == [account.account_id for account in first]


def test_removing_takes_everything_of_the_sample_and_nothing_else() -> None:
    sample = services.load()[0]
    factories.feed(account=sample)
    session = factories.exec_session(account=sample, event=factories.event(account=sample))
    factories.finding(session=session)
    DailyCount.objects.create(account=sample, day="2026-11-02", dimension="person", value="ana", count=1)
    real = factories.finding(
        session=factories.exec_session(event=factories.event(account=factories.account("999900001111")))
    )

    assert services.remove() == 3

    assert list(Account.objects.values_list("account_id", flat=True)) == ["999900001111"]
    assert not Feed.objects.exists()
    assert not DailyCount.objects.exists()
    assert (Event.objects.get(), ExecSession.objects.get(), Finding.objects.get()) == (real.event, real.session, real)
    assert not services.is_loaded()
    assert services.remove() == 0
