import html
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit.cloudtrail.models import Feed
from tests import factories

pytestmark = pytest.mark.django_db
REFRESH = 'hx-trigger="every 2s"'


def page(client: Client, address: str = "/collection/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def feed(region: str = "eu-west-1", **fields: object) -> Feed:
    """A feed whose first read is complete."""
    now = timezone.now()
    owner = factories.account(alias="production")
    made = factories.feed(account=owner, region=region, last_polled_at=now - timedelta(seconds=12), **fields)
    factories.query(
        feed=made, backfill_from=now - timedelta(days=90), covered_from=now - timedelta(days=90), covered_to=now
    )
    return made


def test_a_row_tells_how_a_feed_stands(as_vera: Client) -> None:
    feed(requests=1_604, throttles=23, errors=5, last_event_at=timezone.now() - timedelta(hours=3))
    text = page(as_vera)
    for expected in ("production", "111122223333", "eu-west-1", "✓</span> Waiting", "3 h ago", "s ago", "complete"):
        assert expected in text
    for number in ("1604", "23", "5"):
        assert f">{number}</td>" in text
    assert REFRESH not in text


def test_an_error_is_told_with_its_code_and_what_to_mend(as_vera: Client) -> None:
    feed(state="denied", error_code="AccessDenied", error_message="not authorized — allow cloudtrail:LookupEvents")
    text = page(as_vera)
    assert "Access denied" in text
    assert "AccessDenied</span>: not authorized — allow cloudtrail:LookupEvents" in text


def test_a_first_read_is_shown_with_its_progress_and_renews_itself(as_vera: Client) -> None:
    now = timezone.now()
    factories.query(
        backfill_from=now - timedelta(days=90),
        covered_from=now - timedelta(days=46),
        covered_to=now,
        pages=7,
        events_new=300,
    )
    text = page(as_vera)
    assert REFRESH in text
    assert '<progress max="100" value="51" aria-label="First read">51 %</progress>' in text
    assert "7 pages, 300 events" in text
    assert f"back to {now - timedelta(days=46):%Y-%m-%d %H:%M} UTC" in text


def test_each_event_name_has_a_row(as_vera: Client) -> None:
    now = timezone.now()
    factories.query(
        event_name="StartSession",
        window_kind="backfill",
        window_from=now - timedelta(days=3),
        window_to=now,
        events_seen=51,
    )
    text = page(as_vera)
    assert "StartSession" in text
    assert "nothing yet" in text
    assert f"Backfill, {now - timedelta(days=3):%Y-%m-%d %H:%M} – {now:%Y-%m-%d %H:%M}" in text


def test_a_paused_account_is_told(as_vera: Client) -> None:
    factories.feed(account=factories.account(enabled=False))
    assert "‖</span> Paused" in page(as_vera)


def test_unreadable_records_are_counted_for_each_feed_and_the_count_leads_to_them(as_vera: Client) -> None:
    ours, other = feed(), feed("us-east-1")
    for _ in range(2):
        factories.unreadable_record(feed=ours, reason="ours")
    factories.unreadable_record(feed=other, reason="not ours")
    address = f"/collection/unreadable/?feed={ours.pk}"
    assert f'<a href="{address}">2</a>' in page(as_vera)
    listed = page(as_vera, address)
    assert listed.count("<td>ours</td>") == 2
    assert "<td>not ours</td>" not in listed


def test_without_an_account_it_says_how_to_begin(as_vera: Client) -> None:
    assert "manage.py load_sample" in page(as_vera)


def test_hostile_text_is_shown_harmlessly(as_vera: Client) -> None:
    made = factories.feed(account=factories.account(alias="<b>\u202e"), error_code="<i>", error_message="\x1b[2J<img>")
    factories.query(feed=made, event_name="<u>")
    text = page(as_vera)
    for raw in ("<b>", "<i>", "<img>", "<u>", "\x1b", "\u202e"):
        assert raw not in text
    assert "␛[2J&lt;img&gt;" in text


@pytest.mark.parametrize("feeds", [1, 9])
def test_it_costs_the_same_queries_for_any_number_of_feeds(
    as_vera: Client, feeds: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(feeds):
        factories.unreadable_record(feed=feed(f"eu-west-{number}"))
    # log-in session, user, is a sample loaded, feeds with account and count of unreadable records, queries
    with django_assert_num_queries(5):
        page(as_vera)


def test_unreadable_records_are_listed_newest_first(as_vera: Client) -> None:
    assert "Every record could be read" in page(as_vera, "/collection/unreadable/")
    for reason in ("first", "second"):
        factories.unreadable_record(reason=reason)
    text = page(as_vera, "/collection/unreadable/")
    assert text.index("<td>second</td>") < text.index("<td>first</td>")


def test_very_many_unreadable_records_are_cut_with_a_word(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(201):
        factories.unreadable_record(text="{" * 1_000)
    # log-in session, user, is a sample loaded, records with feed and account but without their bodies
    with django_assert_num_queries(4) as queries:
        text = page(as_vera, "/collection/unreadable/")
    assert text.count("not JSON") == 200
    assert "The newest 200 are shown." in text
    assert not any('"body"' in query["sql"] for query in queries.captured_queries)


@pytest.mark.parametrize("value", ["x", "0", "99", "9" * 30, "-1", "²"])
def test_records_of_a_feed_that_is_none_are_not_found(as_vera: Client, value: str) -> None:
    assert as_vera.get("/collection/unreadable/", {"feed": value}).status_code == 404


def test_an_unreadable_record_is_shown_as_it_came(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    record = factories.unreadable_record(
        text="{not json <script>alert(1)</script>\x00\x1b[31m", reason="not <b>JSON</b>"
    )
    # log-in session, user, is a sample loaded, record with feed and account
    with django_assert_num_queries(4):
        text = page(as_vera, f"/collection/unreadable/{record.pk}/")
    assert "{not json &lt;script&gt;alert(1)&lt;/script&gt;␀␛[31m</pre>" in text
    assert "not &lt;b&gt;JSON&lt;/b&gt;" in text


def test_a_huge_unreadable_record_is_cut_and_its_size_told(as_vera: Client) -> None:
    record = factories.unreadable_record(text="x" * 300_000)
    text = html.unescape(page(as_vera, f"/collection/unreadable/{record.pk}/"))
    assert len(text) < 110_000
    assert "The first 100,000 of 300000 characters." in text


def test_bytes_that_are_no_text_are_shown_too(as_vera: Client) -> None:
    record = factories.unreadable_record()
    record.body = b"\xff\xfe{"
    record.save()
    assert "��{" in page(as_vera, f"/collection/unreadable/{record.pk}/")


def test_a_record_that_is_not_there_is_not_found(as_vera: Client) -> None:
    assert as_vera.get("/collection/unreadable/1/").status_code == 404
