"""Opsgenie, by its Alert API. Messages about the same thing share an alias, and so count up one open alert."""

import re
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256

from ecsaudit.notifications.answer import Answer
from ecsaudit.notifications.channels.kind import BeforeCall, Field, Kind, Problem, Values, json_bytes
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.outgoing import post
from ecsaudit.notifications.texts import Text, cut

ADDRESSES = {"us": "https://api.opsgenie.com/v2/alerts", "eu": "https://api.eu.opsgenie.com/v2/alerts"}
PRIORITIES = {"CRITICAL": "P1", "HIGH": "P2", "MEDIUM": "P3", "LOW": "P4", "INFORMATIONAL": "P5"}
LONGEST_MESSAGE = 130
LONGEST_DESCRIPTION = 15_000
LONGEST_ALIAS = 512
# It drops them while the alert is open. Nobody has looked into one and closed it so soon.
DROPPED = timedelta(minutes=5)
MOST_TAGS = 20
LONGEST_TAG = 50


class Opsgenie(Kind):
    key = "opsgenie"
    label = "Opsgenie"
    about = "An API integration of an Opsgenie team."
    fields = (
        Field("api_key", "API key", "The key of an API integration that may create alerts.", secret=True),
        Field("region", "Service region", "Where the Opsgenie account is kept.", choices=(("us", "US"), ("eu", "EU"))),
    )

    def problems(self, settings: Values, secrets: Values) -> Iterator[Problem]:
        # It goes into a header.
        if not re.fullmatch(r"[!-~]+", secrets["api_key"]):
            yield Problem("api_key", "API key holds a blank, or a character that can't be typed; copy it again")

    def drops_repeats_for(self, settings: Values) -> timedelta:
        return DROPPED

    def deliver(self, settings: Values, secrets: Values, notice: Notice, text: Text, before_call: BeforeCall) -> Answer:
        return post(
            ADDRESSES[settings["region"]],
            body=json_bytes(alert(notice, text)),
            headers={"Content-Type": "application/json", "Authorization": f"GenieKey {secrets['api_key']}"},
            before_call=before_call,
        )


def alert(notice: Notice, text: Text) -> dict[str, object]:
    first = notice.told[0] if notice.told else None
    about = notice.key if notice.is_test else notice.about
    return {
        "message": cut(text.title, LONGEST_MESSAGE),
        "alias": about if len(about) <= LONGEST_ALIAS else sha256(about.encode()).hexdigest(),
        "description": cut(text.body, LONGEST_DESCRIPTION),
        "priority": PRIORITIES.get(notice.severity, "P3"),
        "source": "ecsaudit",
        "entity": cut((first.target if first else "") or "ecsaudit", 512),
        "tags": [tag for tag in (first.tags if first else ()) if len(tag) <= LONGEST_TAG][:MOST_TAGS],
        "details": {
            "url": notice.url,
            "runbook": notice.runbook_url,
            "policy": notice.policy,
            "count": str(notice.count),
        },
    }
