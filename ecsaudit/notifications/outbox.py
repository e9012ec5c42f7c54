"""What time alone brings about: windows that end, messages that are given up, channels that a worker should turn to."""

from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from ecsaudit.notifications import throttles
from ecsaudit.notifications.models import LOST, WAITING, Attempt, Channel, Message, State

# The others follow with the next tick.
MOST_AT_ONCE = 500


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
    failing = Q(channel__failing_since__lte=F("created_at"))
    tried = overdue.filter(Q(attempts__gt=0) | failing, channel__enabled=True)
    may_have_arrived = Exists(Attempt.objects.filter(message=OuterRef("pk"), outcome__in=LOST))
    ended = end(overdue.filter(may_have_arrived), state=State.UNCERTAIN)
    off = overdue.filter(channel__enabled=False)
    ended += end(off, state=State.WITHDRAWN, answer_text="the channel was switched off")
    return ended + end(tried, state=State.FAILED)


def end(messages: QuerySet[Message], **columns: object) -> int:
    """Set columns of those of these messages that still wait; returns how many.

    The state is asked for by the UPDATE itself: what a sub-query saw may have been claimed by then.
    """
    ids = list(messages.values_list("pk", flat=True)[:MOST_AT_ONCE])
    return Message.objects.filter(pk__in=ids, state__in=WAITING).update(**columns)
