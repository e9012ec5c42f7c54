import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit.execsessions.daily_counts import Tally
from tests import factories

pytestmark = pytest.mark.django_db
TODAY = timezone.now().replace(hour=0, minute=0, second=1, microsecond=0)


def page(client: Client, address: str = "/") -> str:
    return html.unescape(client.get(address).content.decode())


def words(text: str) -> str:
    """The text without its tags."""
    return " ".join(re.sub(r"<[^>]*>", "", text).split())


def counted(days_ago: int = 0, *, findings: int = 0, priority: int = 4, **fields: str) -> None:
    """A session and its findings, in the tables and in the roll-up."""
    started_at = TODAY - timedelta(days=days_ago)
    session = factories.exec_session(started_at=started_at, **fields)
    tally = Tally()
    tally.session(session, 1)
    for number in range(findings):
        made = factories.finding(session=session, rule=f"Rule {number}", priority=priority)
        tally.finding(started_at.date(), made.rule, made.tag_set_id)
    tally.save(session.account_id)


def test_the_sentences_tell_what_happened(as_vera: Client) -> None:
    counted(findings=2, priority=3)
    counted(3, person="bo@example.com", outcome="denied", findings=1)
    counted(29, person="bo@example.com", cluster="", kind="around")
    counted(30, person="too.old@example.com")
    text = words(page(as_vera))
    assert "3 exec sessions by 2 people in 1 cluster in the last 30 days: 1 denied, 1 opened around ECS Exec." in text
    assert "3 findings: 2 Error or worse, 1 Warning, none Notice or lower." in text
    assert "too.old@example.com" not in text


def test_a_shorter_range_leaves_out_the_older(as_vera: Client) -> None:
    counted()
    counted(6)
    counted(7)
    assert "2 exec sessions by 1 person in 1 cluster in the last 7 days" in words(page(as_vera, "/?days=7"))


@pytest.mark.parametrize("days", ["8", "x", "", "-7", "9" * 5_000])
def test_a_range_that_is_none_is_told_and_30_days_are_shown(as_vera: Client, days: str) -> None:
    counted(20)
    text = page(as_vera, f"/?days={days}")
    assert "“days” must be one of 7, 30, 90." in text
    assert "in the last 30 days" in text


def test_each_number_leads_to_the_list_that_it_counts(as_vera: Client) -> None:
    counted(findings=1)
    counted(outcome="denied", kind="exec")
    counted(outcome="denied", kind="around", person="bo@example.com")
    links = re.findall(r'<a href="(/(?:sessions|findings)/\?[^"]*)">(\d+) [^<]*</a>', page(as_vera))
    assert [int(number) for _, number in links] == [3, 1, 1, 1, 1]
    for address, number in links:
        assert as_vera.get(address).content.decode().count('<td class="nowrap">') == int(number), address


def test_each_day_is_a_bar_that_leads_to_its_sessions(as_vera: Client) -> None:
    counted(2)
    counted(2, outcome="denied")
    text = page(as_vera, "/?days=7")
    day = (TODAY - timedelta(days=2)).date().isoformat()
    assert text.count('<rect class="hit"') == 7
    assert f'<a href="/sessions/?from={day}&to={day}" aria-label="{day}: 1 opened, 1 denied">' in text
    assert f'<th scope="row"><a href="/sessions/?from={day}&to={day}">{day}</a></th><td>1</td><td>1</td>' in text


def test_the_busiest_are_listed_first_and_only_five(as_vera: Client) -> None:
    for number in range(6):
        for _ in range(number + 1):
            counted(person=f"person-{number}")
    text = page(as_vera)
    people = text[text.index('id="people"') : text.index('id="clusters"')]
    assert re.findall(r"<bdi>([^<]*)</bdi></span> <span class=\"number\">(\d+)", people) == [
        ("person-5", "6"), ("person-4", "5"), ("person-3", "4"), ("person-2", "3"), ("person-1", "2"),
    ]  # fmt: skip
    assert f"/sessions/?from={(TODAY - timedelta(days=29)).date()}&person=person-5" in people


def test_the_newest_findings_are_shown(as_vera: Client) -> None:
    for number in range(6):
        counted(number, findings=1)
    rows = page(as_vera).count('<span class="priority" data-priority="4">Warning</span>')
    assert rows == 5


def test_each_feed_has_a_cell_that_leads_to_its_row(as_vera: Client) -> None:
    feed = factories.feed(account=factories.account(alias="production"), state="denied", error_code="AccessDenied")
    text = page(as_vera)
    assert f'data-state="denied" href="/collection/#feed-{feed.pk}" title="Access denied"' in text
    assert "production eu-west-1 can't be read now." in text


def test_without_an_account_it_says_how_to_begin(as_vera: Client, as_adam: Client) -> None:
    text = page(as_vera)
    assert "No account is read yet" in text
    assert "manage.py load_sample" in text
    assert "<svg" not in text
    assert "add an account by hand" not in text
    assert 'href="/admin/cloudtrail/account/add/"' in page(as_adam)


def test_hostile_names_are_shown_harmlessly(as_vera: Client) -> None:
    factories.feed(account=factories.account(alias="<img src=x>\x1b[2J"))
    counted(person="<script>alert(1)</script>\u202e", cluster='\n"><b>', findings=1)
    text = as_vera.get("/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;‹U+202E›" in text
    assert "&lt;img src=x&gt;␛[2J" in text
    for raw in ("<script>", "<b>", "<img src=x", "\u202e", "\x1b"):
        assert raw not in text


def test_it_costs_the_same_few_queries_however_much_there_is(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(8):
        feed = factories.feed(region=f"eu-west-{number}")
        factories.query(feed=feed)
        counted(number, findings=3, person=f"person-{number}")
    # log-in session, user, is a sample loaded,
    # sessions by day, people, clusters,
    # findings in the roll-up, those of ecsaudit itself, and by three groups of priority,
    # top people, clusters and rules, newest findings,
    # feeds, their queries
    with django_assert_num_queries(17):
        page(as_vera)
