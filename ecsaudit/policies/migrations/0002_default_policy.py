"""The policy that is there from the start: whatever is of priority Warning or worse, to channels still to be chosen."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.utils import timezone

WARNING = 4
FIELDS = {
    "name": "Default policy",
    "description": "What any rule finds of priority Warning or worse, everywhere and at all times.",
    "enabled": True,
    "owner": "",
    "rules": [],
    "tags": [],
    "controls": [],
    "priority": WARNING,
    "scope": {},
    "hours": "always",
    "hours_days": [],
    "hours_from": None,
    "hours_to": None,
    "hours_zone": "UTC",
    "severity": "",
    "throttle_minutes": 15,
    "grouping": "group",
    "runbook_url": "",
    "position": 1,
}


def add(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    now = timezone.now()
    policy = apps.get_model("policies", "Policy").objects.create(**FIELDS)
    apps.get_model("policies", "PolicyVersion").objects.create(
        policy=policy,
        name=policy.name,
        revision=1,
        at=now,
        action="created",
        after=FIELDS | {"hours_from": "", "hours_to": "", "channels": []},
        reason="It comes with ecsaudit.",
    )
    apps.get_model("policies", "PolicyBook").objects.create(pk=1, revision=1)


def nothing(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The tables go with the migration before."""


class Migration(migrations.Migration):
    dependencies = [("policies", "0001_policy")]

    operations = [migrations.RunPython(add, nothing)]
