"""The endpoint through real boto3, and through plain HTTP where boto3 would not ask so."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError

from ecsaudit.demo.endpoint import (
    CloudTrailEndpoint,
    DroppedConnection,
    EmptyPage,
    ErrorReply,
    ExpiredToken,
    Fault,
    GarbageBody,
    ListStore,
    Resource,
    StoredEvent,
    access_key_for,
)

ACCOUNT, REGION = "111122223333", "eu-west-1"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LOOKUP_EVENTS = "CloudTrail_20131101.LookupEvents"
AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={access_key_for(ACCOUNT)}/20261120/{REGION}/cloudtrail/aws4_request"
ClientFor = Callable[..., Any]


def event(number: int, **changes: Any) -> StoredEvent:
    """The event of `number` minutes before NOW."""
    fields: dict[str, Any] = {
        "event_id": f"event-{number}",
        "event_name": "ExecuteCommand",
        "event_source": "ecs.amazonaws.com",
        "event_time": NOW - timedelta(minutes=number),
        "username": "grace",
        "access_key_id": "AKIAEXAMPLEGRACE",
        "read_only": "false",
        "resources": (),
        "cloudtrail_event": json.dumps({"eventID": f"event-{number}"}),
        "delivered_at": NOW - timedelta(minutes=number),
    }
    return StoredEvent(**(fields | changes))


def serving(*events: StoredEvent, **options: Any) -> CloudTrailEndpoint:
    store = ListStore({(ACCOUNT, REGION): events})
    return CloudTrailEndpoint(store, **({"requests_per_second": None, "clock": lambda: NOW} | options))


def ids(page: Mapping[str, Any]) -> list[str]:
    return [item["EventId"] for item in page["Events"]]


def error_code(call: Callable[..., Any], **params: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**params)
    return str(raised.value.response["Error"]["Code"])


def post(url: str, target: str, body: bytes, authorization: str) -> tuple[int, dict[str, Any], str]:
    """Status, body and request id."""
    headers = {"X-Amz-Target": target, "Authorization": authorization}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=5) as reply:
            return reply.status, json.load(reply), reply.headers["x-amzn-RequestId"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error), error.headers["x-amzn-RequestId"]


def test_an_item_has_the_shape_and_types_that_cloudtrail_gives(client_for: ClientFor) -> None:
    role = Resource("AWS::IAM::Role", "worker")
    with serving(event(1, resources=(role,))) as endpoint:
        page = client_for(endpoint, ACCOUNT, REGION).lookup_events()
    assert page["Events"] == [
        {
            "EventId": "event-1",
            "EventName": "ExecuteCommand",
            "ReadOnly": "false",
            "AccessKeyId": "AKIAEXAMPLEGRACE",
            "EventTime": NOW - timedelta(minutes=1),
            "EventSource": "ecs.amazonaws.com",
            "Username": "grace",
            "Resources": [{"ResourceType": "AWS::IAM::Role", "ResourceName": "worker"}],
            "CloudTrailEvent": '{"eventID": "event-1"}',
        }
    ]
    assert "NextToken" not in page
    assert page["ResponseMetadata"]["RequestId"]


def test_a_service_event_has_no_username_and_no_access_key(client_for: ClientFor) -> None:
    with serving(event(1, username=None, access_key_id=None)) as endpoint:
        (item,) = client_for(endpoint, ACCOUNT, REGION).lookup_events()["Events"]
    assert "Username" not in item
    assert "AccessKeyId" not in item


def test_paging_to_the_end_gives_every_event_once_and_newest_first(client_for: ClientFor) -> None:
    with serving(*(event(number) for number in (3, 1, 4, 0, 2, 6, 5))) as endpoint:
        pages = client_for(endpoint, ACCOUNT, REGION).get_paginator("lookup_events").paginate(MaxResults=3)
        assert [ids(page) for page in pages] == [
            ["event-0", "event-1", "event-2"],
            ["event-3", "event-4", "event-5"],
            ["event-6"],
        ]


def test_a_page_holds_fifty_events_unless_told(client_for: ClientFor) -> None:
    with serving(*(event(number) for number in range(51))) as endpoint:
        page = client_for(endpoint, ACCOUNT, REGION).lookup_events()
    assert len(page["Events"]) == 50
    assert page["NextToken"]


def test_events_delivered_while_paging_do_not_shift_the_pages(client_for: ClientFor) -> None:
    now = [NOW]
    store = ListStore({(ACCOUNT, REGION): [event(number) for number in range(4)]})
    with CloudTrailEndpoint(store, requests_per_second=None, clock=lambda: now[0]) as endpoint:
        cloudtrail = client_for(endpoint, ACCOUNT, REGION)
        first = cloudtrail.lookup_events(MaxResults=2)
        now[0] = NOW + timedelta(minutes=5)
        store.add(ACCOUNT, REGION, event(-1))
        second = cloudtrail.lookup_events(MaxResults=2, NextToken=first["NextToken"])
        assert ids(first) + ids(second) == ["event-0", "event-1", "event-2", "event-3"]
        assert ids(cloudtrail.lookup_events(MaxResults=1)) == ["event--1"]


def test_a_token_is_refused_with_other_parameters_or_for_another_region(client_for: ClientFor) -> None:
    with serving(*(event(number) for number in range(4))) as endpoint:
        cloudtrail = client_for(endpoint, ACCOUNT, REGION)
        exec_events = [{"AttributeKey": "EventName", "AttributeValue": "ExecuteCommand"}]
        token = cloudtrail.lookup_events(MaxResults=2, LookupAttributes=exec_events)["NextToken"]
        refused = "InvalidNextTokenException"
        assert error_code(cloudtrail.lookup_events, MaxResults=2, NextToken=token) == refused
        elsewhere = client_for(endpoint, ACCOUNT, "us-east-1")
        params = {"MaxResults": 2, "LookupAttributes": exec_events, "NextToken": token}
        assert error_code(elsewhere.lookup_events, **params) == refused
        assert ids(cloudtrail.lookup_events(**params)) == ["event-2", "event-3"]


@pytest.mark.parametrize("token", ["unknown", "bm90IGEgdG9rZW4=", "ä", "A" * 400])
def test_an_unknown_token_is_refused(client_for: ClientFor, token: str) -> None:
    with serving(event(1)) as endpoint:
        lookup_events = client_for(endpoint, ACCOUNT, REGION).lookup_events
        assert error_code(lookup_events, NextToken=token) == "InvalidNextTokenException"


def test_both_time_bounds_are_inclusive(client_for: ClientFor) -> None:
    with serving(*(event(number) for number in range(5))) as endpoint:
        page = client_for(endpoint, ACCOUNT, REGION).lookup_events(
            StartTime=NOW - timedelta(minutes=3), EndTime=NOW - timedelta(minutes=1)
        )
    assert ids(page) == ["event-1", "event-2", "event-3"]


def test_a_start_after_the_end_is_refused(client_for: ClientFor) -> None:
    with serving() as endpoint:
        lookup_events = client_for(endpoint, ACCOUNT, REGION).lookup_events
        code = error_code(lookup_events, StartTime=NOW, EndTime=NOW - timedelta(seconds=1))
    assert code == "InvalidTimeRangeException"


def test_nothing_older_than_ninety_days_is_given(client_for: ClientFor) -> None:
    edge = 90 * 24 * 60
    with serving(event(edge), event(edge + 1)) as endpoint:
        page = client_for(endpoint, ACCOUNT, REGION).lookup_events(StartTime=NOW - timedelta(days=200))
    assert ids(page) == [f"event-{edge}"]


def test_an_event_is_withheld_until_it_is_delivered(client_for: ClientFor) -> None:
    late = event(20, delivered_at=NOW + timedelta(seconds=1))
    with serving(late, event(1)) as endpoint:
        assert ids(client_for(endpoint, ACCOUNT, REGION).lookup_events()) == ["event-1"]


def test_doubled_and_malformed_records_come_through_as_they_are(client_for: ClientFor) -> None:
    broken = '{"eventID": "cut off", "lone": "\ud83d", "nul": "\x00'
    with serving(event(1), event(1), event(2, cloudtrail_event=broken)) as endpoint:
        page = client_for(endpoint, ACCOUNT, REGION).lookup_events()
    assert ids(page) == ["event-1", "event-1", "event-2"]
    assert page["Events"][2]["CloudTrailEvent"] == broken


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("EventId", "wanted"),
        ("EventName", "StartSession"),
        ("EventSource", "ssm.amazonaws.com"),
        ("ReadOnly", "true"),
        ("Username", "hugo"),
        ("AccessKeyId", "AKIAHUGO"),
        ("ResourceType", "AWS::EC2::Instance"),
        ("ResourceName", "i-0123456789abcdef0"),
    ],
)
def test_each_lookup_attribute_selects(client_for: ClientFor, key: str, value: str) -> None:
    wanted = event(
        2,
        event_id="wanted",
        event_name="StartSession",
        event_source="ssm.amazonaws.com",
        read_only="true",
        username="hugo",
        access_key_id="AKIAHUGO",
        resources=(Resource("AWS::EC2::Instance", "i-0123456789abcdef0"),),
    )
    with serving(event(1), wanted, event(3, username=None, access_key_id=None)) as endpoint:
        lookup_events = client_for(endpoint, ACCOUNT, REGION).lookup_events
        assert ids(lookup_events(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}])) == ["wanted"]
        assert ids(lookup_events(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value.swapcase()}])) == []


def test_wrong_parameters_are_refused_by_their_own_error(client_for: ClientFor) -> None:
    name = {"AttributeKey": "EventName", "AttributeValue": "ExecuteCommand"}
    with serving() as endpoint:
        lookup_events = client_for(endpoint, ACCOUNT, REGION).lookup_events
        assert error_code(lookup_events, MaxResults=51) == "InvalidMaxResultsException"
        assert error_code(lookup_events, LookupAttributes=[name, name]) == "InvalidLookupAttributesException"
        no_key = [{"AttributeKey": "Colour", "AttributeValue": "red"}]
        assert error_code(lookup_events, LookupAttributes=no_key) == "InvalidLookupAttributesException"
        assert error_code(lookup_events, EventCategory="management") == "InvalidEventCategoryException"


def test_insight_events_are_none(client_for: ClientFor) -> None:
    with serving(event(1)) as endpoint:
        assert ids(client_for(endpoint, ACCOUNT, REGION).lookup_events(EventCategory="insight")) == []


def test_an_unknown_key_and_an_unknown_account_are_refused(client_for: ClientFor) -> None:
    with serving(event(1)) as endpoint:
        unknown_key = client_for(endpoint, ACCOUNT, REGION, "AKIAIOSFODNN7EXAMPLE")
        assert error_code(unknown_key.lookup_events) == "UnrecognizedClientException"
        stranger = client_for(endpoint, "999999999999", REGION)
        assert error_code(stranger.lookup_events) == "UnrecognizedClientException"


def test_another_operation_is_unknown(client_for: ClientFor) -> None:
    with serving() as endpoint:
        assert error_code(client_for(endpoint, ACCOUNT, REGION).describe_trails) == "UnknownOperationException"


def test_a_region_without_events_is_empty(client_for: ClientFor) -> None:
    with serving(event(1)) as endpoint:
        assert ids(client_for(endpoint, ACCOUNT, "ap-south-1").lookup_events()) == []


def test_a_third_request_at_once_is_throttled_for_its_account_and_region_only(client_for: ClientFor) -> None:
    seconds = [100.0]
    with serving(event(1), requests_per_second=2.0, monotonic=lambda: seconds[0]) as endpoint:
        cloudtrail = client_for(endpoint, ACCOUNT, REGION)
        cloudtrail.lookup_events()
        cloudtrail.lookup_events()
        assert error_code(cloudtrail.lookup_events) == "ThrottlingException"
        client_for(endpoint, ACCOUNT, "us-east-1").lookup_events()
        seconds[0] += 0.5
        cloudtrail.lookup_events()
        assert error_code(cloudtrail.lookup_events) == "ThrottlingException"


def test_requests_are_recorded_with_place_and_parameters(client_for: ClientFor) -> None:
    with serving() as endpoint:
        client_for(endpoint, ACCOUNT, REGION).lookup_events(MaxResults=7, StartTime=NOW - timedelta(days=1))
        (request,) = endpoint.requests
    assert (request.received_at, request.account_id, request.region) == (NOW, ACCOUNT, REGION)
    assert request.params == {"MaxResults": 7, "StartTime": (NOW - timedelta(days=1)).timestamp()}


def test_requests_from_many_threads_are_all_recorded(client_for: ClientFor) -> None:
    with serving(event(1)) as endpoint:
        clients = [client_for(endpoint, ACCOUNT, REGION) for _ in range(4)]
        threads = [
            threading.Thread(target=lambda each=each: [each.lookup_events() for _ in range(5)]) for each in clients
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(endpoint.requests) == 20


def faulty(fault: Fault, *, at: int) -> Callable[[int, Mapping[str, object]], Fault | None]:
    return lambda number, params: fault if number == at else None


def test_an_error_fault_answers_once_with_its_status(client_for: ClientFor) -> None:
    with serving(event(1), fault=faulty(ErrorReply("InternalFailure", "try later", 500), at=1)) as endpoint:
        cloudtrail = client_for(endpoint, ACCOUNT, REGION)
        with pytest.raises(ClientError) as raised:
            cloudtrail.lookup_events()
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        assert ids(cloudtrail.lookup_events()) == ["event-1"]


def test_a_dropped_connection_is_seen_as_one(client_for: ClientFor) -> None:
    with serving(event(1), fault=faulty(DroppedConnection(), at=2)) as endpoint:
        cloudtrail = client_for(endpoint, ACCOUNT, REGION)
        cloudtrail.lookup_events()
        with pytest.raises(ConnectionClosedError):
            cloudtrail.lookup_events()
        assert ids(cloudtrail.lookup_events()) == ["event-1"]


def test_a_garbage_body_is_sent_as_it_is() -> None:
    with serving(fault=faulty(GarbageBody(b"\xff\xfe<html>", status=502), at=1)) as endpoint:
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={access_key_for(ACCOUNT)}/20261120/{REGION}/cloudtrail/aws4_request"
        )
        headers = {"X-Amz-Target": "CloudTrail_20131101.LookupEvents", "Authorization": authorization}
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(urllib.request.Request(endpoint.url, b"{}", headers), timeout=5)
    assert (raised.value.code, raised.value.read()) == (502, b"\xff\xfe<html>")


def test_an_empty_page_leads_to_the_events_it_held_back(client_for: ClientFor) -> None:
    with serving(*(event(number) for number in range(4)), fault=faulty(EmptyPage(), at=2)) as endpoint:
        pages = client_for(endpoint, ACCOUNT, REGION).get_paginator("lookup_events").paginate(MaxResults=2)
        assert [ids(page) for page in pages] == [["event-0", "event-1"], [], ["event-2", "event-3"]]


def test_an_expired_token_is_an_invalid_one(client_for: ClientFor) -> None:
    with serving(event(1), event(2), fault=faulty(ExpiredToken(), at=2)) as endpoint:
        cloudtrail = client_for(endpoint, ACCOUNT, REGION)
        token = cloudtrail.lookup_events(MaxResults=1)["NextToken"]
        code = error_code(cloudtrail.lookup_events, MaxResults=1, NextToken=token)
    assert code == "InvalidNextTokenException"


def test_a_token_outlives_the_endpoint_that_gave_it(client_for: ClientFor) -> None:
    with serving(event(1), event(2)) as endpoint:
        token = client_for(endpoint, ACCOUNT, REGION).lookup_events(MaxResults=1)["NextToken"]
    with serving(event(1), event(2)) as endpoint:
        page = client_for(endpoint, ACCOUNT, REGION).lookup_events(MaxResults=1, NextToken=token)
    assert ids(page) == ["event-2"]


@pytest.mark.parametrize(
    ("target", "body", "error_type"),
    [
        (LOOKUP_EVENTS, b"{not json", "SerializationException"),
        (LOOKUP_EVENTS, b"[]", "SerializationException"),
        (LOOKUP_EVENTS, b'{"StartTime": "yesterday"}', "SerializationException"),
        (LOOKUP_EVENTS, b'{"MaxResults": true}', "InvalidMaxResultsException"),
        ("", b"{}", "UnknownOperationException"),
    ],
)
def test_a_request_that_boto3_would_not_send_gets_an_aws_error(target: str, body: bytes, error_type: str) -> None:
    with serving() as endpoint:
        status, answer, request_id = post(endpoint.url, target, body, AUTHORIZATION)
    assert (status, answer["__type"]) == (400, error_type)
    assert answer["message"]
    assert request_id


def test_a_request_without_authorization_is_refused() -> None:
    with serving(event(1)) as endpoint:
        status, answer, _ = post(endpoint.url, LOOKUP_EVENTS, b"{}", "")
        (request,) = endpoint.requests
    assert (status, answer["__type"]) == (400, "UnrecognizedClientException")
    assert (request.account_id, request.region) == ("", "")


def test_a_closed_endpoint_ends_the_connections_it_kept(client_for: ClientFor) -> None:
    with serving(event(1)) as endpoint:
        cloudtrail = client_for(endpoint, ACCOUNT, REGION)
        cloudtrail.lookup_events()
    # The client still holds its connection: the endpoint must have closed it.
    with pytest.raises(BotoCoreError):
        cloudtrail.lookup_events()


def test_a_taken_port_is_an_error() -> None:
    with serving() as endpoint:
        port = int(endpoint.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            serving(port=port)
