from datetime import timedelta

import pytest
from django.utils import timezone

from ecsaudit.notifications import outbox, services
from ecsaudit.notifications.models import Attempt, Channel, Message, State, Throttle
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
DAY = timedelta(hours=24)


def state(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def test_channels_with_something_to_do_that_nobody_holds_are_due() -> None:
    later = NOW + timedelta(seconds=1)
    due = factories.channel("due")
    factories.message(channel=due)
    factories.message(channel=factories.channel("held", lease_expires_at=later))
    factories.message(channel=factories.channel("resting", next_attempt_at=later))
    factories.message(channel=factories.channel("off", enabled=False))
    factories.message(channel=factories.channel("not yet"), next_attempt_at=later)
    factories.message(channel=factories.channel("done"), state=State.SENT, findings_noted=True)
    factories.channel("nothing to do")
    abandoned, unnoted = factories.channel("abandoned"), factories.channel("unnoted")
    factories.message(channel=abandoned, state=State.CALLING, lease_expires_at=NOW)
    factories.message(channel=unnoted, state=State.SENT)
    switched_off = factories.channel("switched off in a call", enabled=False)
    factories.message(channel=switched_off, state=State.CALLING, lease_expires_at=NOW)
    assert sorted(outbox.due_channels(NOW)) == sorted([due.pk, abandoned.pk, unnoted.pk, switched_off.pk])


def test_windows_whose_time_is_over_are_closed_and_their_channels_due() -> None:
    hour = timedelta(hours=1)
    routings = [factories.routing(factories.finding(), throttle=hour, throttle_key="k") for _ in range(2)]
    services.enqueue(routings, NOW)
    Message.objects.update(state=State.SENT, findings_noted=True)
    assert outbox.due_channels(NOW) == []
    assert outbox.due_channels(NOW + hour) == [Channel.objects.get().pk]
    assert Throttle.objects.get().until_at == NOW + 2 * hour


def test_what_was_tried_in_vain_is_given_up_and_what_may_have_arrived_is_uncertain() -> None:
    refused = factories.message(state=State.RETRYING, attempts=3)
    lost = factories.message(state=State.RETRYING, attempts=3)
    Attempt.objects.create(message=lost, at=NOW, owner="x")
    outbox.give_up(NOW + DAY - timedelta(seconds=1))
    assert (state(refused), state(lost)) == (State.RETRYING, State.RETRYING)
    assert outbox.give_up(NOW + DAY) == 2
    assert (state(refused), state(lost)) == (State.FAILED, State.UNCERTAIN)


def test_messages_of_a_channel_that_is_switched_off_wait_and_are_withdrawn_in_the_end() -> None:
    message = factories.message(channel=factories.channel(enabled=False))
    outbox.give_up(NOW)
    assert state(message) == State.PENDING
    outbox.give_up(NOW + DAY)
    assert (state(message), message.answer_text) == (State.WITHDRAWN, "the channel was switched off")


def test_what_may_have_arrived_is_not_withdrawn_with_its_channel_but_uncertain() -> None:
    message = factories.message(channel=factories.channel(enabled=False), state=State.RETRYING, attempts=1)
    Attempt.objects.create(message=message, at=NOW, owner="x")
    assert outbox.give_up(NOW + DAY) == 1
    assert state(message) == State.UNCERTAIN


def test_what_waited_behind_a_failing_channel_is_given_up_but_not_what_waited_for_a_worker() -> None:
    behind = factories.message(
        channel=factories.channel("failing", failing_since=NOW, last_tried_at=NOW + timedelta(hours=1))
    )
    alone = factories.message(channel=factories.channel("sound"))
    outbox.give_up(NOW + DAY)
    assert (state(behind), state(alone)) == (State.FAILED, State.PENDING)
    assert timezone.is_aware(alone.give_up_at)


def test_one_failure_of_a_channel_ends_nothing_that_waited_before_it_failed() -> None:
    channel = factories.channel(failing_since=NOW + DAY, last_tried_at=NOW + DAY)
    message = factories.message(channel=channel)
    assert outbox.give_up(NOW + DAY) == 0
    assert state(message) == State.PENDING


def test_what_a_worker_took_meanwhile_is_not_given_up() -> None:
    message = factories.message(state=State.RETRYING, attempts=3)
    waiting = Message.objects.filter(pk=message.pk)
    Message.objects.update(state=State.CALLING)
    assert outbox.end(waiting, state=State.FAILED) == 0
    assert state(message) == State.CALLING
