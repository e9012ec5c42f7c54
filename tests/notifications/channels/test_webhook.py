import hmac
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from ecsaudit.notifications.answer import Outcome
from ecsaudit.notifications.channels.webhook import Webhook
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.texts import Text, compose
from tests.notifications.conftest import HOSTILE
from tests.notifications.other_sides import Got, http_side

pytestmark = pytest.mark.usefixtures("this_machine_is_allowed")
SECRETS = {"secret": "a secret that both sides know"}


def send(notice: Notice) -> Got:
    with http_side() as side:
        answer = Webhook().send({"url": side.url()}, SECRETS, notice, compose("webhook", "", "", notice), list)
    assert answer.outcome == Outcome.ACCEPTED
    return side.got[0]


def test_the_receiver_can_prove_who_sent_it_and_when(notice: Notice) -> None:
    got = send(notice)
    timestamp = got.headers["ECSAudit-Timestamp"]
    assert abs(time.time() - int(timestamp)) < 10
    signed = timestamp.encode() + b"." + got.body
    expected = hmac.new(SECRETS["secret"].encode(), signed, sha256).hexdigest()
    assert got.headers["ECSAudit-Signature"] == f"v1={expected}"


def test_every_try_has_the_same_idempotency_key(notice: Notice) -> None:
    assert [send(notice).headers["Idempotency-Key"] for _ in range(2)] == [notice.key, notice.key]
    assert Webhook().drops_repeats_for({}) == timedelta(0)


def test_the_body_has_its_documented_shape(notice: Notice) -> None:
    until = datetime(2026, 11, 2, 14, 5, tzinfo=UTC)
    sent = send(replace(notice, held_back=11, held_until=until, count=12)).json
    assert {
        name: sent[name] for name in ("version", "key", "severity", "count", "held_back", "held_until", "is_test")
    } == {
        "version": 1,
        "key": notice.key,
        "severity": "HIGH",
        "count": 12,
        "held_back": 11,
        "held_until": "2026-11-02T14:05:00+00:00",
        "is_test": False,
    }
    assert sent["text"]["title"] == "[HIGH] Terminal Shell in ECS Container"
    assert sent["findings"] == [
        {
            "title": "ana@example.com opened a shell in prod/web",
            "rule": "Terminal Shell in ECS Container",
            "priority": "Warning",
            "output": "An interactive terminal shell has been executed inside an ECS container",
            "person": "ana@example.com",
            "target": "prod-payments/web",
            "account": "111122223333",
            "region": "eu-west-1",
            "command": "/bin/sh",
            "source_ip_address": "203.0.113.7",
            "event_time": "2026-11-02T12:00:00+00:00",
            "url": "https://ecsaudit.example.com/findings/1/",
            "tags": ["aws_ecs_exec"],
        }
    ]


def test_hostile_text_comes_as_it_was_written_and_in_no_header(hostile_notice: Notice) -> None:
    got = send(hostile_notice)
    assert got.json["findings"][0]["command"] == HOSTILE
    assert not any("evil" in value for value in got.headers.values())


def test_the_form_is_told_what_is_wrong(notice: Notice) -> None:
    found = Webhook().check({"url": "https://10.0.0.1/"}, {"secret": "short"})
    assert [problem.field for problem in found] == ["url", "secret"]
    assert Webhook().check({"url": "https://hooks.example.com/"}, SECRETS) == []


def test_the_secret_is_not_sent(notice: Notice) -> None:
    got = send(notice)
    assert SECRETS["secret"] not in got.body.decode() + str(got.headers)


def test_what_before_call_raises_stops_the_message(notice: Notice) -> None:
    def before_call() -> None:
        raise LookupError

    with http_side() as side:
        with pytest.raises(LookupError):
            Webhook().send({"url": side.url()}, SECRETS, notice, Text("t", "b"), before_call)
        assert side.got == []
