"""A worker is woken as soon as a message is there to be sent. Who isn't woken comes with the next tick."""

import logging

from django.db import transaction
from kombu.exceptions import OperationalError

from ecsaudit.celery import WAKE_SECONDS, app

logger = logging.getLogger(__name__)


def wake_on_commit() -> None:
    """Once the transaction at hand is kept."""
    transaction.on_commit(wake)


def wake() -> None:
    try:
        app.send_task("ecsaudit.tasks.wake_deliveries", expires=WAKE_SECONDS * 5, retry=False)
    except OperationalError as error:
        logger.warning("no worker was woken", extra={"reason": str(error)})
