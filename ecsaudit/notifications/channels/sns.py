"""Amazon SNS, with the credentials that boto3 finds by itself.

A FIFO topic drops a second message with the same key within five minutes, and keeps messages about the same thing in order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    ReadTimeoutError,
)
from django.conf import settings as installation

from ecsaudit.notifications.answer import Answer, Outcome
from ecsaudit.notifications.channels.kind import NEVER_DROPPED, BeforeCall, Field, Kind, Problem, Values
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.texts import Text, cut

ARN = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,251}(\.fifo)?")
LONGEST_SUBJECT = 99
# SNS promises five minutes, counted from the first.
DROPPED_BY_FIFO = timedelta(minutes=4)
# One try: the outbox tries again, and must know what came of each.
CONFIG = Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=5, read_timeout=15)
# SNS says so of the message itself; other errors are of the topic, of permissions or of the moment.
NEVER = frozenset({"InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid", "ValidationException"})


class Sns(Kind):
    key = "sns"
    label = "Amazon SNS"
    about = "A topic. ecsaudit publishes with the AWS credentials of this machine, which need sns:Publish on it."
    fields = (
        Field("topic_arn", "Topic ARN", "arn:aws:sns:eu-west-1:111122223333:security; a FIFO topic's ends in .fifo."),
    )

    def drops_repeats_for(self, settings: Values) -> timedelta:
        return DROPPED_BY_FIFO if settings["topic_arn"].endswith(".fifo") else NEVER_DROPPED

    def problems(self, settings: Values, secrets: Values) -> Iterator[Problem]:
        if not ARN.fullmatch(settings["topic_arn"]):
            yield Problem("topic_arn", "Topic ARN must look like arn:aws:sns:eu-west-1:111122223333:security")

    def deliver(self, settings: Values, secrets: Values, notice: Notice, text: Text, before_call: BeforeCall) -> Answer:
        arn, gate = settings["topic_arn"], Gate(before_call)
        try:
            session = boto3.Session(profile_name=installation.AWS_PROFILE or None)
            client = session.client("sns", region_name=arn.split(":")[3], config=CONFIG)
            client.meta.events.register("before-send.sns.Publish", gate)
            return answered(client.publish(TopicArn=arn, **message(notice, text, is_fifo=arn.endswith(".fifo"))))
        except ClientError as error:
            return refused(error)
        except BotoCoreError as error:
            if gate.stopped:
                raise gate.stopped from None
            return Answer(*unanswered(error))


class Gate:
    """before_call as botocore's hook: botocore would hide what it raises."""

    def __init__(self, before_call: BeforeCall) -> None:
        self.before_call = before_call
        self.stopped: Exception | None = None

    def __call__(self, **_: Any) -> None:
        try:
            self.before_call()
        except Exception as error:
            self.stopped = error
            raise


def message(notice: Notice, text: Text, *, is_fifo: bool) -> dict[str, Any]:
    attributes = {"severity": notice.severity, "policy": notice.policy, "key": notice.key, "url": notice.url}
    found: dict[str, Any] = {
        "Message": f"{text.title}\n\n{text.body}",
        "Subject": subject(text.title),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
        },
    }
    if is_fifo:
        found["MessageDeduplicationId"] = notice.key
        found["MessageGroupId"] = sha256(notice.about.encode()).hexdigest()
    return found


def subject(title: str) -> str:
    """SNS takes printable ASCII that begins with a letter, number or punctuation mark, and less than 100 characters."""
    ascii_only = "".join(each if each.isascii() and each.isprintable() else "?" for each in title)
    return cut(ascii_only.strip(), LONGEST_SUBJECT).replace("…", ".") or "ecsaudit"


def answered(reply: dict[str, Any]) -> Answer:
    status = str(reply["ResponseMetadata"]["HTTPStatusCode"])
    return Answer(Outcome.ACCEPTED, status, f"message {reply['MessageId']}")


def refused(error: ClientError) -> Answer:
    said = error.response.get("Error", {})
    status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    code = said.get("Code", "")
    is_of_the_message = code in NEVER and "TopicArn" not in said.get("Message", "")
    outcome = Outcome.REJECTED if is_of_the_message else Outcome.REFUSED
    return Answer(outcome, status, f"{code}: {said.get('Message', '')}")


def unanswered(error: BotoCoreError) -> tuple[Outcome, str, str]:
    """Outcome, code and text: whether a byte may have left."""
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError | ProxyConnectionError):
        return Outcome.UNSENT, "no connection", str(error)
    if isinstance(error, ReadTimeoutError):
        return Outcome.UNKNOWN, "timeout", "no answer in time; it may have arrived"
    if isinstance(error, HTTPClientError):
        return Outcome.UNKNOWN, "closed", "the connection was closed before an answer; it may have arrived"
    return Outcome.UNSENT, "no credentials" if "redential" in str(error) else "not sent", str(error)
