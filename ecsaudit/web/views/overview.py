"""The first screen: what happened lately, and whether everything was looked at."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from ecsaudit.cloudtrail.models import Feed
from ecsaudit.execsessions.models import DailyCount, Dimension
from ecsaudit.web import charts, finding_list
from ecsaudit.web.health import health
from ecsaudit.web.visible import shortened

RANGES = (7, 30, 90)
TOP = 5
NEWEST = 6
LISTS = (
    ("People", Dimension.PERSON, "sessions", "person"),
    ("Clusters", Dimension.CLUSTER, "sessions", "cluster"),
    ("Rules", Dimension.RULE, "findings", "rule"),
)


def show(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, RANGES) else 30
    now = timezone.now()
    first = (now - timedelta(days=days - 1)).date()
    counts = DailyCount.objects.since(first)
    by_day = list(counts.by_day(Dimension.OUTCOME))
    total = {series: sum(count for _, value, count in by_day if value == series) for series, _ in charts.SERIES}
    since = {"from": first.isoformat()}
    base = reverse("findings")
    return render(
        request,
        "overview/show.html",
        {
            "days": days,
            "ranges": RANGES,
            "problem": f"“days” must be one of {', '.join(map(str, RANGES))}" if asked and asked != str(days) else "",
            "total": sum(total.values()),
            "refused": total["denied"],
            "around": total["around"],
            "people": counts.values_seen(Dimension.PERSON),
            "clusters": counts.values_seen(Dimension.CLUSTER),
            "findings": sum(count for _, _, count in counts.by_day(Dimension.RULE)),
            "since": f"?{urlencode(since)}",
            "chart": charts.activity(by_day, first, now.date(), reverse("sessions")),
            "lists": [top_list(counts, *each, since) for each in LISTS],
            "newest": [
                finding_list.shown(row, base) for row in finding_list.rows().order_by("-event_time", "-pk")[:NEWEST]
            ],
            "health": health(list(Feed.objects.for_collection_screen()), now),
        },
    )


def top_list(
    counts: Any, label: str, dimension: Dimension, screen: str, name: str, since: dict[str, str]
) -> tuple[str, list[charts.Share]]:
    rows = [
        (
            shortened(value, 60) or "(not named)",
            count,
            f"{reverse(screen)}?{urlencode({**since, name: value})}"
            if value
            else f"{reverse(screen)}?{urlencode(since)}",
        )
        for value, count in counts.top(dimension, TOP)
    ]
    return label, charts.shares(rows)
