import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from ecsaudit.notifications.answer import Outcome
from ecsaudit.notifications.channels.sns import Sns, message, subject
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.texts import Text, compose
from tests.notifications.conftest import notice_of, told
from tests.notifications.other_sides import http_side, raw_side, request_of

ARN = "arn:aws:sns:eu-west-1:123456789012:security"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


class Topic:
    """A topic with a queue that shows what was published."""

    def __init__(self, endpoint: str, name: str) -> None:
        options = {"region_name": "eu-west-1", "endpoint_url": endpoint}
        fifo = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
        self.sqs, sns = boto3.client("sqs", **options), boto3.client("sns", **options)
        self.arn = sns.create_topic(Name=name, Attributes=fifo)["TopicArn"]
        queue = {"FifoQueue": "true"} if fifo else {}
        self.queue = self.sqs.create_queue(QueueName=name, Attributes=queue)["QueueUrl"]
        queue_arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=queue_arn)

    def published(self) -> list[dict[str, Any]]:
        found = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(each["Body"]) for each in found]


def send(arn: str, endpoint: str, notice: Notice, monkeypatch: pytest.MonkeyPatch, before_call: Any = list) -> Any:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", endpoint)
    return Sns().send({"topic_arn": arn}, {}, notice, compose("sns", "", "", notice), before_call)


def test_a_message_is_published(moto: str, notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = Topic(moto, "standard")
    answer = send(topic.arn, moto, notice, monkeypatch)
    assert (answer.outcome, answer.code) == (Outcome.ACCEPTED, "200")
    (sent,) = topic.published()
    assert answer.text == f"message {sent['MessageId']}"
    assert sent["Subject"] == "[HIGH] Terminal Shell in ECS Container"
    assert sent["Message"].startswith("[HIGH] Terminal Shell in ECS Container\n\n2026-11-02 12:00:00 UTC")
    assert sent["MessageAttributes"]["severity"]["Value"] == "HIGH"
    assert Sns().drops_repeats_for({"topic_arn": topic.arn}) == timedelta(0)


def test_a_fifo_topic_drops_a_second_message_with_the_same_key(
    moto: str, notice: Notice, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = Topic(moto, "ordered.fifo")
    for _ in range(2):
        assert send(topic.arn, moto, notice, monkeypatch).outcome == Outcome.ACCEPTED
    assert len(topic.published()) == 1
    assert Sns().drops_repeats_for({"topic_arn": topic.arn}) < timedelta(minutes=5)
    sent = message(notice, Text("t", "b"), is_fifo=True)
    assert (sent["MessageDeduplicationId"], len(sent["MessageGroupId"])) == (notice.key, 64)


def test_a_topic_that_is_not_there_is_refused(moto: str, notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = send(ARN + "-gone", moto, notice, monkeypatch)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "404")
    assert answer.text.startswith("NotFound: ")


def error(code: str, text: str) -> bytes:
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>{text}</Message></Error></ErrorResponse>".encode()


@pytest.mark.parametrize(
    ("status", "code", "text", "outcome"),
    [
        (400, "InvalidParameter", "Invalid parameter: Message too long", Outcome.REJECTED),
        (400, "InvalidParameter", "Invalid parameter: TopicArn", Outcome.REFUSED),
        (400, "Throttling", "Rate exceeded", Outcome.REFUSED),
        (403, "AuthorizationError", "not authorized to perform: SNS:Publish", Outcome.REFUSED),
        (500, "InternalFailure", "try later", Outcome.REFUSED),
    ],
)
def test_sns_s_errors_say_what_came_of_it_after_one_request(
    status: int, code: str, text: str, outcome: Outcome, notice: Notice, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_side(status=status, body=error(code, text), headers={"Content-Type": "text/xml"}) as side:
        answer = send(ARN, side.url(""), notice, monkeypatch)
    assert (answer.outcome, answer.code, answer.text) == (outcome, str(status), f"{code}: {text}")
    assert len(side.got) == 1


def test_a_close_without_an_answer_leaves_it_open(notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    def act(connection: socket.socket) -> None:
        request_of(connection)

    with raw_side(act) as address:
        answer = send(ARN, address.removesuffix("/hook"), notice, monkeypatch)
    assert (answer.outcome, answer.code) == (Outcome.UNKNOWN, "closed")


def test_where_nobody_listens_nothing_left(notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = send(ARN, "http://127.0.0.1:9", notice, monkeypatch)
    assert (answer.outcome, answer.code) == (Outcome.UNSENT, "no connection")


def test_without_credentials_nothing_left(notice: Notice, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with http_side() as side:
        answer = send(ARN, side.url(""), notice, monkeypatch)
    assert (answer.outcome, answer.code, side.got) == (Outcome.UNSENT, "no credentials", [])


def test_what_before_call_raises_stops_the_message(notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    def before_call() -> None:
        raise LookupError("another worker has it")

    with http_side() as side:
        with pytest.raises(LookupError, match="another worker"):
            send(ARN, side.url(""), notice, monkeypatch, before_call)
        assert side.got == []


def test_before_call_is_called_once(moto: str, notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[int] = []
    send(Topic(moto, "counted").arn, moto, notice, monkeypatch, lambda: called.append(1))
    assert called == [1]


def test_a_subject_is_what_sns_takes(hostile_notice: Notice) -> None:
    text = compose("sns", "", "", hostile_notice)
    found = subject(text.title)
    assert found.isascii()
    assert found.isprintable()
    assert 0 < len(found) < 100
    assert subject("   ") == "ecsaudit"
    assert subject("Übung: " + "x" * 200).startswith("?bung: xxx")


def test_empty_facts_make_no_empty_attribute() -> None:
    sent = message(notice_of(told(), policy=""), Text("t", "b"), is_fifo=False)
    assert sorted(sent["MessageAttributes"]) == ["key", "severity", "url"]


@pytest.mark.parametrize(
    "arn", ["", "security", "arn:aws:sqs:eu-west-1:123456789012:security", ARN + "/x", ARN + ".fifo.x"]
)
def test_what_is_no_topic_is_a_problem_of_the_form(arn: str) -> None:
    assert [problem.field for problem in Sns().check({"topic_arn": arn}, {})] == ["topic_arn"]
    assert Sns().check({"topic_arn": "arn:aws-us-gov:sns:us-gov-west-1:123456789012:a.fifo"}, {}) == []
