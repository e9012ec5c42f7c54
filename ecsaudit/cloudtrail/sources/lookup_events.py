"""CloudTrail's LookupEvents: one page at a time, with what went wrong told in CloudTrail's own words.

Trouble                 a request failed; says how the feed stands now and what a person can do
StaleToken              the page token is refused: the window must be read again from its start
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError

from ecsaudit.cloudtrail import aws
from ecsaudit.cloudtrail.models import Account, FeedState

PAGE_SIZE = 50
THROTTLES = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "RequestThrottled",
     "RequestThrottledException", "TooManyRequestsException", "SlowDown", "PriorRequestNotComplete"}
)  # fmt: skip
CREDENTIALS = {
    "AccessDenied": "allow cloudtrail:LookupEvents (and sts:AssumeRole, if a role is set) for these credentials",
    "AccessDeniedException": "allow cloudtrail:LookupEvents (and sts:AssumeRole, if a role is set) for these credentials",
    "ExpiredToken": "renew the credentials",
    "ExpiredTokenException": "renew the credentials",
    "InvalidClientTokenId": "the access key is unknown or disabled; give ecsaudit one that works",
    "UnrecognizedClientException": "the access key is unknown here; an opt-in Region must be enabled in the account first",
    "OptInRequired": "enable this Region in the account, or take it off the account's list",
    "SignatureDoesNotMatch": "the secret key doesn't fit the access key, or this machine's clock is wrong",
}


class StaleToken(RuntimeError):
    """CloudTrail refused the page token (InvalidNextTokenException)."""


class Trouble(RuntimeError):
    """Why a request failed. `code` is AWS's or botocore's name for it."""

    def __init__(self, state: FeedState, code: str, message: str) -> None:
        super().__init__(state, code, message)
        self.state, self.code, self.message = state, code, message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Page:
    """`items` as LookupEvents' Events, newest first; an empty page with a token is not the end."""

    items: list[dict[str, Any]]
    next_token: str | None
    retries: int


class LookupEvents:
    """Pages of one account and Region. Every failure comes out as Trouble or StaleToken."""

    def __init__(self, account: Account, region: str) -> None:
        try:
            self.client = aws.client(account, region)
        except aws.AwsSetupError as error:
            raise Trouble(FeedState.FAILING, "NotRunning", str(error)) from error
        except (BotoCoreError, ClientError) as error:
            raise trouble_of(error) from error

    def page(self, event_name: str, start: datetime, end: datetime, token: str | None) -> Page:
        """One page of the events of this name from `start` to `end`, both inclusive."""
        asked: dict[str, Any] = {
            "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": event_name}],
            "StartTime": start,
            "EndTime": end,
            "MaxResults": PAGE_SIZE,
        }
        if token:
            asked["NextToken"] = token
        try:
            answer = self.client.lookup_events(**asked)
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            raise trouble_of(error) from error
        return page_of(answer, token)


def page_of(answer: Mapping[str, Any], token: str | None) -> Page:
    """Read the answer. botocore turns a garbled body into an answer without Events; taken for empty, it would lose some."""
    items = answer.get("Events")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Trouble(FeedState.FAILING, "InvalidResponse", "the answer holds no list of Events; it is asked again")
    next_token = answer.get("NextToken") or None
    if next_token is not None and next_token == token:
        raise Trouble(FeedState.FAILING, "InvalidResponse", "the answer repeats its own page token; it is asked again")
    return Page(items, next_token, answer.get("ResponseMetadata", {}).get("RetryAttempts", 0))


def trouble_of(error: Exception) -> Trouble | StaleToken:
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        return trouble_of_answer(str(details.get("Code", "")), str(details.get("Message", "")))
    if isinstance(error, HTTPClientError):
        return Trouble(FeedState.FAILING, type(error).__name__, "CloudTrail could not be reached; it is asked again")
    if isinstance(error, ResponseParserError):
        return Trouble(FeedState.FAILING, "InvalidResponse", "the answer can't be read; it is asked again")
    return Trouble(FeedState.DENIED, type(error).__name__, str(error))


def trouble_of_answer(code: str, message: str) -> Trouble | StaleToken:
    if code == "InvalidNextTokenException":
        return StaleToken(message)
    if code in THROTTLES:
        return Trouble(FeedState.THROTTLED, code, "more than 2 requests a second were made; reading slows down")
    if code in CREDENTIALS:
        return Trouble(FeedState.DENIED, code, f"{message} — {CREDENTIALS[code]}".lstrip(" —"))
    return Trouble(FeedState.FAILING, code or "UnknownError", message)
