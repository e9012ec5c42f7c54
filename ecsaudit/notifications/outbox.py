"""What time alone brings about: windows that end, messages that are given up, channels that a worker should turn to."""

from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q

from ecsaudit.notifications import throttles
from ecsaudit.notifications.answer import Outcome
from ecsaudit.notifications.models import WAITING, Attempt, Channel, Message, State


def due_channels(now: datetime) -> list[int]:
    """The ids of channels that a worker should turn to now."""
    throttles.close_due(now)
    give_up(now)
    return list(Channel.objects.due(now).order_by("last_tried_at", "pk").values_list("pk", flat=True))


def give_up(now: datetime) -> int:
    """End the messages whose time is over; returns how many.

    One that was never tried is not among them unless its channel took nothing all the while: where no worker ran for a day,
    the first one back still sends it.
    """
    overdue = Message.objects.filter(state__in=WAITING, give_up_at__lte=now)
    ended = overdue.filter(channel__enabled=False).update(
        state=State.WITHDRAWN, answer_text="the channel was switched off"
    )
    failing = Q(channel__failing_since__isnull=False, channel__last_tried_at__gt=F("created_at"))
    tried = overdue.filter(Q(attempts__gt=0) | failing, channel__enabled=True)
    may_have_arrived = Exists(Attempt.objects.filter(message=OuterRef("pk"), outcome__in=("", Outcome.UNKNOWN)))
    ended += tried.filter(may_have_arrived).update(state=State.UNCERTAIN)
    return ended + tried.update(state=State.FAILED)
