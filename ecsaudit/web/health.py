"""How the collection stands, in words: each feed, and all of them together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from ecsaudit.cloudtrail.models import Feed, FeedState
from ecsaudit.cloudtrail.progress import Progress, progress
from ecsaudit.visible import shortened
from ecsaudit.web.times import span

# A feed of an account that somebody switched off; to the collector it is just not due.
PAUSED = "paused"
GLYPHS = {
    FeedState.WAITING.value: "✓",
    FeedState.COLLECTING.value: "↻",
    FeedState.THROTTLED.value: "…",
    FeedState.FAILING.value: "!",
    FeedState.DENIED.value: "✕",
    PAUSED: "‖",
}
WORDS = dict(FeedState.choices) | {PAUSED: "Paused"}
BROKEN = (FeedState.FAILING.value, FeedState.DENIED.value)
# A feed that was not read for this long, or for three times its pace, is worth a word.
STALE = timedelta(minutes=15)
RECENT = (
    (timedelta(minutes=1), "minute"),
    (timedelta(minutes=5), "5 minutes"),
    (timedelta(minutes=15), "15 minutes"),
    (timedelta(hours=1), "hour"),
)
# A sentence names this many feeds; of more it gives the number.
NAMED = 2


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """A feed with what its screens show beside its columns; `name`, `read` and the like are ready to be looked at."""

    feed: Feed
    name: str
    state: str
    word: str
    glyph: str
    read: str
    unread_for: timedelta | None
    last_event: str
    progress: Progress
    percent: int

    @property
    def is_broken(self) -> bool:
        return self.state in BROKEN


@dataclass(frozen=True, slots=True)
class Health:
    """All feeds together; `progress` leaves out those that are switched off."""

    feeds: Sequence[FeedHealth]
    progress: Progress
    percent: int
    sentence: str

    @property
    def is_reading_the_past(self) -> bool:
        """Whether more of the first read will come by itself: what is broken or switched off waits for a person."""
        return any(not each.progress.complete and not each.is_broken and each.state != PAUSED for each in self.feeds)


def health(feeds: Sequence[Feed], now: datetime) -> Health:
    """`feeds` with account and queries fetched."""
    each = [feed_health(feed, now) for feed in feeds]
    active = [one for one in each if one.state != PAUSED]
    together = progress((query for one in active for query in one.feed.queries.all()), now)
    # A feed that nobody has turned to yet has no queries; it counts all the same, or the bar would go back.
    percent = int(100 * sum(one.progress.fraction for one in active) / len(active)) if active else 0
    return Health(each, together, percent, sentence(each, together, percent))


def feed_health(feed: Feed, now: datetime) -> FeedHealth:
    done = progress(feed.queries.all(), now)
    state = feed.state if feed.account.enabled else PAUSED
    return FeedHealth(
        feed=feed,
        name=shortened(f"{feed.account} {feed.region}", 80),
        state=state,
        word=WORDS[state],
        glyph=GLYPHS[state],
        read=ago(now, feed.last_polled_at) or "not yet",
        unread_for=now - feed.last_polled_at if feed.last_polled_at else None,
        last_event=ago(now, feed.last_event_at) or "none",
        progress=done,
        percent=int(done.fraction * 100),
    )


def ago(now: datetime, moment: datetime | None) -> str:
    return f"{span(now - moment)} ago" if moment else ""


def sentence(feeds: Sequence[FeedHealth], together: Progress, percent: int) -> str:
    """What is wrong first, then how far the first read is; or that all is well, with its proof."""
    active = [each for each in feeds if each.state != PAUSED]
    if not feeds:
        return "No account is read yet."
    if not active:
        return "Reading is switched off for every account."
    broken = [each for each in active if each.is_broken]
    stale = [each for each in active if not each.is_broken and is_stale(each)]
    said = []
    if broken:
        said.append(f"{some(broken, len(active))} can't be read now.")
    if stale:
        said.append(stale_sentence(stale, len(active)))
    if any(not each.progress.complete for each in active):
        said.append(
            f"The first read is at {percent} %: {together.pages:,} pages, {together.events_new:,} events so far."
        )
    return " ".join(said) or well_sentence(active)


def is_stale(each: FeedHealth) -> bool:
    """Read once and then no more. What was never read is told by the progress."""
    return each.unread_for is not None and each.unread_for > max(STALE, 3 * timedelta(seconds=settings.POLL_SECONDS))


def stale_sentence(stale: Sequence[FeedHealth], of: int) -> str:
    longest = span(max(each.unread_for or timedelta() for each in stale))
    if len(stale) == 1:
        return f"{some(stale, of)} has not been read for {longest}."
    return f"{some(stale, of)} have not been read for up to {longest}."


def well_sentence(active: Sequence[FeedHealth]) -> str:
    oldest = max(each.unread_for or timedelta() for each in active)
    recent = next((words for limit, words in RECENT if oldest <= limit), span(oldest))
    if len(active) == 1:
        return f"{active[0].name} was read in the last {recent}."
    return f"All {len(active)} account × Region pairs were read in the last {recent}."


def some(feeds: Sequence[FeedHealth], of: int) -> str:
    """`production eu-west-1`, or `3 of 7 account × Region pairs`."""
    if len(feeds) <= NAMED:
        return " and ".join(each.name for each in feeds)
    return f"{len(feeds)} of {of} account × Region pairs"
