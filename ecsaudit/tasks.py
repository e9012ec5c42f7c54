"""Every Celery task: ids in, one call. A message only wakes somebody up; the rows say what is to be done."""

from threading import Event

from celery import shared_task
from celery.signals import worker_shutting_down

from ecsaudit import pipeline
from ecsaudit.celery import WAKE_SECONDS

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
