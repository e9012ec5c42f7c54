"""Everything that asks for a replay, or ends one.

ReplayRefused           no replay was made
├── DraftRefused        the draft has errors: `problems`, as kept in Library.problems
└── NothingChanges      the draft changes no rule
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from ecsaudit.cloudtrail.models import Event
from ecsaudit.library.drafts import changed_rules, drafted
from ecsaudit.library.effective import as_it_was, rules
from ecsaudit.library.models import Library, QuietCount, RuleException, RuleSet
from ecsaudit.library.services import Problems, refusal
from ecsaudit.library.texts import TextRefused, name_in
from ecsaudit.people.models import User
from ecsaudit.replay.judging import asked_names, chosen, stored_name
from ecsaudit.replay.models import CountedRules, Purpose, Replay, Scope, State
from ecsaudit.replay.reading import stored_names

# Tries and counts are forgotten after this; what was applied to the past stays.
KEPT_FOR = timedelta(days=7)


class ReplayRefused(ValueError):
    """No replay was made."""


class DraftRefused(ReplayRefused):
    def __init__(self, problems: Problems) -> None:
        super().__init__("the text has errors")
        self.problems = problems


class NothingChanges(ReplayRefused):
    pass


@transaction.atomic
def start(*, kind: str, name: str, layer: str, text: str, days: int | None, author: User) -> Replay:
    """Try a text over the stored events of the last days (None: all). Raises DraftRefused or NothingChanges.

    Without a name the item is called as its text says.
    """
    Library.locked()
    live = rules.current()
    try:
        name = name or name_in(kind, text)
        draft = drafted(kind=kind, name=name, layer=layer, text=text)
    except TextRefused as error:
        raise DraftRefused([refusal(kind, name, error)]) from error
    if draft.loaded.errors:
        raise DraftRefused(draft.errors)
    changed = changed_rules(live.rules, draft.loaded.rules)
    if not changed:
        raise NothingChanges("with this text every rule matches, and says, what it does now")
    # Who tries another text no longer waits for the last one.
    for earlier in Replay.objects.unfinished().filter(purpose=Purpose.TRY, author=author):
        cancel(replay=earlier)
    row = draft.rule_set()
    row.save()
    names = {stored_name(each) for each in changed}
    now = timezone.now()
    return Replay.objects.create(
        purpose=Purpose.TRY,
        author=author,
        rule_set_id=live.pk,
        draft=row,
        kind=kind,
        name=name,
        layer=layer,
        text=text,
        rules=sorted(names),
        event_names=names_to_read(asked_names(chosen([*live.rules, *draft.loaded.rules], names))),
        newest_event=newest_event(),
        since=None if days is None else now - timedelta(days=days),
    )


@transaction.atomic
def apply(
    *,
    rules: Collection[str],
    scope: Scope,
    author: User | None,
    exception: RuleException | None = None,
) -> Replay:
    """Apply rules to the past. Which rule set judges is settled when it begins; replays apply in the order of asking.

    With an exception only what it hides, or hid, is touched.
    """
    return Replay.objects.create(
        purpose=Purpose.APPLY, scope=scope, author=author, rules=sorted(map(stored_name, rules)),
        exception=exception,
    )  # fmt: skip


@transaction.atomic
def recount(*, rules: Collection[str], author: User | None = None) -> Replay | None:
    """Count again, over all that is stored, what rules without findings match; None if all of them make findings.

    Their numbers begin at nothing: the replay adds the events stored until now, ingest those after.
    """
    library = Library.locked()
    effective = as_it_was(*library.rule_set.key) if library.rule_set else None
    if effective is None:
        return None
    # One count at a time, so that no rule is counted by two.
    waiting = Replay.objects.unfinished().filter(purpose=Purpose.COUNT)
    names = {*map(stored_name, rules), *(name for each in waiting for name in each.rules)}
    waiting.update(state=State.CANCELLED, finished_at=timezone.now(), lease_owner="", lease_expires_at=None)
    QuietCount.objects.filter(rule__in=names).delete()
    quiet = [rule for rule in chosen(effective.rules, names) if rule.name in effective.quiet]
    if not quiet:
        return None
    return Replay.objects.create(
        purpose=Purpose.COUNT,
        author=author,
        rule_set=library.rule_set,
        rules=sorted(stored_name(rule.name) for rule in quiet),
        event_names=names_to_read(asked_names(quiet)),
        newest_event=newest_event(),
    )


def recount_changed() -> Replay | None:
    """Count again what changed since this was last asked: rules that mean something else, or make no findings any more."""
    key = rules.key()
    if key is None or CountedRules.objects.filter(rule_set=key[0]).exists():
        return None
    with transaction.atomic():
        library = Library.locked()
        counted = CountedRules.objects.select_related("rule_set").first()
        assert library.rule_set is not None
        now = as_it_was(*library.rule_set.key)
        before = as_it_was(*counted.rule_set.key) if counted else None
        CountedRules.objects.update_or_create(pk=1, defaults={"rule_set": library.rule_set})
        changed = set(changed_rules(before.rules if before else (), now.rules))
        fresh = changed | (now.quiet - before.quiet if before else now.quiet)
        return recount(rules=sorted(now.quiet & fresh)) if now.quiet & fresh else None


def cancel(*, replay: Replay) -> bool:
    """End a try or an application, at once or after the batch at hand; False if there was nothing to end.

    Counts are not cancelled, they would stay wrong; nor is what brings back findings, they would stay archived.
    """
    mine = Replay.objects.filter(pk=replay.pk).exclude(purpose=Purpose.COUNT).exclude(scope=Scope.BACK)
    if mine.filter(state=State.WAITING).update(state=State.CANCELLED, finished_at=timezone.now()):
        return True
    return bool(mine.filter(state=State.RUNNING).update(cancel_requested=True))


def due(now: datetime) -> list[int]:
    """The ids of replays that a worker should turn to now."""
    recount_changed()
    forget(now)
    return list(Replay.objects.due(now).order_by("pk").values_list("pk", flat=True))


def forget(now: datetime) -> None:
    """Remove old tries, with their drafts, and old counts."""
    old = Replay.objects.exclude(purpose=Purpose.APPLY).filter(finished_at__lt=now - KEPT_FOR)
    if not old.exists():
        return
    with transaction.atomic():
        drafts = set(old.exclude(draft=None).values_list("draft", flat=True))
        old.delete()
        RuleSet.objects.filter(pk__in=drafts).delete()


def newest_event() -> int:
    """The id of the newest stored event. With the library locked, rules before a change judged it and all before it."""
    return Event.objects.aggregate(newest=Max("pk"))["newest"] or 0


def names_to_read(asked: Iterable[str] | None) -> list[str]:
    """What rules ask for; every name that is stored when they ask for any."""
    return stored_names() if asked is None else sorted(asked)
