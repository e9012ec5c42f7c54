from typing import Any

import pytest

from ecsaudit.notifications.answer import Outcome
from ecsaudit.notifications.channels.slack import Slack, payload
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.texts import Text, compose
from tests.notifications.other_sides import http_side

pytestmark = pytest.mark.usefixtures("this_machine_is_allowed")


def texts(blocks: list[dict[str, Any]], kind: str) -> list[str]:
    """Every text object of a type, wherever it stands."""
    objects = [block["text"] for block in blocks if "text" in block]
    objects += [element for block in blocks for element in block.get("elements", [])]
    return [each["text"] for each in objects if each["type"] == kind]


def test_a_message_is_posted_as_blocks(notice: Notice) -> None:
    with http_side() as side:
        answer = Slack().send(
            {}, {"url": side.url("/services/T0/B0/x")}, notice, compose("slack", "", "", notice), list
        )
    assert (answer.outcome, answer.text) == (Outcome.ACCEPTED, "ok")
    sent = side.got[0].json
    assert side.got[0].path == "/services/T0/B0/x"
    assert sent["text"] == "[HIGH] Terminal Shell in ECS Container"
    assert [block["type"] for block in sent["blocks"]] == ["header", "section", "context"]
    assert texts(sent["blocks"], "mrkdwn") == [
        "<https://ecsaudit.example.com/findings/1/|Open in ecsaudit>  ·  <https://wiki.example.com/shells|Runbook>"
    ]


def test_hostile_text_is_never_read_as_markup(hostile_notice: Notice) -> None:
    sent = payload(hostile_notice, compose("slack", "", "", hostile_notice))
    blocks = sent["blocks"]
    assert isinstance(blocks, list)
    written = [str(sent["text"]), *texts(blocks, "plain_text")]
    assert not any(character in text for text in written for character in "<>")
    assert any("&lt;!channel&gt; &lt;https://evil.example|click&gt; &amp; *bold*" in text for text in written)
    assert all("evil" not in text for text in texts(blocks, "mrkdwn"))


def test_an_address_can_not_leave_its_link(notice: Notice) -> None:
    sly = Notice(**{name: getattr(notice, name) for name in notice.__slots__} | {"url": "https://x/>|a|<!here>"})
    blocks = payload(sly, Text("t", "b"))["blocks"]
    assert isinstance(blocks, list)
    assert texts(blocks, "mrkdwn")[0].startswith("<https://x/&gt;%7Ca%7C&lt;!here&gt;|Open in ecsaudit>")


def test_slack_s_limits_are_kept_after_escaping(notice: Notice) -> None:
    blocks = payload(notice, Text("&" * 200, "&" * 12_000))["blocks"]
    assert isinstance(blocks, list)
    header, *sections = texts(blocks, "plain_text")
    assert len(header) <= 150
    assert header.replace("&amp;", "") == "…"
    assert all(len(text) <= 3_000 for text in sections)
    assert sum(text.count("&amp;") for text in sections) == 12_000
    assert len(blocks) <= 50


def test_slack_s_refusal_is_shown_without_the_secret_address(notice: Notice) -> None:
    with http_side(status=404, body=b"no_service /services/T0/B0/secret-part") as side:
        answer = Slack().send({}, {"url": side.url("/services/T0/B0/secret-part")}, notice, Text("t", "b"), list)
    assert (answer.outcome, answer.code, answer.text) == (Outcome.REFUSED, "404", "no_service •••")


def test_a_redirect_does_not_show_the_secret_address(notice: Notice) -> None:
    location = {"Location": "https://elsewhere.example/services/T0/B0/secret-part?x=1"}
    with http_side(status=302, headers=location) as side:
        answer = Slack().send({}, {"url": side.url("/services/T0/B0/secret-part")}, notice, Text("t", "b"), list)
    assert "https://elsewhere.example•••?x=1" in answer.text


def test_a_private_address_is_a_problem_of_the_form() -> None:
    (problem,) = Slack().check({}, {"url": "https://10.0.0.1/services/secret-part"})
    assert problem.field == "url"
    assert "10.0.0.1 is not an address of the public internet" in problem.text
    assert "secret-part" not in problem.text
    assert Slack().check({}, {"url": "https://hooks.slack.com/services/T0/B0/x"}) == []
