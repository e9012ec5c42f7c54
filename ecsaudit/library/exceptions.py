"""Everything that changes the exceptions of rules. Each change makes a version of the rule's layer and a new rule set.

ExceptionRefused        the exception can't be made, extended or ended; a LibraryError whose text says what to do
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from ecsaudit.library import services
from ecsaudit.library.exception_rows import create, note
from ecsaudit.library.exception_texts import COMPARISONS, Term, new_name, text_of
from ecsaudit.library.models import (
    ExceptionAction,
    ExceptionState,
    Kind,
    Layer,
    Library,
    RuleException,
    Version,
)
from ecsaudit.people.models import User

LONGEST = timedelta(days=365)
MOST_TERMS = 20
MOST_VALUES = 200
LONGEST_VALUE = 4_000
ENDINGS = {
    ExceptionState.EXPIRED: ExceptionAction.EXPIRED,
    ExceptionState.WITHDRAWN: ExceptionAction.WITHDRAWN,
}


class ExceptionRefused(services.LibraryError):
    pass


@transaction.atomic
def make(
    *,
    rule: str,
    terms: Sequence[Term],
    owner: str,
    reason: str,
    author: User,
    now: datetime,
    expires_at: datetime | None,
    why_no_expiry: str = "",
    made_from: int | None = None,
    preview: dict[str, Any] | None = None,
) -> RuleException:
    """Put an exception in force. Raises ExceptionRefused or RulesRefused, and then nothing is changed."""
    check_terms(terms)
    check_expiry(expires_at, why_no_expiry, now)
    if not owner.strip() or not reason.strip():
        raise ExceptionRefused("an exception needs an owner and a reason")
    library = Library.locked()
    texts = Version.objects.current().filter(kind=Kind.RULE, name=rule, layer__in=(Layer.SHIPPED, Layer.OWN))
    if not texts.exists():
        raise ExceptionRefused(f"there is no rule “{rule}”")
    seen = "" if preview else " (saved without a preview)"
    made = create(
        by=author, now=now, action=ExceptionAction.MADE, text=f"{until(expires_at, why_no_expiry)}{seen}: {reason}",
        rule=rule, name=new_name(), terms=[term.as_data() for term in terms], owner=owner.strip(),
        reason=reason.strip(), expires_at=expires_at, why_no_expiry=why_no_expiry.strip(), made_from=made_from,
        preview=preview,
    )  # fmt: skip
    put_in_force(library, rule, f"Exception {made.pk} made, {until(expires_at, why_no_expiry)}: {reason}", author)
    return made


@transaction.atomic
def extend(
    *, pk: int, expires_at: datetime | None, why_no_expiry: str = "", reason: str, by: User, now: datetime
) -> RuleException:
    """Have an exception in force end at another time. Raises ExceptionRefused."""
    check_expiry(expires_at, why_no_expiry, now)
    if not reason.strip():
        raise ExceptionRefused("say why; it stands in the history")
    library = Library.locked()
    exception = RuleException.objects.in_force().filter(pk=pk).first()
    if exception is None:
        raise ExceptionRefused("it is no longer in force; make another one from a finding")
    exception.expires_at = expires_at
    exception.why_no_expiry = "" if expires_at else why_no_expiry.strip()
    exception.save(update_fields=["expires_at", "why_no_expiry"])
    words = until(expires_at, why_no_expiry)
    note(exception, ExceptionAction.EXTENDED, by, now, f"{words}: {reason.strip()}")
    put_in_force(library, exception.rule, f"Exception {pk} now {words}: {reason.strip()}", by)
    return exception


@transaction.atomic
def end(*, pk: int, state: ExceptionState, by: User | None, now: datetime, text: str) -> RuleException | None:
    """Take an exception out of force, once; None where that is done already, or it is not due to expire any more.

    Raises ExceptionRefused while the newest rules can't be used: what judges then could not be made without it.
    """
    library = Library.locked()
    if library.problems:
        raise ExceptionRefused(
            "the newest rules can't be used, so the last good ones judge, with this exception; mend what is wrong first"
        )
    asked = RuleException.objects.due(now) if state == ExceptionState.EXPIRED else RuleException.objects.in_force()
    exception = asked.filter(pk=pk).first()
    if exception is None:
        return None
    exception.state, exception.ended_at, exception.ended_by = state, now, by
    exception.save(update_fields=["state", "ended_at", "ended_by"])
    note(exception, ENDINGS[state], by, now, text)
    put_in_force(library, exception.rule, f"Exception {pk} {state.label.lower()}{text and f': {text}'}", by)
    return exception


def put_in_force(library: Library, rule: str, message: str, author: User | None) -> None:
    """Make the rule's layer of its exceptions in force, and the rule set with it; RulesRefused where that brings errors."""
    text = text_of(list(RuleException.objects.in_force().filter(rule=rule)))
    services.add_version(Kind.RULE, rule, Layer.EXCEPTIONS, text, message[:500], author)
    services.settle_without_new_problems(library)


def text_in_force(rule: str) -> str:
    found = Version.objects.current().filter(kind=Kind.RULE, name=rule, layer=Layer.EXCEPTIONS).first()
    return found.text if found else ""


def check_terms(terms: Sequence[Term]) -> None:
    if not 0 < len(terms) <= MOST_TERMS:
        raise ExceptionRefused(f"choose one to {MOST_TERMS} fields; without any the rule would never match again")
    for term in terms:
        if term.comparison not in COMPARISONS:
            raise ExceptionRefused(f"{term.field}: choose a comparison: {', '.join(COMPARISONS)}")
        if not term.values or "" in term.values:
            raise ExceptionRefused(f"{term.field} needs a value to compare with")
        if len(term.values) > (MOST_VALUES if term.comparison == "in" else 1):
            raise ExceptionRefused(f"{term.field}: give at most {MOST_VALUES} values for “in”, and one for the others")
        if any(len(value) > LONGEST_VALUE for value in term.values):
            raise ExceptionRefused(f"{term.field}: a value may have {LONGEST_VALUE:,} characters; use “startswith”")


def check_expiry(expires_at: datetime | None, why_no_expiry: str, now: datetime) -> None:
    if expires_at is None and not why_no_expiry.strip():
        raise ExceptionRefused("say when it expires, or why it never should")
    if expires_at is not None and not now < expires_at <= now + LONGEST:
        raise ExceptionRefused(f"it must expire within {LONGEST.days} days from now; it can be extended then")


def until(expires_at: datetime | None, why_no_expiry: str) -> str:
    """`until 2026-12-01 00:00 UTC`, or why there is no end."""
    if expires_at is None:
        return f"without an end ({why_no_expiry.strip()})"
    return f"until {expires_at:%Y-%m-%d %H:%M} UTC"
