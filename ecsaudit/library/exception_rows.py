"""RuleException rows: made, adopted from a file, and how far back the events lie that one of them hid."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Max

from ecsaudit.cloudtrail.models import Event
from ecsaudit.library.exception_texts import found_in
from ecsaudit.library.models import ExceptionAction, ExceptionLine, RuleException
from ecsaudit.library.texts import items_of
from ecsaudit.people.models import User

UNKNOWN = "not said in the file"


def create(*, by: User | None, now: datetime, action: ExceptionAction, text: str, **columns: Any) -> RuleException:
    """The row and the first line of its history; the library must be locked, so that every later event is judged by it."""
    newest = Event.objects.aggregate(newest=Max("pk"))["newest"] or 0
    made = RuleException.objects.create(created_by=by, created_at=now, after_event=newest, **columns)
    note(made, action, by, now, text)
    return made


def note(exception: RuleException, action: ExceptionAction, by: User | None, now: datetime, text: str) -> None:
    ExceptionLine.objects.create(exception=exception, at=now, by=by, action=action, text=text)


def adopt(rule: str, text: str, author: User, now: datetime) -> None:
    """Make rows of the exceptions in a rule's layer that there is none of yet."""
    found = [each for item in items_of(text) if (each := found_in(item)) is not None]
    known = set(RuleException.objects.filter(name__in=[each.name for each in found]).values_list("name", flat=True))
    for each in found:
        if each.name in known:
            continue
        never = "" if each.expires_at else each.why_no_expiry or UNKNOWN
        create(
            by=author, now=now, action=ExceptionAction.IMPORTED, text=each.reason, rule=rule, name=each.name,
            terms=[term.as_data() for term in each.terms], owner=each.owner or UNKNOWN, reason=each.reason or UNKNOWN,
            expires_at=each.expires_at, why_no_expiry=never,
        )  # fmt: skip


def hidden_since(exception: RuleException) -> int:
    """The id of the last event before the exceptions began that this one may have gone on from.

    What two exceptions of a rule hid together comes back only when both ended: so with the last of them, and from the
    beginning of the first on.
    """
    after, begun = exception.after_event, exception.created_at
    others = RuleException.objects.filter(rule=exception.rule, created_at__lte=begun).exclude(pk=exception.pk)
    for other in others.order_by("-created_at"):
        if other.ended_at is None or other.ended_at >= begun:
            after, begun = min(after, other.after_event), other.created_at
    return after
