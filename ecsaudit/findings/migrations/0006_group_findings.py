"""Findings that are there are gathered into groups, as new ones are."""

import zlib
from typing import Any

from django.db import migrations

from ecsaudit.cloudtrail.record import UnreadableText, read
from ecsaudit.findings.fingerprint import Subject, fingerprint, subject_of

BATCH = 1_000


def subject(event: Any) -> Subject:
    """From the event's record, like that of new findings; a record that can't be read any more says nothing."""
    text = zlib.decompress(bytes(event.body.compressed)).decode("utf-8", "surrogatepass")
    outer = {"EventId": event.event_id, "EventName": event.event_name, "EventTime": event.event_time}
    try:
        return subject_of(read(text, outer | {"EventSource": event.event_source}))
    except UnreadableText:
        return Subject("", "", "")


def gather(apps: Any, schema_editor: Any) -> None:
    Finding, Group = apps.get_model("findings", "Finding"), apps.get_model("findings", "FindingGroup")
    rows = Finding.objects.filter(group__isnull=True).select_related("account", "event__body").order_by("pk")
    while found := list(rows[:BATCH]):
        for finding in found:
            finding.group = group_of(Group, finding)
        Finding.objects.bulk_update(found, ["group"])


def group_of(Group: Any, finding: Any) -> Any:
    about = subject(finding.event) if hasattr(finding.event, "body") else Subject("", "", "")
    key = fingerprint(rule=finding.rule, account=finding.account.account_id, region=finding.region, subject=about)
    seen = {"first_seen_at": finding.event_time, "last_seen_at": finding.event_time}
    group, _ = Group.objects.get_or_create(
        fingerprint=key,
        defaults={
            "rule": finding.rule, "account": finding.account, "region": finding.region, "person": about.person,
            "cluster": about.cluster, "target": about.target, "priority": finding.priority, "tag_set": finding.tag_set,
        } | seen,
    )  # fmt: skip
    if finding.record_state == "active":
        add(group, finding)
    return group


def add(group: Any, finding: Any) -> None:
    """Every finding was new until now."""
    if group.count == 0:
        group.first_seen_at = group.last_seen_at = finding.event_time
        group.priority = finding.priority
    group.count, group.open_count = group.count + 1, group.open_count + 1
    group.priority = min(group.priority, finding.priority)
    group.first_seen_at = min(group.first_seen_at, finding.event_time)
    if finding.event_time >= group.last_seen_at:
        group.last_seen_at, group.tag_set = finding.event_time, finding.tag_set
    group.save()


def ungroup(apps: Any, schema_editor: Any) -> None:
    apps.get_model("findings", "Finding").objects.update(group=None)
    apps.get_model("findings", "FindingGroup").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("findings", "0005_workflow")]

    operations = [migrations.RunPython(gather, ungroup)]
