from datetime import date

import pytest

from ecsaudit.execsessions.daily_counts import Tally
from ecsaudit.execsessions.models import DailyCount, Dimension
from tests import factories

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 2)


def rows() -> dict[tuple[str, str], int]:
    return {(row.dimension, row.value): row.count for row in DailyCount.objects.all()}


def test_counts_add_up_over_pages() -> None:
    session = factories.exec_session()
    for _ in range(2):
        tally = Tally()
        tally.session(session, 1)
        tally.finding(DAY, "Rule", 7)
        tally.save(session.account_id)
    assert rows() == {
        ("outcome", "opened"): 2,
        ("person", "ana@example.com"): 2,
        ("cluster", "prod-payments"): 2,
        ("rule", "Rule"): 2,
        ("tag_set", "7"): 2,
    }


def test_a_session_counted_in_and_out_leaves_nothing_to_write() -> None:
    session = factories.exec_session()
    tally = Tally()
    tally.session(session, 1)
    tally.session(session, -1)
    tally.save(session.account_id)
    assert rows() == {}


def test_what_was_saved_is_not_saved_again() -> None:
    tally = Tally()
    tally.finding(DAY, "Rule", 7)
    tally.save(factories.account().pk)
    tally.save(factories.account().pk)
    assert rows() == {("rule", "Rule"): 1, ("tag_set", "7"): 1}


def test_a_session_around_ecs_exec_is_counted_as_such() -> None:
    tally = Tally()
    tally.session(factories.exec_session(kind="around", outcome="denied"), 1)
    tally.save(factories.account().pk)
    assert ("outcome", "around") in rows()


def test_totals_are_of_the_days_between_and_of_all_accounts() -> None:
    for account_id in ("111122223333", "444455556666"):
        tally = Tally()
        for day in (1, 2, 3):
            tally.finding(date(2026, 11, day), "Rule", 7)
        tally.save(factories.account(account_id).pk)
    counts = DailyCount.objects
    assert counts.between(date(2026, 11, 2), None).totals(Dimension.TAG_SET) == {"7": 4}
    assert counts.between(date(2026, 11, 1), date(2026, 11, 1)).totals(Dimension.TAG_SET) == {"7": 2}
