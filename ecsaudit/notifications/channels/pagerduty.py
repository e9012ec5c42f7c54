"""PagerDuty, by the Events API v2. Messages about the same thing share a dedup_key and so one open incident."""

from datetime import timedelta
from hashlib import sha256

from ecsaudit.notifications.answer import Answer
from ecsaudit.notifications.channels.kind import BeforeCall, Field, Kind, Values, json_bytes
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.outgoing import NEVER_BUT_400, post
from ecsaudit.notifications.texts import Text, cut

ADDRESSES = {
    "us": "https://events.pagerduty.com/v2/enqueue",
    "eu": "https://events.eu.pagerduty.com/v2/enqueue",
}
SEVERITIES = {"CRITICAL": "critical", "HIGH": "error", "MEDIUM": "warning", "LOW": "info", "INFORMATIONAL": "info"}
LONGEST_SUMMARY = 1_024
LONGEST_KEY = 255
# It drops them while the incident is open. Nobody has looked into one and closed it so soon.
DROPPED = timedelta(minutes=5)


class PagerDuty(Kind):
    key = "pagerduty"
    label = "PagerDuty"
    about = "An Events API v2 integration of a PagerDuty service."
    fields = (
        Field("routing_key", "Integration key", "32 characters; PagerDuty shows it with the integration.", secret=True),
        Field("region", "Service region", "Where the PagerDuty account is kept.", choices=(("us", "US"), ("eu", "EU"))),
    )

    def drops_repeats_for(self, settings: Values) -> timedelta:
        return DROPPED

    def deliver(self, settings: Values, secrets: Values, notice: Notice, text: Text, before_call: BeforeCall) -> Answer:
        return post(
            ADDRESSES[settings["region"]],
            body=json_bytes({"routing_key": secrets["routing_key"], **event(notice, text)}),
            headers={"Content-Type": "application/json"},
            before_call=before_call,
            # 400 is said of an unknown integration key as well.
            never=NEVER_BUT_400,
        )


def event(notice: Notice, text: Text) -> dict[str, object]:
    first = notice.told[0] if notice.told else None
    links = [("Open in ecsaudit", notice.url), ("Runbook", notice.runbook_url)]
    return {
        "event_action": "trigger",
        "dedup_key": dedup_key(notice.key if notice.is_test else notice.about),
        "client": "ecsaudit",
        "client_url": notice.url,
        "links": [
            {"text": label, "href": address} for label, address in links if address.startswith(("https://", "http://"))
        ],
        "payload": {
            "summary": cut(text.title, LONGEST_SUMMARY),
            "source": (first.target if first else "") or "ecsaudit",
            "severity": SEVERITIES.get(notice.severity, "warning"),
            **({"timestamp": first.event_time.isoformat(), "class": first.rule} if first else {}),
            "component": "Amazon ECS Exec",
            "custom_details": {"text": text.body, "policy": notice.policy, "count": notice.count},
        },
    }


def dedup_key(text: str) -> str:
    return text if len(text) <= LONGEST_KEY else sha256(text.encode()).hexdigest()
