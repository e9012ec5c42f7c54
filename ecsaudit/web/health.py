"""How the collection stands, in words: each feed, and all of them together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ecsaudit.cloudtrail.models import Feed, FeedState
from ecsaudit.cloudtrail.progress import Progress, progress
from ecsaudit.web.times import span

# A feed that was not read for this long is worth a word.
STALE = timedelta(minutes=15)
GLYPHS = {
    FeedState.WAITING: "✓",
    FeedState.COLLECTING: "↻",
    FeedState.THROTTLED: "…",
    FeedState.FAILING: "!",
    FeedState.DENIED: "✕",
}


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """A feed with what its screens show beside its columns."""

    feed: Feed
    glyph: str
    read: str
    last_event: str
    progress: Progress
    percent: int
    is_stale: bool


@dataclass(frozen=True, slots=True)
class Health:
    feeds: Sequence[FeedHealth]
    progress: Progress
    percent: int
    sentence: str

    @property
    def is_reading_the_past(self) -> bool:
        return bool(self.feeds) and not self.progress.complete


def health(feeds: Sequence[Feed], now: datetime) -> Health:
    """`feeds` with account and queries fetched."""
    each = [feed_health(feed, now) for feed in feeds]
    together = progress((query for feed in feeds for query in feed.queries.all()), now)
    return Health(each, together, int(together.fraction * 100), sentence(each, together))


def feed_health(feed: Feed, now: datetime) -> FeedHealth:
    state = progress(feed.queries.all(), now)
    return FeedHealth(
        feed=feed,
        glyph=GLYPHS[FeedState(feed.state)],
        read=f"{span(now - feed.last_polled_at)} ago" if feed.last_polled_at else "not yet",
        last_event=f"{span(now - feed.last_event_at)} ago" if feed.last_event_at else "none",
        progress=state,
        percent=int(state.fraction * 100),
        is_stale=feed.last_polled_at is None or now - feed.last_polled_at > STALE,
    )


def sentence(feeds: Sequence[FeedHealth], together: Progress) -> str:
    if not feeds:
        return "No account is read yet."
    if not together.complete:
        return f"The first read is at {together.fraction:.0%}: {together.pages:,} pages, {together.events_new:,} events so far."
    failing = [each for each in feeds if each.feed.error_code]
    stale = [each for each in feeds if each.is_stale]
    pairs = f"{len(feeds)} account × Region pairs" if len(feeds) > 1 else "account × Region pair"
    if failing:
        return f"{len(failing)} of {pairs} can't be read now."
    if stale:
        return f"{len(stale)} of {pairs} {'has' if len(stale) == 1 else 'have'} not been read for over {span(STALE)}."
    return (
        f"All {pairs} were read in the last {span(STALE)}."
        if len(feeds) > 1
        else "The account is being read without a gap."
    )
