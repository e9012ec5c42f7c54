import json
from collections.abc import Iterator
from typing import Any

import pytest

from ecsaudit.notifications.answer import Outcome
from ecsaudit.notifications.channels.teams import Teams, body_of
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.texts import Text, compose
from tests.notifications.other_sides import http_side

pytestmark = pytest.mark.usefixtures("this_machine_is_allowed")
# Elements of Adaptive Cards whose text is read as Markdown.
MARKDOWN = {"TextBlock", "FactSet", "Fact"}


def elements(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from elements(each)
    if isinstance(value, list):
        for each in value:
            yield from elements(each)


def test_a_message_is_posted_as_an_adaptive_card(notice: Notice) -> None:
    with http_side(status=202, body=b"") as side:
        answer = Teams().send(
            {}, {"url": side.url("/workflows/1?sig=x")}, notice, compose("teams", "", "", notice), list
        )
    assert (answer.outcome, answer.code) == (Outcome.ACCEPTED, "202")
    sent = side.got[0].json
    assert sent["type"] == "message"
    (attachment,) = sent["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["body"][0]["inlines"][0]["text"] == "[HIGH] Terminal Shell in ECS Container"
    assert [action["url"] for action in card["actions"]] == [
        "https://ecsaudit.example.com/findings/1/",
        "https://wiki.example.com/shells",
    ]


def test_hostile_text_stands_only_where_no_markdown_is_read(hostile_notice: Notice) -> None:
    card = json.loads(body_of(hostile_notice, compose("teams", "", "", hostile_notice)))
    found = list(elements(card))
    assert not MARKDOWN & {each.get("type") for each in found}
    runs = [each["text"] for each in found if each.get("type") == "TextRun"]
    assert any("*bold* [link](https://evil.example) `x`" in text for text in runs)
    assert not any("\n" in text for text in runs)


def test_no_more_is_sent_than_teams_takes(notice: Notice) -> None:
    body = body_of(notice, Text("title", "漢" * 12_000))
    assert len(body) <= 24_000
    assert "漢漢漢" in json.loads(body)["attachments"][0]["content"]["body"][1]["inlines"][0]["text"]


def test_lines_of_a_paragraph_stand_together(notice: Notice) -> None:
    card = json.loads(body_of(notice, Text("title", "a\nb\n\nc")))["attachments"][0]["content"]
    assert [block["spacing"] for block in card["body"]] == ["Default", "Default", "None", "Default"]


def test_the_signature_of_the_address_is_never_shown(notice: Notice) -> None:
    with http_side(status=401, body=b"bad signature abcdefghijkl") as side:
        answer = Teams().send({}, {"url": side.url("/w/1?sig=abcdefghijkl")}, notice, Text("t", "b"), list)
    assert (answer.outcome, "abcdefghijkl" in answer.text) == (Outcome.REFUSED, False)
