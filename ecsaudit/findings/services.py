"""The rule set over events: every match is a finding."""

from collections.abc import Collection, Sequence

from django.db.models import Count, Min

from ecsaudit import engine
from ecsaudit.cloudtrail.record import storable
from ecsaudit.cloudtrail.services import NewEvent
from ecsaudit.execsessions.daily_counts import Tally
from ecsaudit.execsessions.models import ExecSession, SessionEvent
from ecsaudit.findings.models import Finding, Priority


def judge(new_events: Sequence[NewEvent], rule_set: engine.RuleSet, tally: Tally) -> list[Finding]:
    """Make a finding of every rule that matches one of the events. Must run in the transaction that stored them."""
    found = [finding_of(new, match) for new in new_events for match in rule_set.evaluate(new.record.text)]
    for finding in found:
        tally.finding(finding.event_time.date(), finding.rule)
    return Finding.objects.bulk_create(found)


def finding_of(new: NewEvent, match: engine.Match) -> Finding:
    event = new.event
    return Finding(
        account_id=event.account_id,
        event=event,
        rule=storable(match.rule, 256),
        priority=Priority[match.priority.upper()],
        tags=[storable(tag) for tag in match.tags],
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


def link(event_ids: Collection[int]) -> None:
    """Point findings of these events at the sessions that the events now belong to, and count them there."""
    session_of = dict(SessionEvent.objects.filter(event__in=event_ids).values_list("event_id", "session_id"))
    moved = []
    for finding in Finding.objects.filter(event__in=event_ids):
        session_id = session_of.get(finding.event_id)
        if finding.session_id != session_id:
            finding.session_id = session_id
            moved.append(finding)
    Finding.objects.bulk_update(moved, ["session"])
    count(set(session_of.values()))


def count(session_ids: Collection[int]) -> None:
    """Write how many findings each session has and the worst of their priorities."""
    rows = Finding.objects.filter(session__in=session_ids).values_list("session_id")
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
