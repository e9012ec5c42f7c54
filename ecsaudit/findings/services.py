"""The rule set over events: every match is a finding."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime

from django.db.models import Count, Min

from ecsaudit import engine
from ecsaudit.cloudtrail.models import Event
from ecsaudit.cloudtrail.record import storable
from ecsaudit.cloudtrail.services import NewEvent
from ecsaudit.execsessions.daily_counts import Tally
from ecsaudit.execsessions.models import ExecSession, SessionEvent
from ecsaudit.findings.models import Finding, Priority, RecordState, TagSet
from ecsaudit.library.effective import Effective
from ecsaudit.library.services import count_quiet

Tags = tuple[str, ...]
STATE_COLUMNS = ("record_state", "archived_at", "archived_by")


def judge(
    new_events: Sequence[NewEvent], session_of: Mapping[int, int], effective: Effective, tally: Tally
) -> list[Finding]:
    """Make a finding of every rule that matches one of the events, in the transaction that stored them.

    `session_of` is event id → session id. What rules in the shadow or off match is counted only.
    """
    matches: list[tuple[NewEvent, engine.Match]] = []
    quiet: Counter[tuple[str, date]] = Counter()
    for new in new_events:
        for match in effective.rule_set.evaluate(new.record.text):
            if match.rule in effective.quiet:
                quiet[storable(match.rule, 256), new.event.event_time.date()] += 1
            else:
                matches.append((new, match))
    tag_sets = tag_sets_of(storable_tags(match) for _, match in matches)
    found = [
        finding_of(new.event, match, session_of.get(new.event.pk), effective, tag_sets[storable_tags(match)])
        for new, match in matches
    ]
    for finding in found:
        tally.finding(finding.event_time.date(), finding.rule, finding.tag_set_id)
    count_quiet(quiet)
    return Finding.objects.bulk_create(found)


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


def archive(*, finding_ids: Collection[int], by: Effective, now: datetime) -> int:
    """Archive those of these findings that are active, because `by` no longer has them match; returns how many.

    Must run in a transaction that keeps ingest waiting: see Library.locked.
    """
    found = list(Finding.objects.active().filter(pk__in=finding_ids))
    for finding in found:
        finding.record_state, finding.archived_at, finding.archived_by_id = RecordState.ARCHIVED, now, by.pk
    Finding.objects.bulk_update(found, STATE_COLUMNS)
    count_again(found, -1)
    return len(found)


def bring_up(*, matches: Mapping[int, Sequence[engine.Match]], by: Effective) -> tuple[int, int]:
    """Make the findings of stored events that are missing, and open archived ones again.

    `matches` are event id → what matched it. Returns how many findings were brought up, and how many were there. Must run
    in a transaction that keeps ingest waiting: see Library.locked.
    """
    events = {event.pk: event for event in Event.objects.select_for_update().filter(pk__in=matches)}
    present = {(each.event_id, each.rule): each for each in Finding.objects.filter(event__in=events)}
    session_of = dict(SessionEvent.objects.filter(event__in=events).values_list("event_id", "session_id"))
    tag_sets = tag_sets_of(storable_tags(match) for found in matches.values() for match in found)
    reopened, missing, kept = [], [], 0
    for event_id, event in events.items():
        for match in matches[event_id]:
            finding = present.get((event_id, storable(match.rule, 256)))
            if finding is None:
                tags = tag_sets[storable_tags(match)]
                missing.append(finding_of(event, match, session_of.get(event_id), by, tags))
            elif finding.record_state == RecordState.ARCHIVED:
                finding.record_state, finding.archived_at, finding.archived_by = RecordState.ACTIVE, None, None
                reopened.append(finding)
            else:
                kept += 1
    Finding.objects.bulk_update(reopened, STATE_COLUMNS)
    brought = [*reopened, *Finding.objects.bulk_create(missing)]
    count_again(brought, 1)
    return len(brought), kept


def count_again(changed: Iterable[Finding], step: int) -> None:
    """Count findings in (step 1) or out (step -1) wherever findings are counted."""
    tallies: defaultdict[int, Tally] = defaultdict(Tally)
    session_ids = set()
    for finding in changed:
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
    """Point findings of these events at the sessions that the events now belong to, and count them there."""
    for finding in Finding.objects.filter(event__in=session_of):
        if finding.session_id != session_of[finding.event_id]:
            finding.session_id = session_of[finding.event_id]
            finding.save(update_fields=["session"])
    count(set(session_of.values()))


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
