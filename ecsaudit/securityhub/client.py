"""AWS Security Hub CSPM over boto3: one request at a time, with what went wrong told in AWS's own words.

HubTrouble              a request failed altogether; says how the account and Region stand now and what a person can do
BatchRefused            Security Hub takes none of a batch because something in it is wrong
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError

from ecsaudit.cloudtrail import aws
from ecsaudit.cloudtrail.models import Account
from ecsaudit.cloudtrail.sources.lookup_events import CREDENTIALS, THROTTLES
from ecsaudit.securityhub.asff import GENERATOR_PREFIX, product_arn
from ecsaudit.securityhub.models import HubState

# One try only: each request is counted against AWS's rate limit here, and a lost answer costs nothing (see turns).
CONFIG = Config(
    connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 1}, user_agent_extra="ecsaudit"
)  # fmt: skip
PAGE_SIZE = 100
PERMISSION = re.compile(r"securityhub:\w+", re.ASCII)
NOT_SUBSCRIBED = re.compile(r"not subscribed|not enabled|isn't enabled", re.I)
ENABLE = "enable Security Hub CSPM in this account and Region, or switch it off here"
# Id → (code, message)
Failures = dict[str, tuple[str, str]]


class HubTrouble(RuntimeError):
    """Why a request failed. `code` is AWS's or botocore's name for it."""

    def __init__(self, state: HubState, code: str, message: str) -> None:
        super().__init__(state, code, message)
        self.state, self.code, self.message = state, code, message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class BatchRefused(RuntimeError):
    """Security Hub refused a request for its content."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Page:
    """`statuses` are (Id, workflow status) of findings; an empty token is the end."""

    statuses: Sequence[tuple[str, str]]
    next_token: str


class SecurityHub:
    """Security Hub of one account and Region. Every failure comes out as HubTrouble or BatchRefused."""

    def __init__(self, account: Account, region: str, config: Config = CONFIG) -> None:
        if account.is_sample:
            raise HubTrouble(HubState.FAILING, "Sample", "findings of the sample are not sent to Security Hub")
        self.product_arn = product_arn(account.account_id, region)
        self.client = self.ask(
            "sts:AssumeRole", lambda **_: aws.session(account, region).client("securityhub", config=config)
        )

    def import_findings(self, findings: Sequence[Mapping[str, Any]]) -> Failures:
        """BatchImportFindings of at most 100 findings; returns those that Security Hub did not take."""
        answer = self.ask("BatchImportFindings", self.client.batch_import_findings, Findings=list(findings))
        failures = {
            str(each.get("Id", "")): (str(each.get("ErrorCode", "")), str(each.get("ErrorMessage", "")))
            for each in listed(answer, "FailedFindings")
        }
        taken = answer.get("SuccessCount")
        # botocore turns a garbled body into an answer without fields; taken for success, it would lose findings.
        if taken != len(findings) - len(failures) or not failures.keys() <= {each["Id"] for each in findings}:
            raise HubTrouble(
                HubState.FAILING, "InvalidResponse", "the answer doesn't fit the findings; they are sent again"
            )
        return failures

    def set_status(self, ids: Sequence[str], status: str, note: Mapping[str, str]) -> Failures:
        """BatchUpdateFindings of at most 100 findings: their workflow status and a note."""
        answer = self.ask(
            "BatchUpdateFindings",
            self.client.batch_update_findings,
            FindingIdentifiers=[{"Id": each, "ProductArn": self.product_arn} for each in ids],
            Workflow={"Status": status},
            Note=dict(note),
        )
        failures = {
            str(each.get("FindingIdentifier", {}).get("Id", "")): (
                str(each.get("ErrorCode", "")), str(each.get("ErrorMessage", "")),
            )
            for each in listed(answer, "UnprocessedFindings")
        }  # fmt: skip
        done = {str(each.get("Id", "")) for each in listed(answer, "ProcessedFindings")}
        if done | failures.keys() != set(ids):
            raise HubTrouble(
                HubState.FAILING, "InvalidResponse", "the answer doesn't fit the findings; they are sent again"
            )
        return failures

    def statuses(self, token: str) -> Page:
        """A page of GetFindings: what this product's rules found, and the workflow status that each has now."""
        asked: dict[str, Any] = {
            "Filters": {
                "ProductArn": [{"Value": self.product_arn, "Comparison": "EQUALS"}],
                "GeneratorId": [{"Value": GENERATOR_PREFIX, "Comparison": "PREFIX"}],
            },
            "MaxResults": PAGE_SIZE,
        }
        if token:
            asked["NextToken"] = token
        answer = self.ask("GetFindings", self.client.get_findings, **asked)
        found = [
            (str(each.get("Id", "")), str((each.get("Workflow") or {}).get("Status", "") or "NEW"))
            for each in listed(answer, "Findings")
        ]
        next_token = str(answer.get("NextToken") or "")
        if next_token and next_token == token:
            raise HubTrouble(
                HubState.FAILING, "InvalidResponse", "the answer repeats its own page token; it is asked again"
            )
        return Page(found, next_token)

    def describe(self) -> None:
        """DescribeHub, which says whether Security Hub is enabled."""
        self.ask("DescribeHub", self.client.describe_hub)

    def ask(self, operation: str, call: Callable[..., Any], **parameters: Any) -> Any:
        try:
            return call(**parameters)
        except ClientError as error:
            raise trouble_of(operation, error) from error
        except HTTPClientError as error:
            raise HubTrouble(
                HubState.FAILING, type(error).__name__, "Security Hub could not be reached; it is tried again"
            ) from error
        except ResponseParserError as error:
            raise HubTrouble(
                HubState.FAILING, "InvalidResponse", "the answer can't be read; it is tried again"
            ) from error
        except BotoCoreError as error:
            raise HubTrouble(HubState.DENIED, type(error).__name__, str(error)) from error


def listed(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list in an answer; none where it is missing."""
    found = answer.get(name) or []
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def trouble_of(operation: str, error: ClientError) -> HubTrouble | BatchRefused:
    details = error.response.get("Error", {})
    code, message = str(details.get("Code", "")), str(details.get("Message", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in THROTTLES or code == "LimitExceededException" or status == 429:
        return HubTrouble(HubState.THROTTLED, code, "more requests were made than AWS allows; sending slows down")
    if code == "InvalidAccessException" or (operation == "DescribeHub" and code == "ResourceNotFoundException"):
        state = HubState.NOT_ENABLED if NOT_SUBSCRIBED.search(message) else HubState.DENIED
        return HubTrouble(state, code, f"{message} — {ENABLE}".lstrip(" —"))
    if code.startswith("AccessDenied"):
        found = PERMISSION.search(message)
        missing = found[0] if found else operation if ":" in operation else f"securityhub:{operation}"
        return HubTrouble(HubState.DENIED, code, f"{message} — allow {missing} for these credentials".lstrip(" —"))
    if code in CREDENTIALS:
        return HubTrouble(HubState.DENIED, code, f"{message} — {CREDENTIALS[code]}".lstrip(" —"))
    if code in ("InvalidInputException", "ValidationException", "RequestEntityTooLarge") or status == 413:
        return BatchRefused(code, message)
    return HubTrouble(HubState.FAILING, code or "UnknownError", message)
