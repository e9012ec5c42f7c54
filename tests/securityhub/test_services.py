from datetime import timedelta

import pytest

from ecsaudit.people.models import User
from ecsaudit.securityhub import services
from ecsaudit.securityhub.models import HubRegion
from ecsaudit.securityhub.services import Past, SwitchRefused
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def rows() -> list[tuple[str, str, bool]]:
    return list(HubRegion.objects.for_grid().values_list("account__account_id", "region", "enabled"))


def test_every_account_and_region_has_a_row_that_is_switched_off() -> None:
    factories.account(regions=["eu-west-1", "us-east-1", "", 7])
    factories.account("444455556666", regions=["eu-west-1"])
    services.sync_regions(NOW)
    services.sync_regions(NOW)
    assert rows() == [
        ("111122223333", "eu-west-1", False), ("111122223333", "us-east-1", False), ("444455556666", "eu-west-1", False),
    ]  # fmt: skip
    assert services.due(NOW) == []


def test_a_region_taken_off_the_list_goes_unless_it_was_ever_switched_on(adam: User) -> None:
    account = factories.account(regions=["eu-west-1", "us-east-1", "us-west-2"])
    services.sync_regions(NOW)
    services.switch_on(hub_region=HubRegion.objects.get(region="us-east-1"), past=Past.NONE, by=adam, now=NOW)
    account.regions = ["eu-west-1"]
    account.save()
    services.sync_regions(NOW)
    assert [region for _, region, _ in rows()] == ["eu-west-1", "us-east-1"]


def test_switching_on_notes_who_and_where_new_findings_begin(adam: User) -> None:
    finding = factories.finding()
    services.sync_regions(NOW)
    row = HubRegion.objects.get()
    services.switch_on(hub_region=row, past=Past.OPEN, by=adam, now=NOW)
    row.refresh_from_db()
    assert (row.enabled, row.switched_by, row.after_finding) == (True, adam, finding.pk)
    assert row.mark_from == NOW - timedelta(days=30)
    assert services.due(NOW) == [row.pk]
    later = NOW + timedelta(days=1)
    services.switch_on(hub_region=row, past=Past.NONE, by=adam, now=later)
    assert HubRegion.objects.get().switched_at == NOW
    assert services.switch_off(hub_region=row, by=adam, now=later)
    assert not services.switch_off(hub_region=row, by=adam, now=later)
    assert services.due(later) == []


def test_the_sample_s_findings_are_never_sent(adam: User) -> None:
    factories.account(is_sample=True)
    services.sync_regions(NOW)
    with pytest.raises(SwitchRefused, match="sample"):
        services.switch_on(hub_region=HubRegion.objects.get(), past=Past.NONE, by=adam, now=NOW)
    assert rows() == [("111122223333", "eu-west-1", False)]


def test_only_what_has_work_is_due(adam: User) -> None:
    factories.account(regions=["eu-west-1", "us-east-1"])
    services.sync_regions(NOW)
    for row in HubRegion.objects.all():
        services.switch_on(hub_region=row, past=Past.NONE, by=adam, now=NOW)
    HubRegion.objects.update(next_read_at=NOW + timedelta(hours=1))
    assert services.due(NOW) == []
    factories.finding()
    (due,) = services.due(NOW)
    assert HubRegion.objects.get(pk=due).region == "eu-west-1"
    HubRegion.objects.update(lease_owner="x", lease_expires_at=NOW + timedelta(seconds=1))
    assert services.due(NOW) == []
    assert len(services.due(NOW + timedelta(seconds=2))) == 1
    factories.account().__class__.objects.update(enabled=False)
    assert services.due(NOW + timedelta(seconds=2)) == []


def test_a_wait_after_a_failure_can_be_ended() -> None:
    factories.finding()
    services.sync_regions(NOW)
    HubRegion.objects.update(enabled=True, next_attempt_at=NOW + timedelta(minutes=9))
    assert services.due(NOW) == []
    services.try_again_now(hub_region=HubRegion.objects.get(), now=NOW)
    assert len(services.due(NOW)) == 1
