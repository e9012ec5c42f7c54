"""Findings from before tag sets and groups are brought up to them, and can be taken back."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from ecsaudit.cloudtrail.models import EventBody
from tests.records import execute_command

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE, AFTER = [("findings", "0002_finding_rule_version")], [("findings", "0003_tag_set")]
PCI, NONE = ["cloud", "PCI_DSS_10.2.1", "“quoted”\\"], list[str]()


def migrate(targets: Any) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


def test_findings_are_gathered_by_what_their_records_say() -> None:
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    try:
        apps = migrate([("findings", "0005_workflow")])
        TagSet = apps.get_model("findings", "TagSet")
        tag_set = TagSet.objects.create(digest="0" * 64, tags=[])
        for number, (day, state) in enumerate([(1, "active"), (3, "active"), (2, "archived")]):
            made = old_finding(apps, number, day, tag_set=tag_set, record_state=state)
            text = json.dumps(execute_command(eventID=f"event-{number}"))
            body = apps.get_model("cloudtrail", "EventBody")
            body.objects.create(event_id=made.event_id, compressed=EventBody.compress(text))
        old_finding(apps, 9, 4, tag_set=tag_set)
        apps = migrate([("findings", "0007_group_required")])
        groups = apps.get_model("findings", "FindingGroup").objects.order_by("-count")
        assert [(each.cluster, each.count, each.open_count) for each in groups] == [("prod_payments", 2, 2), ("", 1, 1)]
        assert (groups[0].first_seen_at.day, groups[0].last_seen_at.day) == (1, 3)
        apps = migrate([("findings", "0005_workflow")])
        assert not apps.get_model("findings", "FindingGroup").objects.exists()
        assert apps.get_model("findings", "Finding").objects.count() == 4
    finally:
        migrate(latest)


def old_finding(apps: Any, number: int, day: int, **columns: Any) -> Any:
    account, _ = apps.get_model("cloudtrail", "Account").objects.get_or_create(account_id="111122223333")
    moment = datetime(2026, 11, day, 23, 30, tzinfo=UTC)
    fields = {"account_id": account.pk, "region": "eu-west-1", "event_time": moment}
    event = apps.get_model("cloudtrail", "Event").objects.create(
        event_id=f"event-{number}", event_name="ExecuteCommand", event_source="ecs.amazonaws.com", **fields
    )
    return apps.get_model("findings", "Finding").objects.create(
        event_id=event.pk, rule="R", priority=4, source="aws_cloudtrail", output="o", **fields, **columns
    )


def test_tags_become_tag_sets_with_their_counts_and_back() -> None:
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    try:
        apps = migrate(BEFORE)
        for number, (day, tags) in enumerate([(1, PCI), (1, PCI), (2, PCI), (2, NONE)]):
            old_finding(apps, number, day, tags=tags)
        apps = migrate(AFTER)
        found = apps.get_model("findings", "Finding").objects.order_by("pk")
        assert [finding.tag_set.tags for finding in found] == [PCI, PCI, PCI, NONE]
        sets = {tuple(each.tags): str(each.pk) for each in apps.get_model("findings", "TagSet").objects.all()}
        counts = apps.get_model("execsessions", "DailyCount").objects.filter(dimension="tag_set")
        assert set(counts.values_list("day", "value", "count")) == {
            (date(2026, 11, 1), sets[tuple(PCI)], 2),
            (date(2026, 11, 2), sets[tuple(PCI)], 1),
            (date(2026, 11, 2), sets[()], 1),
        }
        apps = migrate(BEFORE)
        tags = apps.get_model("findings", "Finding").objects.order_by("pk").values_list("tags", flat=True)
        assert list(tags) == [PCI, PCI, PCI, NONE]
        assert not apps.get_model("execsessions", "DailyCount").objects.exists()
    finally:
        migrate(latest)
