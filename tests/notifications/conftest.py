from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from pytest_django import Settings

from ecsaudit.environment import Hosts
from ecsaudit.notifications.notice import Notice, Told

HOSTILE = (
    "<!channel> <https://evil.example|click> & *bold* [link](https://evil.example) `x` "
    "\u202e\x1b[2J\r\nBcc: eve@evil.example"
)


@pytest.fixture
def this_machine_is_allowed(settings: Settings) -> None:
    """The other sides of these tests listen on 127.0.0.1."""
    settings.ALLOWED_WEBHOOK_HOSTS = Hosts(networks=(ip_network("127.0.0.1"),))


@pytest.fixture
def notice() -> Notice:
    return notice_of(told())


@pytest.fixture
def hostile_notice() -> Notice:
    """One whose every text was written by an attacker."""
    texts = dict.fromkeys(
        (
            "title",
            "rule",
            "priority",
            "output",
            "person",
            "target",
            "account",
            "region",
            "command",
            "source_ip_address",
        ),
        HOSTILE,
    )
    return notice_of(told(**texts, tags=(HOSTILE,)), title=HOSTILE, policy=HOSTILE, about=HOSTILE)


def told(**fields: object) -> Told:
    given = {
        "title": "ana@example.com opened a shell in prod/web",
        "rule": "Terminal Shell in ECS Container",
        "priority": "Warning",
        "output": "An interactive terminal shell has been executed inside an ECS container",
        "person": "ana@example.com",
        "target": "prod-payments/web",
        "account": "111122223333",
        "region": "eu-west-1",
        "command": "/bin/sh",
        "source_ip_address": "203.0.113.7",
        "event_time": datetime(2026, 11, 2, 12, 0, tzinfo=UTC),
        "url": "https://ecsaudit.example.com/findings/1/",
        "tags": ("aws_ecs_exec",),
    }
    return Told(**given | fields)  # type: ignore[arg-type]


def notice_of(*findings: Told, **fields: object) -> Notice:
    given = {
        "key": "0123456789abcdef0123456789abcdef",
        "about": "shell:ana@example.com:web",
        "title": "Terminal Shell in ECS Container",
        "severity": "HIGH",
        "told": findings,
        "count": len(findings),
        "url": "https://ecsaudit.example.com/findings/1/",
        "policy": "Shells in production",
        "runbook_url": "https://wiki.example.com/shells",
    }
    return Notice(**given | fields)  # type: ignore[arg-type]
