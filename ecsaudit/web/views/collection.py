"""What was read of CloudTrail, what was not, and the records that could not be read."""

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from ecsaudit.cloudtrail.models import Feed, UnreadableRecord
from ecsaudit.web import exports
from ecsaudit.web.exports import attribute, column
from ecsaudit.web.health import health
from ecsaudit.web.raw import Raw

NEWEST = 200
# What the screen shows of each account and Region; how an account is reached is for administrators.
FEED_EXPORT = (
    attribute("account", "feed.account.account_id"),
    attribute("account_alias", "feed.account.alias"),
    attribute("region", "feed.region"),
    attribute("state"),
    *(attribute(name, f"feed.{name}") for name in ("error_code", "error_message", "last_event_at", "last_polled_at")),
    attribute("percent_read", "percent"),
    attribute("read_back_to", "progress.reached_at"),
    attribute("pages", "progress.pages"),
    attribute("new_events", "progress.events_new"),
    *(attribute(name, f"feed.{name}") for name in ("requests", "throttles", "errors", "unreadable")),
)
EXPORT = (
    column("id", "pk"),
    column("first_seen_at"),
    column("account", "feed__account__account_id"),
    column("region", "feed__region"),
    *map(column, ("event_id", "event_name", "reason", "digest")),
)


def show(request: HttpRequest) -> HttpResponseBase:
    feeds = Feed.objects.for_collection_screen().annotate(unreadable=Count("unreadable_records"))
    found = health(list(feeds), timezone.now())
    if form := exports.asked(request):
        return exports.answer(form, "collection", FEED_EXPORT, found.feeds)
    return render(request, "collection/show.html", {"health": found, "exports": exports.links()})


def unreadable(request: HttpRequest) -> HttpResponseBase:
    """The newest records, of all feeds or of the one in `feed`; or all of them as a file."""
    records = UnreadableRecord.objects.select_related("feed__account").defer("body").order_by("-first_seen_at", "-pk")
    asked, feed = request.GET.get("feed", ""), None
    if asked:
        feed = get_object_or_404(Feed.objects.select_related("account"), pk=int(asked) if is_number(asked) else 0)
        records = records.filter(feed=feed)
    if form := exports.asked(request):
        rows = records.select_related(None).values(*(column.path for column in EXPORT))
        return exports.answer(form, "unreadable-records", EXPORT, exports.newest_first(rows, "first_seen_at"))
    found = list(records[: NEWEST + 1])
    context = {
        "feed": feed,
        "records": found[:NEWEST],
        "limit": NEWEST,
        "more": len(found) > NEWEST,
        "exports": exports.links([("feed", asked)] if asked else []),
    }
    return render(request, "collection/unreadable.html", context)


def unreadable_detail(request: HttpRequest, pk: int) -> HttpResponse:
    record = get_object_or_404(UnreadableRecord.objects.select_related("feed__account"), pk=pk)
    return render(request, "collection/unreadable_detail.html", {"record": record, "raw": Raw.of(record.text)})


def is_number(text: str) -> bool:
    """Whether it can be a row's id; a longer one overflows the database's integers."""
    return text.isascii() and text.isdigit() and len(text) < 19
