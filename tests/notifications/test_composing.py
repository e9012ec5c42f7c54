import pytest
from pytest_django import DjangoAssertNumQueries

from ecsaudit.findings.models import Priority
from ecsaudit.findings.own import raise_own
from ecsaudit.notifications.composing import notice_of
from ecsaudit.notifications.notice import MOST_TOLD
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_a_finding_is_told_with_person_target_and_command() -> None:
    notice = notice_of(factories.message(findings=[factories.finding(tags=["soc2"])], severity="LOW"))
    assert notice is not None
    (told,) = notice.told
    assert (notice.title, notice.severity, notice.count, notice.held_back, notice.held_until) == (
        "Terminal Shell in ECS Container", "LOW", 1, 0, None,
    )  # fmt: skip
    assert (told.person, told.target, told.account, told.region, told.command, told.source_ip_address) == (
        "ana@example.com", "prod-payments/web", "111122223333", "eu-west-1", "/bin/sh", "203.0.113.7",
    )  # fmt: skip
    assert (told.priority, told.event_time, told.tags) == ("Warning", NOW, ("soc2",))
    assert notice.url == told.url == f"http://localhost:8000/findings/{factories.Finding.objects.get().pk}/"


def test_of_many_findings_twenty_are_told_in_two_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    message = factories.message(findings=[factories.finding(rule=f"rule {number}") for number in range(25)])
    # findings with group, account, session and tags; the window
    with django_assert_num_queries(2):
        notice = notice_of(message)
    assert notice is not None
    assert (len(notice.told), notice.count) == (MOST_TOLD, 25)
    assert notice.title == "25 findings: rule 0 and other rules"
    assert notice.url == f"http://localhost:8000/deliveries/messages/{message.pk}/"


def test_a_finding_of_ecsaudit_s_own_is_told_by_its_rule() -> None:
    own = raise_own(key="k", rule="Disk is full", priority=Priority.ERROR, output="o", output_fields={}, now=NOW)
    notice = notice_of(factories.message(findings=[own]))
    assert notice is not None
    assert notice.title == "Disk is full"
    assert (notice.told[0].account, notice.told[0].command, notice.told[0].target) == ("", "", "")


def test_a_message_without_findings_tells_nothing() -> None:
    assert notice_of(factories.message()) is None
