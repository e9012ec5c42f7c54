from dataclasses import replace
from datetime import timedelta

import pytest

from ecsaudit.notifications.answer import Outcome
from ecsaudit.notifications.channels import pagerduty
from ecsaudit.notifications.channels.pagerduty import PagerDuty, event
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.texts import Text, compose
from tests.notifications.conftest import HOSTILE
from tests.notifications.other_sides import Side, http_side

pytestmark = pytest.mark.usefixtures("this_machine_is_allowed")
SECRETS = {"routing_key": "0123456789abcdef0123456789abcdef"}


def test_a_message_triggers_an_event(notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    with http_side(status=202, body=b'{"status":"success"}') as side:
        monkeypatch.setitem(pagerduty.ADDRESSES, "us", side.url("/v2/enqueue"))
        answer = PagerDuty().send({"region": "us"}, SECRETS, notice, compose("pagerduty", "", "", notice), list)
    assert (answer.outcome, answer.code) == (Outcome.ACCEPTED, "202")
    sent = side.got[0].json
    assert (sent["routing_key"], sent["event_action"]) == (SECRETS["routing_key"], "trigger")
    assert sent["payload"]["summary"] == "[HIGH] Terminal Shell in ECS Container"
    assert sent["payload"]["source"] == "prod-payments/web"
    assert sent["payload"]["timestamp"] == "2026-11-02T12:00:00+00:00"
    assert [link["href"] for link in sent["links"]] == [notice.url, notice.runbook_url]


@pytest.mark.parametrize(
    ("label", "severity"),
    [("CRITICAL", "critical"), ("HIGH", "error"), ("MEDIUM", "warning"), ("LOW", "info"), ("INFORMATIONAL", "info")],
)
def test_severities_are_pagerduty_s(notice: Notice, label: str, severity: str) -> None:
    payload = event(replace(notice, severity=label), Text("t", "b"))["payload"]
    assert isinstance(payload, dict)
    assert payload["severity"] == severity


def test_what_is_about_the_same_thing_shares_a_key_and_a_test_does_not(notice: Notice) -> None:
    again = replace(notice, key="another")
    assert event(notice, Text("t", "b"))["dedup_key"] == event(again, Text("t", "b"))["dedup_key"] == notice.about
    assert event(replace(notice, is_test=True), Text("t", "b"))["dedup_key"] == notice.key
    long = event(replace(notice, about="x" * 300), Text("t", "b"))["dedup_key"]
    assert isinstance(long, str)
    assert len(long) == 64
    assert PagerDuty().drops_repeats_for({}) == timedelta(minutes=5)


def test_each_service_region_has_its_own_address(notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(region: str, side: Side) -> None:
        monkeypatch.setitem(pagerduty.ADDRESSES, region, side.url())
        PagerDuty().send({"region": region}, SECRETS, notice, Text("t", "b"), list)

    with http_side() as us, http_side() as eu:
        send("us", us)
        send("eu", eu)
        send("eu", eu)
        assert (len(us.got), len(eu.got)) == (1, 2)
    assert [problem.text for problem in PagerDuty().check({"region": "mars"}, SECRETS)] == [
        "Service region must be one of US, EU"
    ]


def test_a_wrong_key_may_be_mended_and_is_not_shown(notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    said = f'{{"status":"invalid event","errors":["routing_key {SECRETS["routing_key"]} is wrong"]}}'
    with http_side(status=400, body=said.encode()) as side:
        monkeypatch.setitem(pagerduty.ADDRESSES, "us", side.url())
        answer = PagerDuty().send({"region": "us"}, SECRETS, notice, Text("t", "b"), list)
    assert answer.outcome == Outcome.REFUSED
    assert "routing_key ••• is wrong" in answer.text


def test_hostile_text_stays_in_its_fields(hostile_notice: Notice) -> None:
    found = event(hostile_notice, compose("pagerduty", "", "", hostile_notice))
    payload = found["payload"]
    assert isinstance(payload, dict)
    assert "\n" not in payload["summary"]
    assert payload["class"] == HOSTILE
    assert found["links"] == [
        {"text": "Open in ecsaudit", "href": hostile_notice.url},
        {"text": "Runbook", "href": hostile_notice.runbook_url},
    ]
