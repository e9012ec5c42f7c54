import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from ecsaudit.findings.models import Finding, Priority
from ecsaudit.findings.own import raise_own
from ecsaudit.notifications.telling import is_local, notice_about, sample, tellable, told_of
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_finding_is_told_with_its_session_s_facts(
    settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.PUBLIC_URL = "https://ecsaudit.example.com"
    made = factories.finding(session=factories.exec_session(service="payments"))
    # the finding with account, group, session and tag set: 1
    with django_assert_num_queries(1):
        told = told_of(tellable(Finding.objects.all()).get())
    assert told.title == "ana@example.com → prod-payments/payments/web"
    assert (told.person, told.target, told.command) == ("ana@example.com", "prod-payments/payments/web", "/bin/sh")
    assert (told.account, told.region, told.source_ip_address) == ("111122223333", "eu-west-1", "203.0.113.7")
    assert (told.priority, told.tags) == ("Warning", ("cloud", "aws", "aws_ecs_exec"))
    assert told.url == f"https://ecsaudit.example.com/findings/{made.pk}/"


def test_a_finding_of_ecsaudit_s_own_is_told_without_what_it_has_not() -> None:
    own = raise_own(
        key="channel:1",
        rule="Channel Failing",
        priority=Priority.ERROR,
        output="…",
        output_fields={},
        now=factories.NOW,
    )
    told = told_of(own)
    assert (told.title, told.person, told.target, told.account, told.command) == ("Channel Failing", "", "", "", "")


def test_a_preview_tells_the_worst_of_its_findings() -> None:
    session = factories.exec_session()
    findings = [factories.finding(session=session), factories.finding(session=session, rule="Another", priority=2)]
    notice = notice_about(findings)
    assert (notice.severity, notice.count, len(notice.told)) == ("CRITICAL", 2, 2)


def test_a_test_says_that_it_is_one() -> None:
    notice = sample(key="k", about="a", now=factories.NOW)
    assert (notice.is_test, notice.key, notice.severity) == (True, "k", "INFORMATIONAL")
    assert "made up" in notice.told[0].output


def test_links_to_the_reader_s_own_machine_are_noticed(settings: Settings) -> None:
    settings.PUBLIC_URL = "http://localhost:8000"
    assert is_local()
    settings.PUBLIC_URL = "https://ecsaudit.example.com"
    assert not is_local()
