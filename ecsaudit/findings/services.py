"""The rule set over events: every match is a finding."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from django.db.models import Count, Min

from ecsaudit import engine
from ecsaudit.cloudtrail.models import Event
from ecsaudit.cloudtrail.record import storable
from ecsaudit.cloudtrail.services import NewEvent
from ecsaudit.execsessions.daily_counts import Tally
from ecsaudit.execsessions.models import ExecSession
from ecsaudit.findings.models import Finding, Priority, TagSet
from ecsaudit.library.effective import Effective
from ecsaudit.library.services import count_quiet

Tags = tuple[str, ...]


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
