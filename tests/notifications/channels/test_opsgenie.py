from dataclasses import replace
from datetime import timedelta

import pytest

from ecsaudit.notifications.answer import Outcome
from ecsaudit.notifications.channels import opsgenie
from ecsaudit.notifications.channels.opsgenie import Opsgenie, alert
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.texts import Text, compose
from tests.notifications.conftest import HOSTILE, notice_of, told
from tests.notifications.other_sides import http_side

pytestmark = pytest.mark.usefixtures("this_machine_is_allowed")
SECRETS = {"api_key": "abcdef01-2345-6789-abcd-ef0123456789"}


@pytest.mark.parametrize("region", ["us", "eu"])
def test_a_message_makes_an_alert_in_the_account_s_region(
    region: str, notice: Notice, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_side(status=202, body=b'{"result":"Request will be processed"}') as side:
        monkeypatch.setitem(opsgenie.ADDRESSES, region, side.url("/v2/alerts"))
        answer = Opsgenie().send({"region": region}, SECRETS, notice, compose("opsgenie", "", "", notice), list)
    assert (answer.outcome, answer.text) == (Outcome.ACCEPTED, '{"result":"Request will be processed"}')
    assert side.got[0].headers["Authorization"] == f"GenieKey {SECRETS['api_key']}"
    sent = side.got[0].json
    assert (sent["message"], sent["priority"]) == ("[HIGH] Terminal Shell in ECS Container", "P2")
    assert (sent["alias"], sent["entity"]) == (notice.about, "prod-payments/web")
    assert sent["tags"] == ["aws_ecs_exec"]


@pytest.mark.parametrize(
    ("label", "priority"),
    [("CRITICAL", "P1"), ("HIGH", "P2"), ("MEDIUM", "P3"), ("LOW", "P4"), ("INFORMATIONAL", "P5")],
)
def test_severities_are_opsgenie_s_priorities(notice: Notice, label: str, priority: str) -> None:
    assert alert(replace(notice, severity=label), Text("t", "b"))["priority"] == priority


def test_opsgenie_s_limits_are_kept() -> None:
    long = notice_of(told(target="x" * 600, tags=tuple(f"tag-{number}" for number in range(40))), about="x" * 600)
    found = alert(long, Text("x" * 200, "x" * 20_000))
    lengths = {name: len(str(found[name])) for name in ("message", "alias", "description", "entity")}
    assert lengths == {"message": 130, "alias": 64, "description": 15_000, "entity": 512}
    tags = found["tags"]
    assert isinstance(tags, list)
    assert len(tags) == 20


def test_a_test_does_not_count_up_what_is_open(notice: Notice) -> None:
    assert alert(replace(notice, is_test=True), Text("t", "b"))["alias"] == notice.key
    assert Opsgenie().drops_repeats_for({}) == timedelta(minutes=5)


def test_an_alert_that_opsgenie_never_takes_is_rejected_and_the_key_not_shown(
    notice: Notice, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_side(status=422, body=f"key {SECRETS['api_key']} is not valid".encode()) as side:
        monkeypatch.setitem(opsgenie.ADDRESSES, "us", side.url())
        answer = Opsgenie().send({"region": "us"}, SECRETS, notice, Text("t", "b"), list)
    assert (answer.outcome, answer.text) == (Outcome.REJECTED, "key ••• is not valid")


def test_hostile_text_stays_in_its_fields(hostile_notice: Notice) -> None:
    found = alert(hostile_notice, compose("opsgenie", "", "", hostile_notice))
    assert "\n" not in str(found["message"])
    assert found["entity"] == HOSTILE
