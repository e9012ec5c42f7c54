"""The rule set over events: every match is a finding."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Min
from django.utils import timezone

from ecsaudit import engine
from ecsaudit.cloudtrail.models import Event
from ecsaudit.cloudtrail.record import Record, read, storable
from ecsaudit.cloudtrail.services import NewEvent
from ecsaudit.execsessions.daily_counts import Tally
from ecsaudit.execsessions.models import ExecSession, SessionEvent
from ecsaudit.execsessions.services import outer
from ecsaudit.findings import arrival, groups, triage
from ecsaudit.findings.fingerprint import Subject, subject_of
from ecsaudit.findings.models import Action, Activity, Finding, Priority, RecordState, Suppression, TagSet
from ecsaudit.library.effective import Effective
from ecsaudit.library.exception_rows import note_hidden
from ecsaudit.library.services import count_quiet

Tags = tuple[str, ...]
STATE_COLUMNS = ("record_state", "archived_at", "archived_by", *triage.BOOKKEEPING)


@dataclass(frozen=True, slots=True)
class Judged:
    """What rules say of new events: findings that aren't stored yet, with the suppressions in force on their groups.

    `quiet` is what rules in the shadow or off matched; `hidden` are event ids with the names of the exceptions that kept
    the event from being found, `times` those of all the events.
    """

    found: list[Finding]
    in_force: dict[int, Suppression]
    quiet: Counter[tuple[str, date]]
    hidden: dict[int, tuple[str, ...]]
    times: dict[int, datetime]


def judge(new_events: Sequence[NewEvent], effective: Effective) -> Judged:
    """A finding of every rule that matches one of the events, for `keep`, in the transaction that stored them.

    Before events are joined into sessions, because that may write to findings, and suppressions are locked before those.
    """
    matches: list[tuple[Event, Record, engine.Match]] = []
    quiet: Counter[tuple[str, date]] = Counter()
    hidden: dict[int, tuple[str, ...]] = {}
    for new in new_events:
        if names := effective.excepted_by(new.record.text, new.event.event_name):
            hidden[new.event.pk] = names
        for match in effective.rule_set.evaluate(new.record.text):
            if match.rule in effective.quiet:
                quiet[storable(match.rule, 256), new.event.event_time.date()] += 1
            else:
                matches.append((new.event, new.record, match))
    found = drafted(matches, {}, effective)
    times = {new.event.pk: new.event.event_time for new in new_events}
    return Judged(found, arrival.suppressions_of(found), quiet, hidden, times)


def keep(judged: Judged, session_of: Mapping[int, int], tally: Tally) -> list[Finding]:
    """Store what was judged, and have findings of earlier events follow theirs; `session_of` is event id → session id."""
    count_quiet(judged.quiet)
    link(session_of)
    now, steps, found = timezone.now(), triage.Steps(), judged.found
    for finding in found:
        finding.session_id = session_of.get(finding.event_id) if finding.event_id else None
    arrival.store(found, judged.in_force, now, steps)
    groups.count(steps, now)
    note_hidden(judged.hidden, judged.times)
    for finding in found:
        tally.finding(finding.event_time.date(), finding.rule, finding.tag_set_id)
    return found


def drafted(
    matches: Sequence[tuple[Event, Record, engine.Match]], session_of: Mapping[int, int], effective: Effective
) -> list[Finding]:
    """The findings of these matches with their groups, which are stored; the findings are for arrival.store."""
    tag_sets = tag_sets_of(storable_tags(match) for _, _, match in matches)
    subjects: dict[int, Subject] = {}
    drafts = []
    for event, record, match in matches:
        if event.pk not in subjects:
            subjects[event.pk] = subject_of(record)
        drafts.append(draft_of(event, match, subjects[event.pk], tag_sets[storable_tags(match)]))
    group_of = groups.groups_of(drafts)
    found = []
    for (event, _, match), draft in zip(matches, drafts, strict=True):
        finding = finding_of(event, match, session_of.get(event.pk), effective, draft.tag_set_id)
        finding.group = group_of[draft.fingerprint]
        found.append(finding)
    return found


def draft_of(event: Event, match: engine.Match, subject: Subject, tag_set_id: int) -> groups.Draft:
    return groups.Draft(
        rule=storable(match.rule, 256),
        account_pk=event.account_id,
        account_id=event.account.account_id,
        region=event.region,
        subject=subject,
        priority=Priority[match.priority.upper()],
        tag_set_id=tag_set_id,
        seen_at=event.event_time,
    )


def storable_tags(match: engine.Match) -> Tags:
    return tuple(storable(tag) for tag in match.tags)


def tag_sets_of(lists: Iterable[Tags]) -> dict[Tags, int]:
    """The id of the tag set of each list of tags; makes those that are not there yet."""
    digests = {tags: TagSet.digest_of(tags) for tags in lists}
    if not digests:
        return {}
    present = TagSet.objects.filter(digest__in=digests.values())
    ids = dict(present.values_list("digest", "pk"))
    # In one order for everybody, so that two workers that make the same ones never wait in a ring.
    missing = [(digest, tags) for digest, tags in sorted((digest, tags) for tags, digest in digests.items())
               if digest not in ids]  # fmt: skip
    if missing:
        TagSet.objects.bulk_create(
            (TagSet(digest=digest, tags=list(tags)) for digest, tags in missing), ignore_conflicts=True
        )
        ids = dict(present.values_list("digest", "pk"))
    return {tags: ids[digest] for tags, digest in digests.items()}


def finding_of(
    event: Event, match: engine.Match, session_id: int | None, effective: Effective, tag_set_id: int
) -> Finding:
    return Finding(
        account_id=event.account_id,
        event=event,
        session_id=session_id,
        rule=storable(match.rule, 256),
        rule_version_id=effective.versions.get(match.rule),
        rule_set_id=effective.pk,
        priority=Priority[match.priority.upper()],
        tag_set_id=tag_set_id,
        source=storable(match.source, 64),
        output=storable(match.output),
        output_fields={storable(name): clean(value) for name, value in match.output_fields.items()},
        region=event.region,
        event_time=event.event_time,
    )


NO_LONGER = "The rule no longer matches the event."
AGAIN = "The rule matches the event again."


def archive(*, because: Mapping[int, str], by: Effective, now: datetime) -> list[int]:
    """Archive those of these findings (id → why) that are active; `by` no longer has them match. Returns which they were.

    Must run in a transaction that keeps ingest waiting: see Library.locked.
    """
    found = triage.locked(Finding.objects.active().filter(pk__in=because.keys()))
    steps, lines = triage.Steps(), []
    for finding in found:
        was_open = triage.is_open(finding)
        finding.record_state, finding.archived_at, finding.archived_by_id = RecordState.ARCHIVED, now, by.pk
        steps[finding.group_id].count -= 1
        steps[finding.group_id].open_count -= was_open
        triage.touch(finding, now)
        lines.append(Activity(finding=finding, at=now, action=Action.ARCHIVED, text=because[finding.pk]))
    Finding.objects.bulk_update(found, STATE_COLUMNS)
    Activity.objects.bulk_create(lines)
    groups.count(steps, now)
    count_again(found, -1)
    return [finding.pk for finding in found]


def bring_back(*, finding_ids: Collection[int], because: str, now: datetime) -> list[int]:
    """Open those of these findings again that are archived; returns which. Must run as `archive` does."""
    found = triage.locked(Finding.objects.filter(pk__in=finding_ids, record_state=RecordState.ARCHIVED))
    steps = triage.Steps()
    unarchive(found, because, now, steps)
    groups.count(steps, now)
    count_again(found, 1)
    return [finding.pk for finding in found]


@dataclass(frozen=True, slots=True)
class BroughtUp:
    """Findings that are new, the ids of archived ones that were opened again, and how many were there already."""

    made: Sequence[Finding]
    reopened: Sequence[int]
    kept: int


def bring_up(
    *, matches: Mapping[int, Sequence[engine.Match]], by: Effective, because: str = AGAIN, because_late: str = ""
) -> BroughtUp:
    """Make the findings of stored events that are missing, and open archived ones again.

    `matches` are event id → what matched it; `because_late` is a line of the history of those that are made. Must run in a
    transaction that keeps ingest waiting: see Library.locked.
    """
    now = timezone.now()
    events = {
        event.pk: event
        for event in Event.objects.select_for_update(of=("self",))
        .filter(pk__in=matches)
        .select_related("account", "body")
    }
    # Nobody makes or archives findings meanwhile, so they can be looked at before anything is locked.
    present = {(each.event_id, each.rule): each for each in Finding.objects.filter(event__in=events)}
    session_of = dict(SessionEvent.objects.filter(event__in=events).values_list("event_id", "session_id"))
    archived, missing, kept = [], [], 0
    for event_id, event in events.items():
        for match in matches[event_id]:
            finding = present.get((event_id, storable(match.rule, 256)))
            if finding is None:
                missing.append((event, read(event.raw_text, outer(event)), match))
            elif finding.record_state == RecordState.ARCHIVED:
                archived.append(finding.pk)
            else:
                kept += 1
    steps, late = triage.Steps(), drafted(missing, session_of, by)
    in_force = arrival.suppressions_of(late)
    reopened = triage.locked(Finding.objects.filter(pk__in=archived))
    unarchive(reopened, because, now, steps)
    arrival.store(late, in_force, now, steps)
    groups.count(steps, now)
    if because_late:
        Activity.objects.bulk_create(
            Activity(finding=finding, at=now, action=Action.RECURRED, text=because_late) for finding in late
        )
    count_again([*reopened, *late], 1)
    return BroughtUp(late, [finding.pk for finding in reopened], kept)


def unarchive(found: Sequence[Finding], because: str, now: datetime, steps: triage.Steps) -> None:
    """Have archived findings, which are locked, count again; whoever calls counts them: see groups.count, count_again."""
    lines = []
    for finding in found:
        finding.record_state, finding.archived_at, finding.archived_by = RecordState.ACTIVE, None, None
        triage.touch(finding, now)
        steps[finding.group_id].count += 1
        steps[finding.group_id].open_count += triage.is_open(finding)
        steps[finding.group_id].came(finding)
        lines.append(Activity(finding=finding, at=now, action=Action.UNARCHIVED, text=because))
    Finding.objects.bulk_update(found, STATE_COLUMNS)
    Activity.objects.bulk_create(lines)


def count_again(changed: Iterable[Finding], step: int) -> None:
    """Count findings in (step 1) or out (step -1) wherever findings are counted."""
    tallies: defaultdict[int, Tally] = defaultdict(Tally)
    session_ids = set()
    for finding in changed:
        if finding.account_id is None:
            continue
        tally = tallies[finding.account_id]
        tally.finding(finding.event_time.date(), finding.rule, finding.tag_set_id, step)
        if finding.session_id is not None:
            session_ids.add(finding.session_id)
    for account_id, tally in sorted(tallies.items()):
        tally.save(account_id)
    count(session_ids)


def clean(value: object) -> object:
    """A field's value as JSON that every database takes."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list | tuple):
        return [clean(each) for each in value]
    return value


def link(session_of: Mapping[int, int]) -> None:
    """Point findings of these events at the sessions that the events now belong to."""
    for finding in Finding.objects.filter(event__in=session_of).order_by("pk"):
        if finding.event_id is not None and finding.session_id != session_of[finding.event_id]:
            finding.session_id = session_of[finding.event_id]
            finding.save(update_fields=["session"])


def count(session_ids: Collection[int]) -> None:
    """Write how many findings each session has and the worst of their priorities; archived ones don't count."""
    rows = Finding.objects.active().filter(session__in=session_ids).values_list("session_id")
    numbers = {
        session_id: (number, worst)
        for session_id, number, worst in rows.annotate(number=Count("pk"), worst=Min("priority"))
    }
    changed = []
    for session in ExecSession.objects.filter(pk__in=session_ids):
        number, worst = numbers.get(session.pk, (0, None))
        if (session.finding_count, session.worst_priority) != (number, worst):
            session.finding_count, session.worst_priority = number, worst
            changed.append(session)
    ExecSession.objects.bulk_update(changed, ["finding_count", "worst_priority"])
