"""Exceptions and what they hide: made, tried, and ended, each together with the replay that applies it to the past.

The two are written in one transaction: whatever is killed, an exception that is over has its replay, and that one goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, QuerySet, When

from ecsaudit.findings.models import CloseReason, Finding
from ecsaudit.library import exceptions
from ecsaudit.library.exception_texts import Term, with_draft
from ecsaudit.library.models import ExceptionState, Kind, Layer, Library, RuleException
from ecsaudit.people.models import User
from ecsaudit.replay import services
from ecsaudit.replay.models import Change, Purpose, Replay, Scope, State

logger = logging.getLogger(__name__)
# What should have brought findings back and failed begins anew after this.
PAUSE = timedelta(minutes=10)


def look(*, rule: str, terms: Sequence[Term], days: int | None, author: User) -> Replay:
    """Try over the stored events what an exception would hide. Raises what exceptions.check_terms and services.start do."""
    exceptions.check_terms(terms)
    text = with_draft(exceptions.text_in_force(rule), rule, terms)
    return services.start(kind=Kind.RULE, name=rule, layer=Layer.EXCEPTIONS, text=text, days=days, author=author)


def is_look_at(replay: Replay, rule: str, terms: Sequence[Term]) -> bool:
    """Whether a try was of this very exception, beside those that are in force now."""
    same = (replay.purpose, replay.layer, replay.name) == (Purpose.TRY, Layer.EXCEPTIONS, rule)
    return same and replay.text == with_draft(exceptions.text_in_force(rule), rule, terms)


def seen(replay: Replay | None, rule: str, terms: Sequence[Term]) -> dict[str, Any] | None:
    """What a finished look at this very exception told; None where nobody looked."""
    if replay is None or replay.state != State.DONE or not is_look_at(replay, rule, terms):
        return None
    since = replay.since and replay.since.isoformat()
    return {"since": since, "findings": replay.gone_findings, "confirmed": replay.gone_confirmed, "events": replay.gone}


def found_by(replay: Replay) -> QuerySet[Finding]:
    """The findings among the matches that a look kept, confirmed ones first, then the newest."""
    events = replay.matches.filter(change=Change.GONE).values("event")
    confirmed = Case(When(close_reason=CloseReason.TRUE_POSITIVE, then=0), default=1)
    found = Finding.objects.active().filter(event__in=events, rule__in=replay.rules)
    return found.select_related("session").order_by(confirmed, "-event_time", "-pk")


@transaction.atomic
def make(*, past: bool, rule: str, author: User, **columns: Any) -> tuple[RuleException, Replay | None]:
    """Put an exception in force, and with `past` archive the open findings that it hides; see exceptions.make."""
    made = exceptions.make(rule=rule, author=author, **columns)
    replay = services.apply(rules=[rule], scope=Scope.OPEN, author=author, exception=made) if past else None
    return made, replay


@transaction.atomic
def end(*, pk: int, state: ExceptionState, by: User | None, now: datetime, text: str = "") -> Replay | None:
    """End an exception and have what it hid come back; None where it had ended. Raises what exceptions.end does."""
    exception = exceptions.end(pk=pk, state=state, by=by, now=now, text=text)
    if exception is None:
        return None
    return services.apply(rules=[exception.rule], scope=Scope.BACK, author=by, exception=exception)


def end_due(now: datetime) -> list[Replay]:
    """End every exception whose time is up. While the newest rules can't be used they stay: see exceptions.end."""
    due = list(RuleException.objects.due(now).values_list("pk", flat=True))
    if due and Library.objects.exclude(problems=[]).exists():
        logger.warning("exceptions that are due stay in force until the newest rules can be used", extra={"due": due})
        return []
    ended = [end(pk=pk, state=ExceptionState.EXPIRED, by=None, now=now) for pk in due]
    return [replay for replay in ended if replay is not None]


def bring_back_again(now: datetime) -> list[Replay]:
    """Begin anew what should have brought back what an exception hid, and was cancelled or failed a while ago."""
    if not Replay.objects.stopped_back(now - PAUSE).exists():
        return []
    with transaction.atomic():
        # Whoever comes second finds the new one.
        Library.locked()
        return [begin_again(stopped) for stopped in Replay.objects.stopped_back(now - PAUSE).order_by("pk")]


def begin_again(stopped: Replay) -> Replay:
    logger.warning("what an exception hid is brought back anew", extra={"replay": stopped.pk, "state": stopped.state})
    return services.apply(rules=stopped.rules, scope=Scope.BACK, author=stopped.author, exception=stopped.exception)
