"""A small library and a stored history for it, taken in as the collector does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from threading import Event as StopEvent

from django.db import transaction

from ecsaudit import pipeline
from ecsaudit.library.models import Layer
from ecsaudit.library.services import save
from ecsaudit.people.models import User
from ecsaudit.replay import turns
from ecsaudit.replay.models import Replay
from tests import factories
from tests.cloudtrail_api import numbered
from tests.records import item

FIRST = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SHIPPED = """- list: shells
  items: [/bin/sh]

- macro: shell
  condition: json.value[/requestParameters/command] in (shells)

- rule: Shell
  desc: a shell
  condition: ct.name = ExecuteCommand and shell
  output: shell of %ct.user
  priority: WARNING
  source: aws_cloudtrail

- rule: Quiet
  desc: nobody listens
  condition: ct.name = ExecuteCommand and not shell
  output: other
  priority: NOTICE
  source: aws_cloudtrail
  enabled: false
"""
WIDER = "- list: shells\n  items: [/bin/ash]\n  override: {items: append}\n"
NARROWER = (
    "- rule: Shell\n  condition: and json.value[/requestParameters/container] = web\n  override: {condition: append}\n"
)


def take_in(*commands: str, first: int = 0, container: str = "web") -> None:
    """An ExecuteCommand event for each command, an hour apart, numbered from `first`."""
    for number, command in enumerate(commands, start=first):
        record = numbered(number, FIRST + timedelta(hours=number))
        record["requestParameters"] |= {"command": command, "container": container}
        with transaction.atomic():
            pipeline.take_in(factories.feed(), [item(json.dumps(record))])


def overlay(author: User, text: str, *, kind: str = "rule", name: str = "Shell", expected: int | None = None) -> int:
    """Save a customisation; returns its id."""
    return save(kind=kind, name=name, layer=Layer.OVERLAY, text=text, author=author, message="m", expected=expected).pk


def finish(replay: Replay) -> Replay:
    """Take turns as a worker does until it is done."""
    while replay.is_unfinished:
        turns.run(replay.pk, StopEvent())
        replay.refresh_from_db()
    return replay
