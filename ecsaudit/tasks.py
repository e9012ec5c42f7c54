"""Every Celery task: ids in, one call. A message only wakes somebody up; the rows say what is to be done."""

import logging
from functools import partial
from threading import Event

from celery import shared_task
from celery.signals import worker_shutting_down
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from ecsaudit import pipeline
from ecsaudit.celery import WAKE_SECONDS
from ecsaudit.findings import bulk
from ecsaudit.findings.models import BulkAction
from ecsaudit.notifications import outbox, sending
from ecsaudit.policies.routing import route_own
from ecsaudit.replay import exceptions, turns
from ecsaudit.replay import services as replays
from ecsaudit.securityhub import services as securityhub
from ecsaudit.securityhub import turns as hub_turns

logger = logging.getLogger(__name__)
# Set when the worker is asked to stop, so that long turns end after the page at hand.
stopping = Event()


@worker_shutting_down.connect
def stop_turns(**kwargs: object) -> None:
    stopping.set()


@shared_task
def wake_collectors() -> None:
    """Send a worker to each feed that is due."""
    for feed_id in pipeline.due_feeds():
        collect.apply_async((feed_id,), expires=WAKE_SECONDS * 5)


@shared_task
def collect(feed_id: int) -> None:
    """One turn at one feed."""
    pipeline.collect(feed_id, stopping)


@shared_task
def tell_of_own_findings() -> None:
    """Have policies look at findings of ecsaudit's own that no channel was told of."""
    route_own(timezone.now())


@shared_task
def wake_replays() -> None:
    """Send a worker to each replay that is due."""
    for replay_id in replays.due(timezone.now()):
        replay.apply_async((replay_id,), expires=WAKE_SECONDS * 5)


@shared_task
def replay(replay_id: int) -> None:
    """One turn at one replay."""
    turns.run(replay_id, stopping)


@shared_task
def wake_deliveries() -> None:
    """Send a worker to each channel that has something to send."""
    for channel_id in outbox.due_channels(timezone.now()):
        deliver.apply_async((channel_id,), expires=WAKE_SECONDS * 5)


@shared_task
def deliver(channel_id: int) -> None:
    """One turn at one channel."""
    sending.run(channel_id, stopping)


@shared_task
def wake_hubs() -> None:
    """Send a worker to each account and Region whose Security Hub is to be told something."""
    for hub_region_id in securityhub.due(timezone.now()):
        tell_hub.apply_async((hub_region_id,), expires=WAKE_SECONDS * 5)


@shared_task
def tell_hub(hub_region_id: int) -> None:
    """One turn at Security Hub of one account and Region."""
    hub_turns.run(hub_region_id, stopping)


@shared_task
def end_exceptions() -> None:
    """End the exceptions whose time is up; the replays that bring back what they hid wait for a worker then.

    Those that came to a stop before they had begin anew.
    """
    exceptions.end_due(timezone.now())
    exceptions.bring_back_again(timezone.now())


def replay_soon(replay_id: int) -> None:
    """Wake a worker now; where no broker answers, the next tick does."""
    try:
        replay.apply_async((replay_id,), expires=WAKE_SECONDS * 5, retry=False)
    except OperationalError as error:
        logger.warning("no worker was woken", extra={"replay": replay_id, "reason": str(error)})


@shared_task
def wake_bulk_actions() -> None:
    """Send a worker to each bulk action that is due."""
    for action_id in bulk.due(timezone.now()):
        bulk_action.apply_async((action_id,), expires=WAKE_SECONDS * 5)


@shared_task
def bulk_action(action_id: int) -> None:
    """One turn at one bulk action."""
    bulk.run(action_id, stopping)


def bulk_action_soon(action_id: int) -> None:
    """Wake a worker now; where no broker answers, the next tick does."""
    try:
        bulk_action.apply_async((action_id,), expires=WAKE_SECONDS * 5, retry=False)
    except OperationalError as error:
        logger.warning("no worker was woken", extra={"bulk_action": action_id, "reason": str(error)})


def begin_bulk_action(action: BulkAction) -> None:
    """Make the first batch while the person waits, and wake a worker for the rest."""
    bulk.run(action.pk, Event(), batches=1)
    action.refresh_from_db()
    if action.is_unfinished:
        transaction.on_commit(partial(bulk_action_soon, action.pk))
    if action.undo_of is not None and action.undo_of.change["change"] == "suppress":
        # What it suppressed is opened by workers.
        transaction.on_commit(end_suppressions_soon)


@shared_task
def end_suppressions() -> None:
    """Open again what was suppressed until now."""
    pipeline.end_suppressions(stopping)


def end_suppressions_soon() -> None:
    """Wake a worker now; where no broker answers, the next tick does."""
    try:
        end_suppressions.apply_async(expires=WAKE_SECONDS * 25, retry=False)
    except OperationalError as error:
        logger.warning("no worker was woken", extra={"suppressions": True, "reason": str(error)})
