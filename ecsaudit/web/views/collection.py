"""What was read of CloudTrail, what was not, and the records that could not be read."""

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from ecsaudit.cloudtrail.models import Feed, UnreadableRecord
from ecsaudit.web.health import health
from ecsaudit.web.raw import Raw

NEWEST = 200


def show(request: HttpRequest) -> HttpResponse:
    feeds = list(Feed.objects.for_collection_screen().annotate(unreadable=Count("unreadable_records", distinct=True)))
    return render(request, "collection/show.html", {"health": health(feeds, timezone.now())})


def unreadable(request: HttpRequest) -> HttpResponse:
    records = UnreadableRecord.objects.select_related("feed__account").defer("body").order_by("-first_seen_at", "-pk")
    found = list(records[: NEWEST + 1])
    return render(
        request, "collection/unreadable.html", {"records": found[:NEWEST], "limit": NEWEST, "more": len(found) > NEWEST}
    )


def unreadable_detail(request: HttpRequest, pk: int) -> HttpResponse:
    record = get_object_or_404(UnreadableRecord.objects.select_related("feed__account"), pk=pk)
    return render(request, "collection/unreadable_detail.html", {"record": record, "raw": Raw.of(record.text)})
