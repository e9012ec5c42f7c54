"""A signed webhook: a POST of JSON to an address of one's own.

Headers:
    ECSAudit-Timestamp   seconds since 1970, when the request was made
    ECSAudit-Signature   v1= and the HMAC-SHA256, in hexadecimal, of `<timestamp>.<body>` under the channel's secret
    Idempotency-Key      the same at every try of one message, so that a second one can be dropped

The receiver computes the HMAC over the bytes it got, compares in constant time, refuses timestamps older than five minutes,
and answers with 2xx once it keeps the message. 400, 413 and 422 mean that it never will; everything else is tried again.

Body:
    {"version": 1, "key": …, "about": …, "title": …, "severity": "HIGH", "count": 1, "held_back": 0, "held_until": null,
     "url": …, "policy": …, "runbook_url": …, "is_test": false, "text": {"title": …, "body": …},
     "findings": [{"title", "rule", "priority", "output", "person", "target", "account", "region", "command",
                   "source_ip_address", "event_time", "url", "tags"}]}
Times are ISO 8601 in UTC. Texts of findings are as CloudTrail has them: an attacker may have written them.
"""

import hmac
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

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
from ecsaudit.notifications.outgoing import post
from ecsaudit.notifications.texts import Text

SHORTEST_SECRET = 16


class Webhook(Kind):
    key = "webhook"
    label = "Signed webhook"
    about = "A POST of JSON to an address of your own, signed so that the receiver knows who sent it."
    fields = (
        Field("url", "Address", "https://… ; where the messages go."),
        Field("secret", "Signing secret", "At least 16 characters; the receiver needs the same.", secret=True),
    )

    def problems(self, settings: Values, secrets: Values) -> Iterator[Problem]:
        yield from problem_with_url("url", settings["url"])
        if len(secrets["secret"]) < SHORTEST_SECRET:
            yield Problem("secret", f"Signing secret must have at least {SHORTEST_SECRET} characters")

    def deliver(self, settings: Values, secrets: Values, notice: Notice, text: Text, before_call: BeforeCall) -> Answer:
        body, timestamp = json_bytes(document(notice, text)), str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "ECSAudit-Timestamp": timestamp,
            "ECSAudit-Signature": f"v1={signature(secrets['secret'], timestamp, body)}",
            "Idempotency-Key": notice.key,
        }
        return post(settings["url"], body=body, headers=headers, before_call=before_call)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), f"{timestamp}.".encode() + body, "sha256").hex()


def document(notice: Notice, text: Text) -> dict[str, object]:
    told = asdict(notice)
    findings = told.pop("told")
    return {
        "version": 1,
        **{name: plain(value) for name, value in told.items()},
        "text": asdict(text),
        "findings": [{name: plain(value) for name, value in finding.items()} for finding in findings],
    }


def plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
