from collections.abc import Sequence
from datetime import timedelta

import pytest

from ecsaudit.cloudtrail.models import Event, EventBody
from ecsaudit.findings.models import Finding
from ecsaudit.securityhub.check import LARGEST_BATCH
from ecsaudit.securityhub.models import HubFinding, HubRegion, SentState
from ecsaudit.securityhub.rate import BURST, GET, PER_SECOND, Bucket
from tests import factories
from tests.securityhub.conftest import Hands
from tests.securityhub_api import Api

MANY = 10_000


def test_a_bucket_lets_a_burst_through_and_then_so_many_a_second() -> None:
    bucket = Bucket(BURST, factories.NOW)
    bucket.tokens -= BURST
    assert bucket.wait(1) == 1 / PER_SECOND
    bucket.refill(factories.NOW + timedelta(seconds=1))
    assert (bucket.tokens, bucket.wait(1), bucket.wait(GET * 5)) == (PER_SECOND, 0, 1.0)
    bucket.refill(factories.NOW + timedelta(hours=1))
    assert bucket.tokens == BURST


def test_a_clock_that_goes_back_gives_no_tokens() -> None:
    bucket = Bucket(0, factories.NOW)
    bucket.refill(factories.NOW - timedelta(hours=1))
    assert (bucket.tokens, bucket.at) == (0, factories.NOW)


def most_within(times: Sequence[float], seconds: float) -> int:
    """The most requests in any span of so many seconds."""
    return max(sum(start <= each < start + seconds for each in times) for start in times)


def store(count: int) -> None:
    """So many findings at once, each of an event of its own."""
    first = factories.finding()
    body = first.event.body.compressed
    columns = {name: getattr(first.event, name) for name in ("account", "event_name", "event_source", "region")}
    events = Event.objects.bulk_create(
        Event(event_id=f"many-{number}", event_time=factories.NOW, **columns) for number in range(count - 1)
    )
    EventBody.objects.bulk_create(EventBody(event=event, compressed=body) for event in events)
    copied = ("account", "session", "rule", "priority", "tag_set", "source", "output", "output_fields", "region",
              "event_time", "group")  # fmt: skip
    columns = {name: getattr(first, name) for name in copied}
    Finding.objects.bulk_create(Finding(event=event, **columns) for event in events)


@pytest.mark.django_db
def test_ten_thousand_findings_keep_to_the_sizes_and_to_the_rate(api: Api, hub: HubRegion, hands: Hands) -> None:
    store(MANY)
    before = hands.now()
    while Finding.objects.filter(hub_is_stale=True).exists():
        row = hands.turn(hub)
        assert (row.error_code, row.throttles) == ("", 0)
    assert len(api.findings) == HubFinding.objects.filter(state=SentState.SENT).count() == MANY
    assert set(api.writes.values()) == {1}
    assert {each.findings for each in api.asked} == {100}
    assert max(each.bytes for each in api.asked) <= LARGEST_BATCH
    times = [each.at for each in api.asked]
    assert len(times) == MANY // 100
    assert most_within(times, 1) <= BURST + PER_SECOND
    assert most_within(times, 5) <= BURST + 5 * PER_SECOND
    # No slower than the rate allows.
    assert hands.now() - before < timedelta(seconds=MANY / 100 / PER_SECOND)


@pytest.mark.django_db
def test_the_rate_is_kept_from_turn_to_turn_and_from_worker_to_worker(api: Api, hub: HubRegion, hands: Hands) -> None:
    for number in range(28):
        factories.finding(rule=f"Rule {number}")
        hands.turn(hub, later=0)
    assert len(api.asked) == 28
    assert most_within([each.at for each in api.asked], 1) <= BURST + PER_SECOND
    row = HubRegion.objects.get()
    assert row.tokens < 1
