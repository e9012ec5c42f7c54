"""CloudTrail's LookupEvents on this machine, for tests: real HTTP, real boto3, one account and Region."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from ecsaudit.cloudtrail.models import Account
from ecsaudit.demo.endpoint import CloudTrailEndpoint, Fault, ListStore, StoredEvent, access_key_for, event_from_record
from tests.records import execute_command

ACCOUNT_ID = "111122223333"
REGION = "eu-west-1"


class Api:
    """The endpoint and what it holds. Set `now`, `faults[number]`; add events while it runs."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.store = ListStore({(ACCOUNT_ID, REGION): []})
        self.faults: dict[int, Fault] = {}
        self.every_request: Fault | None = None
        self.endpoint = CloudTrailEndpoint(
            self.store, requests_per_second=None, clock=lambda: self.now, fault=self.fault_of
        )

    def fault_of(self, number: int, params: Mapping[str, object]) -> Fault | None:
        return self.every_request or self.faults.get(number)

    @property
    def url(self) -> str:
        return self.endpoint.url

    @property
    def access_key(self) -> str:
        return access_key_for(ACCOUNT_ID)

    @property
    def asked(self) -> list[Mapping[str, Any]]:
        return [request.params for request in self.endpoint.requests]

    def add(self, *events: StoredEvent) -> None:
        self.store.add(ACCOUNT_ID, REGION, *events)

    def add_record(self, record: Mapping[str, object], **times: datetime) -> None:
        self.add(event_from_record(record, **times))

    def add_exec_events(self, count: int, *, first: int = 0) -> None:
        """ExecuteCommand events, one a second back from an hour before now, each with a session id of its own."""
        newest = self.now - timedelta(hours=1)
        self.add(*(event_from_record(numbered(first + n, newest - timedelta(seconds=first + n))) for n in range(count)))

    def account(self) -> Account:
        """The account's row, reading from this endpoint."""
        account, _ = Account.objects.update_or_create(
            account_id=ACCOUNT_ID,
            defaults={
                "is_sample": True,
                "regions": [REGION],
                "sample_access_key": self.access_key,
                "endpoint_url": self.url,
            },
        )
        return account


def numbered(number: int, event_time: datetime) -> dict[str, Any]:
    record = execute_command(eventID=f"event-{number:06d}", eventTime=f"{event_time:%Y-%m-%dT%H:%M:%SZ}")
    session = record["responseElements"]["session"]
    return record | {
        "responseElements": record["responseElements"]
        | {"session": session | {"sessionId": f"ecs-execute-command-{number:026d}"}}
    }


@contextmanager
def serve(now: datetime) -> Iterator[Api]:
    api = Api(now)
    with api.endpoint:
        yield api
