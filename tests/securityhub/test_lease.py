from datetime import timedelta
from threading import Event

import pytest

from ecsaudit.securityhub import turns
from ecsaudit.securityhub.lease import TurnLost, take
from ecsaudit.securityhub.models import HubRegion
from ecsaudit.securityhub.turns import MOST_ATTEMPTS
from tests import factories
from tests.securityhub.conftest import Hands
from tests.securityhub_api import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def due(hub: HubRegion) -> HubRegion:
    factories.finding()
    return hub


def test_one_worker_at_a_time_and_another_when_it_went_silent(due: HubRegion, hands: Hands) -> None:
    first = take(due.pk, hands.clock)
    assert first is not None
    assert take(due.pk, hands.clock) is None
    hands.sleep(31)
    second = take(due.pk, hands.clock)
    assert second is not None
    with pytest.raises(TurnLost):
        first.renew()
    first.release(error_code="late")
    assert HubRegion.objects.get().error_code == ""
    second.renew()


def test_a_turn_is_lost_when_the_region_is_switched_off_or_gone(due: HubRegion, hands: Hands) -> None:
    turn = take(due.pk, hands.clock)
    assert turn is not None
    HubRegion.objects.update(enabled=False)
    with pytest.raises(TurnLost):
        turn.renew()
    HubRegion.objects.all().delete()
    with pytest.raises(TurnLost):
        turn.renew()
    assert take(due.pk, hands.clock) is None


def test_a_killed_worker_s_requests_count_for_the_next_one(due: HubRegion, hands: Hands) -> None:
    first = take(due.pk, hands.clock)
    assert first is not None
    for _ in range(20):
        first.pace(1)
    HubRegion.objects.update(lease_expires_at=hands.now())
    second = take(due.pk, hands.clock)
    assert second is not None
    before = hands.now()
    second.pace(1)
    assert hands.now() - before == timedelta(seconds=0.1)


def test_what_kills_its_workers_is_given_up_for_a_while(api: Api, due: HubRegion, hands: Hands) -> None:
    for _ in range(MOST_ATTEMPTS):
        assert take(due.pk, hands.clock) is not None
        hands.sleep(31)
    row = hands.turn(due)
    assert (row.state, row.error_code, row.attempts) == ("failing", "WorkersKilled", 0)
    assert row.next_attempt_at > hands.now()
    assert api.asked == []
    assert hands.turn(due, later=60).imported == 1


def test_an_error_that_nobody_thought_of_is_told_and_not_tried_without_a_pause(
    api: Api, due: HubRegion, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("ecsaudit.securityhub.sending.asff", broken)
    with pytest.raises(ZeroDivisionError):
        turns.run(due.pk, Event(), hands.clock)
    row = HubRegion.objects.get()
    assert (row.state, row.error_code, row.error_message, row.lease_owner) == (
        "failing",
        "ZeroDivisionError",
        "oops",
        "",
    )
    assert row.next_attempt_at > hands.now()


def test_a_worker_that_is_asked_to_stop_ends_after_the_batch_at_hand(api: Api, due: HubRegion, hands: Hands) -> None:
    stop = Event()
    stop.set()
    turns.run(due.pk, stop, hands.clock)
    row = HubRegion.objects.get()
    assert (row.lease_owner, row.state, api.asked) == ("", "waiting", [])
