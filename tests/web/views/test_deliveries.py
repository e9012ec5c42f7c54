from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit.notifications import services
from ecsaudit.notifications.models import Attempt, Message, State
from ecsaudit.people.models import User
from ecsaudit.web import delivery_list
from tests import factories

pytestmark = pytest.mark.django_db
LIST, HOUR = "/deliveries/", timedelta(hours=1)


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def told(rule: str, state: str = "sent", name: str = "Security team", **fields: object) -> Message:
    """A finding of this rule, and its message as it stands."""
    now = timezone.now()
    finding, channel = factories.finding(rule=rule), factories.channel(name)
    policy = fields.pop("policy", "Everything")
    message = factories.message(channel=channel, state=state, created_at=now, policy=policy, **fields)
    factories.delivery(finding=finding, channel=channel, message=message, created_at=now, policy=policy)
    return message


def test_the_list_says_how_each_finding_stands_and_costs_five_queries(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    told("one", "sent", answer_code="200", accepted_at=now)
    told("two", "retrying", answer_code="503", next_attempt_at=now)
    told("three", "uncertain", answer_code="timeout")
    told("four", "calling")
    findings = [factories.finding(rule=f"throttled {number}") for number in range(2)]
    services.enqueue([factories.routing(each, throttle=HOUR, throttle_key="k") for each in findings], now)
    because = "the event was older than 24 h when it was found"
    services.enqueue([factories.routing(factories.finding(), not_sent=because)], now)
    # login session, user, what every page says, channels, page of deliveries: 5
    with django_assert_num_queries(5):
        page = html(as_vera, LIST)
    assert page.count('data-standing="') == 7
    for word in (
        "200, 20",
        "503; next try at",
        "timeout: it may have arrived",
        "Pending",
        f"until {now + HOUR:%Y-%m-%d %H:%M}",
        because,
    ):
        assert word in page


def test_deliveries_are_filtered_by_state_channel_policy_and_finding(as_vera: Client) -> None:
    now = timezone.now()
    sent, failed = told("told", name="Ops"), told("in vain", "failed", policy="Other")
    told("calling", "calling")
    held = [factories.finding(rule="first"), factories.finding(rule="kept back")]
    services.enqueue([factories.routing(each, throttle=HOUR, throttle_key="k") for each in held], now)
    services.enqueue([factories.routing(factories.finding(rule="too old"), not_sent="old")], now)
    finding = failed.deliveries.get().finding_id
    for address, rules in (
        ("standing=sent", {"told"}),
        ("standing=failed", {"in vain"}),
        ("standing=pending", {"calling", "first"}),
        ("standing=held", {"kept back"}),
        ("standing=not_sent", {"too old"}),
        ("standing=held&standing=sent", {"kept back", "told"}),
        ("-standing=pending&-standing=held", {"told", "in vain", "too old"}),
        (f"channel={sent.channel_id}", {"told"}),
        ("policy=Other", {"in vain"}),
        (f"finding={finding}", {"in vain"}),
        (f"message={sent.pk}", {"told"}),
        ("finding=x", set()),
        ("q=kept", {"kept back"}),
    ):
        page = html(as_vera, f"{LIST}?{address}")
        every = ("told", "in vain", "calling", "first", "kept back", "too old")
        assert {rule for rule in every if f"<bdi>{rule}</bdi>" in page} == rules, address
    assert "“channel” must be one of" in html(as_vera, f"{LIST}?channel=999999")


def test_facets_count_states_and_name_channels(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    told("one", name="Ops")
    told("two", "failed")
    # login session, user, what every page says, channels, the newest 1,000 matches, their states: 6
    with django_assert_num_queries(6):
        page = html(as_vera, f"{LIST}facets/")
    assert "Failed for good" in page
    assert "Ops" in page


def test_a_message_s_page_has_finding_and_channel_in_its_title(as_vera: Client) -> None:
    message = told("<i>one</i>", name="Sec & Ops", sent_title="A shell")
    finding = message.deliveries.get().finding_id
    title = f"&lt;i&gt;one&lt;/i&gt; (finding {finding})"
    page = html(as_vera, message.get_absolute_url())
    assert f"<title>{title} to Sec &amp; Ops · ecsaudit</title>" in page
    assert f"<h1><bdi>{title}</bdi> to <bdi>Sec &amp; Ops</bdi></h1>" in page
    findings = [factories.finding(rule="many") for _ in range(2)]
    many = factories.message(findings=findings, channel=message.channel)
    test = factories.message(channel=message.channel, purpose="test")
    assert "<h1><bdi>2 findings (many …)</bdi> to " in html(as_vera, many.get_absolute_url())
    assert "<h1><bdi>Test</bdi> to " in html(as_vera, test.get_absolute_url())


def test_an_empty_list_says_what_makes_deliveries(as_vera: Client) -> None:
    assert "Nobody was told anything yet" in html(as_vera, LIST)


def test_a_message_s_page_shows_text_findings_and_every_try(
    as_vera: Client, ann: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    message = told("one", "uncertain", answer_code="timeout", sent_title="A shell", sent_body="ana → web")
    for outcome, code in (("refused", "503"), ("", "")):
        Attempt.objects.create(
            message=message, at=factories.NOW, owner="x", outcome=outcome, code=code, text="over quota", asked_by=ann
        )
    # login session, user, what every page says, message and channel, findings, tries: 6
    with django_assert_num_queries(6):
        page = html(as_vera, message.get_absolute_url())
    for words in (
        "A shell",
        "ana → web",
        "Refused for now",
        "No answer was noted",
        "over quota",
        "for <bdi>ann</bdi>",
        "It may have arrived.",
    ):
        assert words in page
    assert "needs the role of an analyst" in page
    assert message.key in page


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("retrying", "Failed for now; the next try is at"),
        ("pending", "The text is made when the message is sent"),
        ("withdrawn", "It was not sent"),
    ],
)
def test_a_message_that_was_not_sent_says_what_comes(as_ann: Client, state: str, words: str) -> None:
    message = told("one", state)
    page = html(as_ann, message.get_absolute_url())
    assert words in page
    assert "Send again" not in page


def test_a_message_about_many_findings_leads_to_all_of_them(as_vera: Client) -> None:
    findings = [factories.finding() for _ in range(25)]
    message = factories.message(findings=findings, purpose="digest")
    page = html(as_vera, message.get_absolute_url())
    assert "25 findings that were held back" in page
    assert f'href="/deliveries/?message={message.pk}&amp;days=3650"' in page


def test_ann_sends_a_failed_message_again_and_the_page_says_who_wanted_it(as_ann: Client) -> None:
    message = told("one", "failed")
    page = as_ann.post(f"{message.get_absolute_url()}send-again/", follow=True).content.decode()
    message.refresh_from_db()
    assert message.state == State.PENDING
    assert "It goes out again in a moment." in page
    assert "<bdi>ann</bdi> asked at" in page
    page = as_ann.post(f"{message.get_absolute_url()}send-again/", follow=True).content.decode()
    assert "Nothing was changed: only a message that failed for good or is uncertain can be sent again." in page


def test_vera_sends_nothing_again_and_nobody_does_by_a_link(as_vera: Client, as_ann: Client, client: Client) -> None:
    message = told("one", "failed")
    address = f"{message.get_absolute_url()}send-again/"
    assert as_vera.post(address).status_code == 403
    assert as_ann.get(address).status_code == 405
    assert client.post(address).headers["Location"] == f"/login/?next={address}"
    message.refresh_from_db()
    assert message.state == State.FAILED


def test_a_test_that_failed_is_not_sent_again(as_ann: Client) -> None:
    message = factories.message(state="failed", purpose="test")
    assert "Send again" not in html(as_ann, message.get_absolute_url())
    as_ann.post(f"{message.get_absolute_url()}send-again/")
    message.refresh_from_db()
    assert message.state == State.FAILED


def test_the_rows_of_a_finding_and_of_a_channel_cost_a_query_each(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    message = told("one", name="Ops")
    delivery = message.deliveries.get()
    factories.delivery(finding=delivery.finding, channel=factories.channel("Also"), not_sent="old")
    with django_assert_num_queries(1):
        assert [row["channel"] for row in delivery_list.of_finding(delivery.finding_id)] == ["Also", "Ops"]
    with django_assert_num_queries(1):
        assert [row["rule"] for row in delivery_list.of_channel(message.channel_id)] == ["one"]


def test_every_screen_tells_ann_and_not_vera_that_messages_do_not_arrive(as_vera: Client, as_ann: Client) -> None:
    factories.channel("Ops", failures_in_a_row=3, failing_since=timezone.now())
    assert "Messages don't arrive" in html(as_ann, "/")
    assert "Messages don't arrive" not in html(as_vera, "/")
