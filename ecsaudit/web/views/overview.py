"""The first screen: what happened lately, and whether everything was looked at."""

from collections.abc import Iterable
from datetime import date
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from ecsaudit.cloudtrail.models import Feed
from ecsaudit.days import first_of, midnight
from ecsaudit.execsessions.models import DailyCount, Dimension
from ecsaudit.findings.models import Finding
from ecsaudit.visible import shortened
from ecsaudit.web import charts, finding_list
from ecsaudit.web.health import health
from ecsaudit.web.summary import PRIORITY_GROUPS, Part, findings_sentence, sessions_sentence

RANGES = (7, 30, 90)
DEFAULT = 30
TOP = 5
NEWEST = 5
# Findings are counted by priority up to here; the roll-up doesn't know priorities.
COUNTED = 1_000
LISTS = (
    ("People", "people", Dimension.PERSON, "sessions", "person"),
    ("Clusters", "clusters", Dimension.CLUSTER, "sessions", "cluster"),
    ("Rules", "rules", Dimension.RULE, "findings", "rule"),
)


def show(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("days", str(DEFAULT))
    days = next((each for each in RANGES if asked == str(each)), DEFAULT)
    now = timezone.now()
    first = first_of(days, now.date())
    by_day = list(DailyCount.objects.since(first).by_day(Dimension.OUTCOME))
    base = reverse("findings")
    newest_findings = Finding.objects.active().order_by("-event_time", "-pk").values(*finding_list.COLUMNS)[:NEWEST]
    context = {
        "days": days,
        "ranges": RANGES,
        "problem": "" if asked == str(days) else f"“days” must be one of {', '.join(map(str, RANGES))}",
        "sessions": about_sessions(by_day, first, days),
        "findings": about_findings(first),
        "chart": charts.activity(by_day, first, now.date(), reverse("sessions")),
        "lists": [
            (label, anchor, top_list(first, dimension, screen, name))
            for label, anchor, dimension, screen, name in LISTS
        ],
        "newest": [finding_list.shown(row, base) for row in newest_findings],
        "health": health(list(Feed.objects.for_collection_screen()), now),
    }
    return render(request, "overview/show.html", context)


def about_sessions(by_day: Iterable[tuple[date, str, int]], first: date, days: int) -> list[Part]:
    counts = DailyCount.objects.since(first)
    total = dict.fromkeys((series for series, _ in charts.SERIES), 0)
    for _, series, count in by_day:
        total[series] += count
    return sessions_sentence(
        total=sum(total.values()),
        denied=total["denied"],
        around=total["around"],
        people=counts.values_seen(Dimension.PERSON),
        clusters=counts.values_seen(Dimension.CLUSTER),
        days=days,
        address=f"{reverse('sessions')}?{urlencode({'from': first})}",
    )


def about_findings(first: date) -> list[Part]:
    found = Finding.objects.active().filter(event_time__gte=midnight(first))
    # The roll-up is kept by account, which ecsaudit's own findings don't have.
    own = found.filter(account=None).count_up_to(COUNTED + 1)
    return findings_sentence(
        total=DailyCount.objects.since(first).total(Dimension.RULE) + own,
        groups=[found.filter(priority__in=numbers).count_up_to(COUNTED + 1) for _, numbers in PRIORITY_GROUPS],
        limit=COUNTED,
        address=f"{reverse('findings')}?{urlencode({'from': first} | finding_list.ALL)}",
    )


def top_list(first: date, dimension: Dimension, screen: str, name: str) -> list[charts.Share]:
    """The values that occur most; each leads to the list of its sessions or findings in the same time."""
    address, since = reverse(screen), {"from": str(first)} | (finding_list.ALL if screen == "findings" else {})
    return charts.shares(
        (shortened(value, 60) or "(not named)", count, f"{address}?{urlencode({**since, name: value})}")
        for value, count in DailyCount.objects.since(first).top(dimension, TOP)
    )
