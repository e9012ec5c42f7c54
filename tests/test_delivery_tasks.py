"""Messages through real workers: other sides that fail in every way, and workers that are killed before, during and after."""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from subprocess import Popen

import pytest
from django.utils import timezone

from ecsaudit.celery import app
from ecsaudit.findings.models import Finding, WorkflowStatus
from ecsaudit.notifications import sealing, services
from ecsaudit.notifications.models import HELD, WAITING, Channel, Delivery, Message, MessageQuerySet, State, Throttle
from tests import factories
from tests.notifications import faulty_side as faults
from tests.notifications.faulty_side import FaultySide
from tests.notifications.other_sides import http_side, raw_side
from tests.notifications.outbox import webhook
from tests.processes import kill, wait_until, worker

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
KNOWN = (faults.TOO_MANY, faults.BROKEN, faults.REDIRECT, faults.LARGE, faults.HALF, faults.LOST)
CHANNELS, OKS, KILLS = 12, 11, 5
TRIALS = CHANNELS * (len(KNOWN) + OKS + 1)


@pytest.fixture(autouse=True)
def empty_broker() -> None:
    """Messages of an earlier test must not wake this one's workers."""
    if app.conf.broker_url.startswith("redis"):
        with app.connection_for_write() as connection:
            connection.default_channel.client.flushdb()


@pytest.fixture
def variables() -> dict[str, str]:
    """What workers need beside the database: the keys to open secrets with, and leave to call this machine."""
    return {
        "ECSAUDIT_ENCRYPTION_KEYS": ",".join(sealing.keys()),
        "ECSAUDIT_ALLOWED_WEBHOOK_HOSTS": "127.0.0.1",
        "ECSAUDIT_LEASE_SECONDS": "2",
        "ECSAUDIT_LOG_LEVEL": "WARNING",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
    }


class Crew:
    """Two workers, which are killed together. Without Redis each has a broker of its own; they share the database."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folders = [folder / name for name in ("one", "two")]
        self.variables = variables
        self.stack = ExitStack()
        self.running: list[Popen[bytes]] = []
        for each in self.folders:
            each.mkdir()

    def start(self) -> None:
        self.running = [self.stack.enter_context(worker(each, **self.variables)) for each in self.folders]

    def kill(self) -> None:
        for process in self.running:
            kill(process)


@pytest.fixture
def crew(tmp_path: Path, variables: dict[str, str]) -> Iterator[Crew]:
    made = Crew(tmp_path, variables)
    with made.stack:
        yield made


def test_a_message_leaves_within_seconds_and_what_is_held_back_after_the_window(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    with http_side() as side, worker(tmp_path, **variables):
        channel, window = webhook(side.url()), timedelta(seconds=8)
        warm_up = factories.message(channel=channel, findings=[factories.finding()], give_up_at=far())
        wait_until(lambda: state(warm_up) == State.SENT, seconds=60, what="the first message")
        findings = [factories.finding() for _ in range(12)]
        services.enqueue(
            [factories.routing(each, channel, throttle=window, throttle_key="k") for each in findings], timezone.now()
        )
        wait_until(lambda: len(side.got) == 2, seconds=30, what="the first of the window")
        wait_until(lambda: len(side.got) == 3, seconds=30, what="what was held back")
        wait_until(lambda: not Throttle.objects.exists(), seconds=30, what="the end of the next window")
    first, digest = (got.json for got in side.got[1:])
    assert (first["count"], first["held_back"]) == (12, 11)
    assert (digest["count"], len(digest["findings"]), digest["held_back"]) == (11, 11, 0)
    assert set(Finding.objects.values_list("workflow_status", flat=True)) == {WorkflowStatus.NOTIFIED}


def test_two_hundred_messages_to_sides_that_fail_by_workers_that_are_killed(
    crew: Crew, variables: dict[str, str]
) -> None:
    """No finding is lost, and none is delivered twice to a side that had accepted it with a known answer."""
    with faults.faulty_side() as side, raw_side(lambda connection: reluctant(connection, side)) as never:
        variables["AWS_ENDPOINT_URL_SNS"] = side.url
        channels = [webhook(side.url, f"Hook {number}") for number in range(CHANNELS)]
        arn = "arn:aws:sns:eu-west-1:123456789012:security.fifo"
        topic = factories.channel("Topic", kind="sns", settings={"topic_arn": arn})
        # Its handshake never comes to an end: workers are killed while they have the message and haven't begun to send.
        before = webhook(never.replace("http://", "https://"), "Killed before")
        for number, channel in enumerate(channels):
            last = (faults.DURING, faults.AFTER, faults.OK, faults.OK, faults.OK, faults.TIMEOUT)[number % 6]
            fill(side, channel, [*KNOWN, *[faults.OK] * OKS, last])
        fill(side, topic, [faults.LOST, faults.BROKEN, faults.OK])
        fill(side, before, [faults.OK])
        assert Message.objects.exclude(channel__in=[topic, before]).count() == TRIALS >= 200

        killed_in = Counter[str]()
        unsettled = Message.objects.filter(state__in=(*WAITING, *HELD)).exclude(channel=before)
        crew.start()
        for _ in range(KILLS):
            served = side.served() + random.randint(5, 40)
            wait_until(
                lambda: hurried(unsettled) or side.kill.is_set() or side.served() >= served,  # noqa: B023
                seconds=90,
                what="work",
            )
            crew.kill()
            side.kill.clear()
            killed_in.update(Message.objects.filter(state__in=HELD).values_list("state", flat=True))
            crew.start()
        wait_until(lambda: hurried(unsettled), seconds=480, what="every message settled")
        wait_until(lambda: not Message.objects.unnoted().exists(), seconds=30, what="findings told")
        crew.kill()

    check_that_nothing_was_lost(before)
    check_that_nothing_was_sent_twice(side, channels)
    assert side.followed == 0
    # The side that drops repeats has every message, and is asked again until it says so.
    assert set(Message.objects.filter(channel=topic).values_list("state", flat=True)) == {State.SENT}
    assert killed_in.keys() == {State.CLAIMED, State.CALLING}
    assert side.saw(faults.DURING)
    assert side.saw(faults.AFTER)


def hurried(unsettled: MessageQuerySet) -> bool:
    """Whether no message is left; those that wait between their tries do so no longer, nor do their channels."""
    waiting = unsettled.filter(state__in=WAITING)
    if waiting.filter(next_attempt_at__gt=timezone.now()).exists():
        waiting.update(next_attempt_at=timezone.now())
        Channel.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=None)
    threading.Event().wait(0.2)
    return not unsettled.exists()


def far() -> datetime:
    return timezone.now() + timedelta(hours=1)


def state(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def reluctant(connection: socket.socket, side: FaultySide) -> None:
    """Ask for the worker's death, and say nothing for as long as it waits."""
    side.kill.set()
    threading.Event().wait(6)


def fill(side: FaultySide, channel: Channel, plan: list[str]) -> None:
    """A finding for each fault, routed to the channel, in an order of chance."""
    findings = [factories.finding() for _ in plan]
    services.enqueue([factories.routing(each, channel) for each in findings], timezone.now())
    keys = list(Message.objects.filter(channel=channel).order_by("pk").values_list("key", flat=True))
    side.plan.update(zip(keys, random.sample(plan, len(plan)), strict=True))


def check_that_nothing_was_lost(before: Channel) -> None:
    """Each message is sent, failed for now or for good, or uncertain; that of the channel without a connection waits."""
    assert Delivery.objects.count() == Finding.objects.exclude(source="ecsaudit").count()
    assert not Delivery.objects.filter(message__isnull=True).exists()
    assert Message.objects.get(channel=before).state in (*WAITING, State.CLAIMED)
    states = set(Message.objects.exclude(channel=before).values_list("state", flat=True))
    assert states <= {State.SENT, State.RETRYING, State.FAILED, State.UNCERTAIN}
    told = Finding.objects.filter(deliveries__message__state=State.SENT)
    assert set(told.values_list("workflow_status", flat=True)) == {WorkflowStatus.NOTIFIED}


def check_that_nothing_was_sent_twice(side: FaultySide, channels: list[Channel]) -> None:
    """After a yes, and after what nobody knows, there is no further request; after a no there is one."""
    for message in Message.objects.filter(channel__in=channels):
        *earlier, last = side.ledger[message.key] or [""]
        assert set(earlier) <= faults.REFUSED.keys(), (message.key, side.ledger[message.key])
        if message.state == State.SENT:
            assert last in faults.ACCEPTED
        else:
            # Nobody knows: the answer was lost, or the worker was killed before it could note it.
            assert message.state == State.UNCERTAIN, (message.state, side.ledger[message.key])
            assert message.tries.filter(outcome__in=("", "unknown")).exists()
