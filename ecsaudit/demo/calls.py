"""An AWS API call, and the CloudTrail record that it leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ecsaudit.demo import digests
from ecsaudit.demo.callers import Caller
from ecsaudit.demo.clients import Client
from ecsaudit.demo.stored_events import StoredEvent, event_from_record

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a call, from which source address and with which client."""

    caller: Caller
    address: str
    client: Client


@dataclass(frozen=True, slots=True)
class Call:
    """One API call. `service` is the first label of its host name; `error` is (code, message).

    `fate` distinguishes calls that are otherwise alike; ids and the delay of delivery follow from all of it.
    """

    at: datetime
    account_id: str
    region: str
    actor: Actor
    service: str
    operation: str
    request: Fields | None
    response: Fields | None = None
    error: tuple[str, str] | None = None
    read_only: bool = False
    fate: str = ""

    def stored_event(self) -> StoredEvent:
        """The record as CloudTrail delivers it: minutes after the call, now and then a quarter of an hour."""
        record = self.record()
        return event_from_record(record, delivered_at=self.at + self._delay())

    def record(self) -> dict[str, object]:
        """The CloudTrail record, version 1.11, in CloudTrail's own order of keys."""
        record: dict[str, object] = {
            "eventVersion": "1.11",
            "userIdentity": self.actor.caller(self.account_id, self.at),
            "eventTime": self.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": f"{self.service}.amazonaws.com",
            "eventName": self.operation,
            "awsRegion": self.region,
            "sourceIPAddress": self.actor.address,
            "userAgent": self._user_agent(),
        }
        if self.error is not None:
            record["errorCode"], record["errorMessage"] = self.error
        record |= {
            "requestParameters": self.request,
            "responseElements": self.response,
            "requestID": digests.uuid4("request", *self._words()),
            "eventID": digests.uuid4("event", *self._words()),
            "readOnly": self.read_only,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": self.account_id,
            "eventCategory": "Management",
        }
        if not self.actor.address.endswith(".amazonaws.com"):
            record["tlsDetails"] = {
                "tlsVersion": "TLSv1.3",
                "cipherSuite": "TLS_AES_128_GCM_SHA256",
                "clientProvidedHostHeader": f"{self.service}.{self.region}.amazonaws.com",
            }
        if self.actor.client.from_console:
            record["sessionCredentialFromConsole"] = "true"
        return record

    def _user_agent(self) -> str:
        words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in self.operation)
        return self.actor.client.user_agent(f"{self.service}.{words.removeprefix('-')}")

    def _words(self) -> tuple[object, ...]:
        return (self.at.isoformat(), self.account_id, self.region, self.operation, self.actor.address, self.fate)

    def _delay(self) -> timedelta:
        drawn = digests.number("delay", *self._words())
        late = drawn % 100 < 6
        return timedelta(seconds=(600 + drawn // 100 % 300) if late else (60 + drawn // 100 % 240))
