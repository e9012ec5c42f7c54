"""AWS Security Hub CSPM on this machine, for tests: real HTTP, real boto3, and stricter than AWS where AWS is silent.

It keeps one finding for each ProductArn and Id, ignores an UpdatedAt that is not newer, leaves Workflow and Note to
BatchUpdateFindings, resets the status of an archived finding that becomes active, and enforces sizes and the rate.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ecsaudit.demo.throttle import Throttle
from ecsaudit.securityhub.check import LARGEST_BATCH, MOST_FINDINGS, NOTE, WORKFLOW, check

ACCOUNT_ID = "111122223333"
REGION = "eu-west-1"
ACCESS_KEY = "AKIAEXAMPLE000000001"
SCOPE = re.compile(r"Credential=(\w+)/\d{8}/([\w-]+)/securityhub/")
OPERATIONS = {
    ("POST", "/findings/import"): "BatchImportFindings",
    ("PATCH", "/findings/batchupdate"): "BatchUpdateFindings",
    ("POST", "/findings"): "GetFindings",
    ("GET", "/accounts"): "DescribeHub",
}
RESET = ("NOTIFIED", "RESOLVED")
Json = dict[str, Any]


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(status, code, message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request: an error, a garbled body, no answer at all, or an answer that is lost."""

    error: Refused | None = None
    body: bytes | None = None
    drop: bool = False
    lose_answer: bool = False
    hang: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; `findings` is how many it was about, `bytes` its body's length, `at` the stand-in's clock."""

    operation: str
    account_id: str
    region: str
    findings: int
    bytes: int
    at: float


@dataclass
class Api:
    """Security Hub of every account and Region. Set `fault`, `refuses`, `denied`; look at `findings`, `asked`, `writes`."""

    clock: Callable[[], float] = time.monotonic
    keys: dict[str, str] = field(default_factory=lambda: {ACCESS_KEY: ACCOUNT_ID})
    enabled: set[tuple[str, str]] = field(default_factory=lambda: {(ACCOUNT_ID, REGION)})
    denied: set[str] = field(default_factory=set)
    # request number (from 1) and operation → fault
    fault: Callable[[int, str], Fault | None] = lambda number, operation: None
    # a finding → (code, message), where it alone is refused
    refuses: Callable[[Json], tuple[str, str] | None] = lambda finding: None
    # a finding for whose sake the whole batch is refused
    poison: Callable[[Json], bool] = lambda finding: False
    findings: dict[tuple[str, str], Json] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    # Id → how often it was written
    writes: Counter[str] = field(default_factory=Counter)
    ignored: list[str] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.throttles = {
            "BatchImportFindings": Throttle(10, 30, self.clock),
            "BatchUpdateFindings": Throttle(10, 30, self.clock),
            "GetFindings": Throttle(3, 6, self.clock),
            "DescribeHub": Throttle(10, 30, self.clock),
        }

    def of(self, asff_id: str) -> Json:
        """The one finding with this Id."""
        (found,) = (each for (_, each_id), each in self.findings.items() if each_id == asff_id)
        return found

    def set_status(self, asff_id: str, status: str) -> None:
        """Somebody works in Security Hub's console."""
        self.of(asff_id)["Workflow"] = {"Status": status}

    def count(self, operation: str) -> int:
        return sum(each.operation == operation for each in self.asked)

    def respond(self, operation: str, authorization: str, body: bytes) -> tuple[int, Json | bytes] | None:
        """Status and body; None closes the connection without an answer."""
        with self.lock:
            scope = SCOPE.search(authorization)
            account, region = (self.keys.get(scope[1], ""), scope[2]) if scope else ("", "")
            params: Json = json.loads(body or b"{}")
            about = params.get("Findings") or params.get("FindingIdentifiers") or []
            self.asked.append(Asked(operation, account, region, len(about), len(body), self.clock()))
            fault = self.fault(len(self.asked), operation) or Fault()
        if fault.hang:
            threading.Event().wait(fault.hang)
        if fault.drop:
            return None
        if fault.body is not None:
            return 200, fault.body
        try:
            if fault.error is not None:
                raise fault.error
            with self.lock:
                answer = self.answer(operation, account, region, params, len(body))
        except Refused as refused:
            return refused.status, {"Code": refused.code, "Message": refused.message}
        return None if fault.lose_answer else (200, answer)

    def answer(self, operation: str, account: str, region: str, params: Json, bytes_: int) -> Json:
        if not account:
            raise Refused(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
        if operation in self.denied:
            user = f"arn:aws:iam::{account}:user/ecsaudit"
            raise Refused(
                403, "AccessDeniedException", f"User: {user} is not authorized to perform: securityhub:{operation}"
            )
        if not self.throttles[operation].admits((account, region)):
            raise Refused(429, "TooManyRequestsException", "Rate exceeded")
        if (account, region) not in self.enabled:
            raise Refused(401, "InvalidAccessException", f"Account {account} is not subscribed to AWS Security Hub")
        if operation == "DescribeHub":
            return {"HubArn": f"arn:aws:securityhub:{region}:{account}:hub/default"}
        answers = {
            "BatchImportFindings": self.batch_import,
            "BatchUpdateFindings": self.batch_update,
            "GetFindings": self.get,
        }
        return answers[operation](account, region, params, bytes_)

    def batch_import(self, account: str, region: str, params: Json, bytes_: int) -> Json:
        findings = params.get("Findings")
        if not isinstance(findings, list) or not 1 <= len(findings) <= MOST_FINDINGS or bytes_ > LARGEST_BATCH:
            raise Refused(400, "InvalidInputException", f"{len(findings or [])} findings in {bytes_} bytes")
        if any(map(self.poison, findings)):
            raise Refused(400, "InvalidInputException", "Invalid parameter in the batch")
        failed = [failure for finding in findings if (failure := self.import_one(account, region, finding))]
        return {"FailedCount": len(failed), "SuccessCount": len(findings) - len(failed), "FailedFindings": failed}

    def import_one(self, account: str, region: str, finding: Json) -> Json | None:
        problems = check(finding)
        reason = self.refuses(finding)
        if problems:
            reason = "InvalidInput", "; ".join(problems)
        elif (finding["AwsAccountId"], finding["ProductArn"].split(":")[3]) != (account, region):
            reason = "InvalidInput", "The finding is of another account or Region than the caller"
        if reason is not None:
            return {"Id": str(finding.get("Id", "")), "ErrorCode": reason[0], "ErrorMessage": reason[1]}
        self.store(finding)
        return None

    def store(self, finding: Json) -> None:
        key = finding["ProductArn"], finding["Id"]
        old = self.findings.get(key)
        if old is None:
            self.findings[key] = finding | {"Workflow": {"Status": "NEW"}}
        elif datetime.fromisoformat(finding["UpdatedAt"]) <= datetime.fromisoformat(old["UpdatedAt"]):
            self.ignored.append(finding["Id"])
            return
        else:
            kept = {name: old[name] for name in ("Workflow", "Note") if name in old}
            back = (old["RecordState"], finding["RecordState"]) == ("ARCHIVED", "ACTIVE")
            if back and old["Workflow"]["Status"] in RESET:
                kept["Workflow"] = {"Status": "NEW"}
            self.findings[key] = finding | kept
        self.writes[finding["Id"]] += 1

    def batch_update(self, account: str, region: str, params: Json, bytes_: int) -> Json:
        wanted = params.get("FindingIdentifiers", [])
        problems = [*WORKFLOW("Workflow", params.get("Workflow")), *NOTE("Note", params.get("Note"))]
        if not 1 <= len(wanted) <= 100 or problems:
            raise Refused(400, "InvalidInputException", "; ".join(problems))
        done, failed = [], []
        for each in wanted:
            finding = self.findings.get((each["ProductArn"], each["Id"]))
            if finding is None:
                failed.append({"FindingIdentifier": each, "ErrorCode": "FindingNotFound", "ErrorMessage": "Not found"})
                continue
            finding["Workflow"], finding["Note"] = params["Workflow"], params["Note"]
            done.append(each)
        return {"ProcessedFindings": done, "UnprocessedFindings": failed}

    def get(self, account: str, region: str, params: Json, bytes_: int) -> Json:
        filters = params.get("Filters", {})
        arns = {each["Value"] for each in filters.get("ProductArn", []) if each["Comparison"] == "EQUALS"}
        prefixes = tuple(each["Value"] for each in filters.get("GeneratorId", []) if each["Comparison"] == "PREFIX")
        start, most = params.get("NextToken") or "0", params.get("MaxResults", 20)
        if not start.isdigit() or not 1 <= most <= 100:
            raise Refused(400, "InvalidInputException", "NextToken or MaxResults is not valid")
        found = [
            finding
            for (arn, _), finding in sorted(self.findings.items())
            if arn in arns and arn.split(":")[3:5] == [region, account] and finding["GeneratorId"].startswith(prefixes)
        ]
        page = found[int(start) : int(start) + most]
        more = int(start) + most < len(found)
        return {"Findings": page} | ({"NextToken": str(int(start) + most)} if more else {})


class Server(ThreadingHTTPServer):
    daemon_threads = True
    api: Api

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that goes away, as a killed worker does, is no error of the stand-in."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        operation = OPERATIONS.get((self.command, self.path.partition("?")[0]), "")
        answer = self.server.api.respond(operation, self.headers.get("Authorization", ""), body)
        self.close_connection = answer is None
        if answer is None:
            return
        status, content = answer
        encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if isinstance(content, dict) and "Code" in content:
            self.send_header("x-amzn-ErrorType", content["Code"])
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    do_GET = do_POST = do_PATCH = handle_any

    def log_message(self, format: str, *args: object) -> None:
        """Requests stand in Api.asked."""


@contextmanager
def serve(api: Api | None = None) -> Iterator[Api]:
    server = Server(("127.0.0.1", 0), Handler)
    server.api = api or Api()
    server.api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def environment(api: Api) -> dict[str, str]:
    """Variables with which boto3 finds the stand-in, and nothing else."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL_SECURITYHUB": api.url,
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
