"""Slack, by an incoming webhook.

Texts go into plain_text objects, where Slack reads no formatting, with the three characters escaped that it acts on
everywhere; so `<!channel>`, `<address|text>` and `*` are shown as they were written.
"""

from collections.abc import Iterator

from ecsaudit.notifications.answer import Answer
from ecsaudit.notifications.channels.kind import (
    BeforeCall,
    Field,
    Kind,
    Problem,
    Values,
    json_bytes,
    pieces,
    problem_with_url,
)
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.outgoing import post
from ecsaudit.notifications.texts import Text

# Slack's limits, in characters after escaping.
LONGEST_HEADER = 150
LONGEST_SECTION = 3_000
LONGEST_ENTITY = len("&amp;")
MOST_SECTIONS = 20


class Slack(Kind):
    key = "slack"
    label = "Slack"
    about = "An incoming webhook of a Slack app, which posts into one Slack channel."
    fields = (
        Field(
            "url",
            "Webhook address",
            "Slack shows it under Incoming Webhooks: https://hooks.slack.com/services/…",
            secret=True,
        ),
    )

    def problems(self, settings: Values, secrets: Values) -> Iterator[Problem]:
        yield from problem_with_url("url", secrets["url"])

    def deliver(self, settings: Values, secrets: Values, notice: Notice, text: Text, before_call: BeforeCall) -> Answer:
        headers = {"Content-Type": "application/json"}
        return post(secrets["url"], body=json_bytes(payload(notice, text)), headers=headers, before_call=before_call)


def payload(notice: Notice, text: Text) -> dict[str, object]:
    blocks: list[dict[str, object]] = [{"type": "header", "text": plain_text(shorter(text.title, LONGEST_HEADER))}]
    blocks += [
        {"type": "section", "text": plain_text(escaped(piece))}
        for piece in pieces(text.body, LONGEST_SECTION // 5, MOST_SECTIONS)
    ]
    links = [("Open in ecsaudit", notice.url), ("Runbook", notice.runbook_url)]
    if shown := "  ·  ".join(link(label, address) for label, address in links if is_web(address)):
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": shown}]})
    # `text` is what a phone's notification shows.
    return {
        "text": escaped(text.title),
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": blocks,
    }


def plain_text(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text, "emoji": False}


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shorter(text: str, length: int) -> str:
    """Escaped and at most `length` characters long, without half an entity at its end."""
    while len(escaped(text)) > length:
        text = f"{text[:-2]}…"
    return escaped(text)


def link(label: str, address: str) -> str:
    return f"<{escaped(address).replace('|', '%7C')}|{label}>"


def is_web(address: str) -> bool:
    return address.startswith(("https://", "http://"))
