"""What a replay does with a batch, one class for each purpose: `judge` without a lock, then `keep` in a transaction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from typing import ClassVar

from django.utils import timezone

from ecsaudit import engine
from ecsaudit.findings import services as findings
from ecsaudit.findings.models import CloseReason
from ecsaudit.library.composing import judging
from ecsaudit.library.effective import Effective, as_it_was
from ecsaudit.library.exception_rows import note_hidden
from ecsaudit.library.models import ExceptionState, RuleSet
from ecsaudit.library.services import count_quiet
from ecsaudit.policies.routing import route, route_back
from ecsaudit.replay import hiding
from ecsaudit.replay.judging import Comparison, chosen, stored_name
from ecsaudit.replay.models import Change, Purpose, Replay, ReplayMatch, Stage
from ecsaudit.replay.reading import Batch, hidden_of, is_of_hidden, record_of, times_of

# Matches that a try keeps to be looked at; its numbers stay exact beyond.
KEPT = {Change.NEW: 1_000, Change.GONE: 1_000, Change.UNCHANGED: 100}


def effective_of(rule_set: RuleSet | None) -> Effective:
    assert rule_set is not None
    return as_it_was(*rule_set.key)


class Outcome(ABC):
    """Judges a batch, and keeps what came of it by counting on `replay`, which the turn then saves.

    Where `keeps_ingest_waiting`, whoever takes events in waits until the batch is kept.
    """

    keeps_ingest_waiting: ClassVar[bool] = False

    def __init__(self, replay: Replay) -> None:
        self.replay = replay

    @abstractmethod
    def judge(self, batch: Batch) -> None: ...

    @abstractmethod
    def keep(self) -> None: ...


class Try(Outcome):
    """Counts and samples the difference that a draft makes."""

    def __init__(self, replay: Replay) -> None:
        super().__init__(replay)
        self.comparison = Comparison(effective_of(replay.rule_set), effective_of(replay.draft), set(replay.rules))

    def judge(self, batch: Batch) -> None:
        replay, changes = self.replay, self.comparison.changes
        counts = {Change.NEW: replay.new, Change.GONE: replay.gone, Change.UNCHANGED: replay.unchanged}
        self.found: list[tuple[int, str, Change]] = []
        self.lost: set[tuple[int | None, str]] = set()
        for pk, compressed in batch.rows:
            for rule, change in changes(record_of(compressed)):
                if change == Change.GONE:
                    self.lost.add((pk, rule))
                if counts[change] < KEPT[change]:
                    self.found.append((pk, rule, change))
                counts[change] += 1
        self.counts = counts

    def keep(self) -> None:
        replay, counts = self.replay, self.counts
        replay.new, replay.gone, replay.unchanged = (counts[change] for change in Change)
        reasons = hiding.findings_of(self.lost)
        replay.gone_findings += len(reasons)
        replay.gone_confirmed += sum(reason == CloseReason.TRUE_POSITIVE for reason in reasons)
        # The account of an event may be gone by now.
        times = times_of({pk for pk, _, _ in self.found})
        ReplayMatch.objects.bulk_create(
            ReplayMatch(replay=replay, event_id=pk, event_time=times[pk], rule=rule, change=change)
            for pk, rule, change in self.found
            if pk in times
        )


class Count(Outcome):
    """Counts by day what rules that make no findings match."""

    def __init__(self, replay: Replay) -> None:
        super().__init__(replay)
        self.rule_set = judging(chosen(effective_of(replay.rule_set).rules, set(replay.rules)))

    def judge(self, batch: Batch) -> None:
        self.found: list[tuple[int, str]] = []
        for pk, compressed in batch.rows:
            for match in self.rule_set.evaluate(record_of(compressed)):
                self.found.append((pk, stored_name(match.rule)))

    def keep(self) -> None:
        times = times_of({pk for pk, _ in self.found})
        counts = Counter((rule, times[pk].date()) for pk, rule in self.found if pk in times)
        self.replay.unchanged += counts.total()
        count_quiet(counts)


class Apply(Outcome):
    """Archives findings that no longer match; then brings up those of events that match now.

    For an exception, archives only what it hides; at its end brings back what it archived, and then what it kept from
    being found.
    """

    # Sessions and their findings are counted by one at a time.
    keeps_ingest_waiting = True

    def __init__(self, replay: Replay) -> None:
        super().__init__(replay)
        self.effective = effective_of(replay.rule_set)
        rules = chosen(self.effective.rules, set(replay.rules))
        self.by_name = {stored_name(rule.name): rule for rule in rules}
        self.rule_set = judging(rules)
        self.loud = judging(rule for rule in rules if rule.name not in self.effective.quiet)
        self.excepting = [rule for rule in self.effective.excepting if stored_name(rule.name) in self.by_name]

    def judge(self, batch: Batch) -> None:
        # finding id → the names of the exceptions that keep its rule from matching; none where it isn't they
        self.over: dict[int, tuple[str, ...]] = {}
        self.matching: list[int] = []
        self.matches: dict[int, list[engine.Match]] = {}
        # event id → the names of the exceptions that keep it from being found
        self.hidden: dict[int, tuple[str, ...]] = {}
        self.read = [row[0] for row in batch.rows]
        if self.replay.stage == Stage.EVENTS:
            for pk, compressed in batch.rows:
                record = record_of(compressed)
                if matches := self.loud.evaluate(record):
                    self.matches[pk] = matches
                if names := [name for rule in self.excepting for name in engine.excepted_by(rule, record)]:
                    self.hidden[pk] = tuple(names)
            return
        for pk, compressed, rule in batch.rows:
            record = record_of(compressed)
            if any(stored_name(match.rule) == rule for match in self.rule_set.evaluate(record)):
                self.matching.append(pk)
            else:
                self.over[pk] = engine.excepted_by(self.by_name[rule], record) if rule in self.by_name else ()

    def keep(self) -> None:
        replay = self.replay
        if replay.stage == Stage.FINDINGS:
            archived = self.archive()
            replay.gone += archived
            replay.unchanged += len(self.matching) + len(self.over) - archived
        elif replay.stage == Stage.ARCHIVED:
            hiding.hand_over(self.over)
            back = hiding.bring_back(self.matching, why_back(replay))
            route_back(back, timezone.now())
            replay.new += len(back)
            replay.unchanged += len(self.matching) + len(self.over) - len(back)
        else:
            brought = findings.bring_up(
                matches=self.matches,
                by=self.effective,
                because=why_back(replay) if replay.exception else findings.AGAIN,
                because_late=why_late(replay) if replay.exception else "",
            )
            again = brought.reopened if replay.exception else hiding.hidden_among(brought.reopened)
            hiding.forget(self.matches)
            self.note_hidden()
            route(brought.made, timezone.now())
            route_back(again, timezone.now())
            replay.new += len(brought.made) + len(brought.reopened)

    def archive(self) -> int:
        if self.replay.exception is None:
            return hiding.archive(self.over, by=self.effective)
        name = self.replay.exception.name
        return hiding.archive({pk: names for pk, names in self.over.items() if name in names}, by=self.effective)

    def note_hidden(self) -> None:
        """Note what exceptions in force keep from being found now; what the one that ended hid is done with.

        Where they archived a finding of the event, that is noted already.
        """
        times, archived = times_of(self.hidden), hiding.archived_by(self.hidden)
        hidden = {pk: [name for name in names if (pk, name) not in archived] for pk, names in self.hidden.items()}
        note_hidden({pk: names for pk, names in hidden.items() if pk in times}, times)
        if is_of_hidden(self.replay):
            hidden_of(self.replay).filter(event__in=self.read).delete()


def why_back(replay: Replay) -> str:
    """`Exception 12 expired: the rule matches the event again.`"""
    return f"{ending(replay)}: the rule matches the event again."


def why_late(replay: Replay) -> str:
    return f"Found late, because an exception hid the event. {ending(replay)}."


def ending(replay: Replay) -> str:
    exception = replay.exception
    assert exception is not None
    return f"Exception {exception.pk} {'expired' if exception.state == ExceptionState.EXPIRED else 'was withdrawn'}"


OUTCOMES: dict[str, Callable[[Replay], Outcome]] = {Purpose.TRY: Try, Purpose.APPLY: Apply, Purpose.COUNT: Count}
