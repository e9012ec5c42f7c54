"""Findings as a notice tells them."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from ecsaudit.findings.models import Finding
from ecsaudit.findings.severity import SEVERITIES, Severity
from ecsaudit.notifications.notice import MOST_TOLD, Notice, Told


def tellable(findings: "QuerySet[Finding]") -> "QuerySet[Finding]":
    """With everything that told_of reads, in one query."""
    return findings.select_related("account", "group", "session", "tag_set")


def told_of(finding: Finding) -> Told:
    """One finding; costs no query when it came through tellable()."""
    group, session = finding.group, finding.session
    person = session.person if session else group.person
    places = (session.cluster, session.service, session.container) if session else (group.cluster, group.target)
    target = "/".join(place for place in places if place)
    return Told(
        title=f"{person or 'somebody'} → {target}" if target else finding.rule,
        rule=finding.rule,
        priority=finding.get_priority_display(),
        output=finding.output,
        person=person,
        target=target,
        account=finding.account.account_id if finding.account else "",
        region=finding.region,
        command=session.command if session else "",
        source_ip_address=session.source_ip_address if session else "",
        event_time=finding.event_time,
        url=public_url(finding.get_absolute_url()),
        tags=tuple(finding.tags),
    )


def public_url(path: str) -> str:
    """The address by which people reach a page."""
    return f"{settings.PUBLIC_URL}{path}"


def is_local() -> bool:
    """Whether links in messages lead to the reader's own machine, because nobody set ECSAUDIT_URL."""
    return urlsplit(settings.PUBLIC_URL).hostname in ("localhost", "127.0.0.1", "::1")


def notice_about(findings: Sequence[Finding]) -> Notice:
    """The notice that a message about these findings (at least one) would carry, for a preview."""
    told = tuple(told_of(finding) for finding in findings[:MOST_TOLD])
    worst = min(finding.priority for finding in findings)
    return Notice(
        key=uuid4().hex,
        about="preview",
        title=told[0].rule,
        severity=SEVERITIES[worst],
        told=told,
        count=len(findings),
        url=told[0].url,
        policy="Name of the policy",
        runbook_url="https://wiki.example.com/runbook",
    )


def sample(*, key: str, about: str, now: datetime) -> Notice:
    """A notice about a finding that never happened: what a test sends."""
    url = public_url(reverse("findings"))
    told = Told(
        title="ana@example.com → prod-payments/web",
        rule="Terminal Shell in ECS Container",
        priority="Warning",
        output="An interactive terminal shell has been executed inside an ECS container (made up for this test)",
        person="ana@example.com",
        target="prod-payments/web",
        account="111122223333",
        region="eu-west-1",
        command="/bin/sh",
        source_ip_address="203.0.113.7",
        event_time=now,
        url=url,
        tags=("aws_ecs_exec", "sample"),
    )
    return Notice(
        key=key,
        about=about,
        title="Test of this channel",
        severity=Severity.INFORMATIONAL,
        told=(told,),
        count=1,
        url=url,
        policy="None: somebody sent a test",
        runbook_url="https://wiki.example.com/runbook",
        is_test=True,
    )
