"""Microsoft Teams, by the webhook of a workflow (“Post to a channel when a webhook request is received”).

The message is an Adaptive Card 1.4. Texts stand in TextRuns, which know no Markdown (a TextBlock does), so that what
attackers write is shown as it was written.
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
    problem_with_url,
)
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.outgoing import NEVER_BUT_400, post
from ecsaudit.notifications.texts import Text, cut

# Teams takes 28 KB for the whole card; a character may be six bytes in JSON.
LONGEST_BYTES = 24_000
COLOURS = {
    "CRITICAL": "Attention",
    "HIGH": "Attention",
    "MEDIUM": "Warning",
    "LOW": "Accent",
    "INFORMATIONAL": "Default",
}


class Teams(Kind):
    key = "teams"
    label = "Microsoft Teams"
    about = "A workflow that posts what its webhook gets into a chat or a channel."
    fields = (
        Field("url", "Webhook address", "The workflow shows it once it is saved; it ends in a signature.", secret=True),
    )

    def problems(self, settings: Values, secrets: Values) -> Iterator[Problem]:
        yield from problem_with_url("url", secrets["url"])

    def deliver(self, settings: Values, secrets: Values, notice: Notice, text: Text, before_call: BeforeCall) -> Answer:
        headers = {"Content-Type": "application/json"}
        body = body_of(notice, text)
        # 400 is said of a workflow that is switched off as well.
        return post(secrets["url"], body=body, headers=headers, before_call=before_call, never=NEVER_BUT_400)


def body_of(notice: Notice, text: Text) -> bytes:
    """The card as JSON, with as much of the text as Teams takes."""
    length = len(text.body)
    while len(body := json_bytes(message(notice, text.title, cut(text.body, length)))) > LONGEST_BYTES and length:
        length = length * 3 // 4
    return body


def message(notice: Notice, title: str, body: str) -> dict[str, object]:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": "ecsaudit has findings; open it to see them.",
        "msteams": {"width": "Full"},
        "body": [
            runs(
                [
                    {
                        "text": title,
                        "weight": "Bolder",
                        "size": "Medium",
                        "color": COLOURS.get(notice.severity, "Default"),
                    }
                ]
            ),
            *(runs([{"text": line}], paragraph=not before) for before, line in lines_of(body)),
        ],
        "actions": [
            {"type": "Action.OpenUrl", "title": label, "url": address}
            for label, address in (("Open in ecsaudit", notice.url), ("Runbook", notice.runbook_url))
            if address.startswith(("https://", "http://"))
        ],
    }
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        ],
    }


def runs(texts: list[dict[str, str]], *, paragraph: bool = True) -> dict[str, object]:
    inlines = [{"type": "TextRun", **text} for text in texts]
    return {"type": "RichTextBlock", "spacing": "Default" if paragraph else "None", "inlines": inlines}


def lines_of(body: str) -> list[tuple[str, str]]:
    """Each line that is not empty, with the line before it: one block for each, since a TextRun breaks no lines."""
    lines = body.split("\n")
    return [(before, line) for before, line in zip(["", *lines], lines, strict=False) if line]
