"""Channels to other sides that run, and turns at them in the test's own process."""

import threading
from datetime import datetime, timedelta
from typing import Any

from ecsaudit.notifications import sending
from ecsaudit.notifications.models import Channel, Message
from ecsaudit.notifications.sealing import seal
from tests import factories

SECRET = "a secret of the receiver"


def webhook(url: str, name: str = "Security team", **fields: Any) -> Channel:
    return factories.channel(name, settings={"url": url}, sealed_secrets=seal({"secret": SECRET}), **fields)


def due_message(channel: Channel, **fields: Any) -> Message:
    """A message about one finding that is due."""
    found = factories.finding()
    now = found.updated_at
    given = {"next_attempt_at": now - timedelta(minutes=1), "created_at": now, "give_up_at": now + timedelta(hours=24)}
    return factories.message(findings=[found], channel=channel, **given | fields)


def take_turn(channel: Channel) -> None:
    """One turn now, however lately the channel failed."""
    Channel.objects.filter(pk=channel.pk).update(next_attempt_at=None)
    Message.objects.filter(channel=channel, state="retrying").update(
        next_attempt_at=datetime.min.replace(tzinfo=factories.UTC)
    )
    sending.run(channel.pk, threading.Event())


def states(channel: Channel) -> list[str]:
    return list(Message.objects.filter(channel=channel).order_by("pk").values_list("state", flat=True))
