"""What a policy covers is looked up within bounds, and the bound is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from ecsaudit.policies import preview
from ecsaudit.policies.preview import covered, recent_findings
from tests import factories
from tests.factories import NOW
from tests.policies.terms import policy

pytestmark = pytest.mark.django_db


def test_the_newest_active_findings_of_thirty_days_are_looked_at(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for days in (0, 29, 31):
        session = factories.exec_session(started_at=NOW - timedelta(days=days))
        factories.finding(session=session, event_time=session.started_at)
    factories.finding(record_state="archived", archived_at=NOW)
    # findings with session, account, group and tags: 1
    with django_assert_num_queries(1):
        found = recent_findings(NOW, with_roles=False)
    assert [facts.circumstances.at for facts in found.findings] == [NOW, NOW - timedelta(days=29)]
    assert found.since is None
    facts = found.findings[0]
    assert facts.circumstances.accounts == ("111122223333",)
    assert facts.circumstances.roles == ("AWSReservedSSO_Developer_0123456789abcdef", "Developer")
    assert (facts.circumstances.cluster, facts.circumstances.container) == ("prod-payments", "web")


def test_where_there_are_more_the_oldest_that_was_looked_at_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "LOOKED_AT", 2)
    for minutes in range(3):
        session = factories.exec_session(started_at=NOW - timedelta(minutes=minutes))
        factories.finding(session=session, event_time=session.started_at)
    found = recent_findings(NOW, with_roles=False)
    assert (found.looked_at, found.since) == (2, NOW - timedelta(minutes=1))
    sessions = covered(policy(), NOW)
    assert (sessions.sessions, sessions.looked_at, sessions.since) == (2, 2, NOW - timedelta(minutes=1))


def test_a_scope_covers_sessions_people_clusters_and_accounts(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    factories.exec_session()
    factories.exec_session(cluster="prod-2", person="bob")
    factories.exec_session(region="us-east-1")
    factories.exec_session(cluster="dev", person="eve")
    factories.exec_session(account=factories.account("444455556666"))
    # sessions with their accounts: 1
    with django_assert_num_queries(1):
        found = covered(policy(scope={"cluster": "prod-*"}), NOW)
    assert (found.sessions, found.persons, found.clusters, found.accounts) == (4, 2, 4, 2)


def test_events_outside_sessions_are_about_services() -> None:
    event = factories.event(event_name="UpdateService")
    finding = factories.finding(event=event)
    finding.session = None
    finding.save()
    (facts,) = recent_findings(NOW, with_roles=False).findings
    where = facts.circumstances
    assert (where.person, where.cluster, where.service, where.container) == (
        "ana@example.com",
        "prod-payments",
        "web",
        "",
    )
