"""A strict check of findings in the AWS Security Finding Format, before they are sent: what Security Hub documents, and no more.

It knows the attributes that ecsaudit sends; anything else is refused, because Security Hub drops some unknown attributes
silently and refuses the finding for others.

Source: the AWS Security Finding Format's attributes and their limits, schema 2018-10-08. Lengths are in UTF-16 units.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address
from typing import Any
from urllib.parse import urlsplit

from ecsaudit.cloudtrail import arn
from ecsaudit.securityhub.plain_text import units

LARGEST_FINDING = 240_000  # bytes; AWS says 240 KB
LARGEST_BATCH = 6_000_000
MOST_FINDINGS = 100
ACCOUNT = re.compile(r"\d{12}", re.ASCII)
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d", re.ASCII)
PRODUCT_ARN = re.compile(
    r"arn:(aws|aws-cn|aws-us-gov):securityhub:([a-z0-9-]+):(\d{12}):product/(\d{12})/default", re.ASCII
)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)
# namespace → categories; a classifier may follow, and a path may stop early
TAXONOMY: Mapping[str, frozenset[str]] = {
    "Software and Configuration Checks": frozenset(
        {"Vulnerabilities", "AWS Security Best Practices", "Industry and Regulatory Standards"}
    ),
    "TTPs": frozenset(
        {"Initial Access", "Execution", "Persistence", "Privilege Escalation", "Defense Evasion", "Credential Access",
         "Discovery", "Lateral Movement", "Collection", "Command and Control"}
    ),
    "Effects": frozenset(
        {"Data Exposure", "Data Exfiltration", "Data Destruction", "Denial of Service", "Resource Consumption"}
    ),
    "Unusual Behaviors": frozenset(
        {"Application", "Network Flow", "IP address", "User", "VM", "Container", "Serverless", "Process", "Database",
         "Data"}
    ),
    "Sensitive Data Identifications": frozenset({"PII", "Passwords", "Legal", "Financial", "Security", "Business"}),
}  # fmt: skip
Problems = Iterator[str]
Check = Callable[[str, Any], Problems]


@dataclass(frozen=True, slots=True)
class Text:
    longest: int
    pattern: re.Pattern[str] | None = None

    def __call__(self, path: str, value: Any) -> Problems:
        if not isinstance(value, str):
            yield f"{path}: {type(value).__name__} where text is expected"
            return
        if not value.strip():
            yield f"{path}: empty or blank"
        if units(value) > self.longest:
            yield f"{path}: {units(value):,} characters; {self.longest:,} are allowed"
        if any("\ud800" <= each <= "\udfff" for each in value):
            yield f"{path}: holds half a character (a lone surrogate)"
        elif not value.isprintable():
            yield f"{path}: holds a line break or a character that can't be printed"
        if self.pattern is not None and self.pattern.fullmatch(value) is None:
            yield f"{path}: {value[:60]!r} is not of the form {self.pattern.pattern}"


@dataclass(frozen=True, slots=True)
class OneOf:
    allowed: tuple[str, ...]

    def __call__(self, path: str, value: Any) -> Problems:
        if value not in self.allowed:
            yield f"{path}: {str(value)[:60]!r} is none of {', '.join(self.allowed)}"


@dataclass(frozen=True, slots=True)
class Number:
    lowest: int
    highest: int

    def __call__(self, path: str, value: Any) -> Problems:
        if not isinstance(value, int) or isinstance(value, bool) or not self.lowest <= value <= self.highest:
            yield f"{path}: {str(value)[:60]} is no whole number from {self.lowest} to {self.highest}"


@dataclass(frozen=True, slots=True)
class ListOf:
    item: Check
    most: int
    least: int = 0

    def __call__(self, path: str, value: Any) -> Problems:
        if not isinstance(value, list):
            yield f"{path}: {type(value).__name__} where a list is expected"
            return
        if not self.least <= len(value) <= self.most:
            yield f"{path}: {len(value)} entries; {self.least} to {self.most} are allowed"
        for index, each in enumerate(value):
            yield from self.item(f"{path}[{index}]", each)


@dataclass(frozen=True, slots=True)
class MapOf:
    key: Text
    value: Text
    most: int

    def __call__(self, path: str, value: Any) -> Problems:
        if not isinstance(value, dict):
            yield f"{path}: {type(value).__name__} where an object is expected"
            return
        if len(value) > self.most:
            yield f"{path}: {len(value)} entries; {self.most} are allowed"
        for key, each in value.items():
            yield from self.key(f"{path} key", key)
            yield from self.value(f"{path}[{str(key)[:40]!r}]", each)


@dataclass(frozen=True, slots=True)
class Object:
    required: Mapping[str, Check] = field(default_factory=dict)
    optional: Mapping[str, Check] = field(default_factory=dict)

    def __call__(self, path: str, value: Any) -> Problems:
        if not isinstance(value, dict):
            yield f"{path}: {type(value).__name__} where an object is expected"
            return
        prefix = f"{path}." if path else ""
        for name in self.required.keys() - value.keys():
            yield f"{prefix}{name}: missing"
        for name, each in value.items():
            check = self.required.get(name) or self.optional.get(name)
            if check is None:
                yield f"{prefix}{str(name)[:60]}: not an attribute that ecsaudit sends"
            else:
                yield from check(f"{prefix}{name}", each)


def moment(path: str, value: Any) -> Problems:
    """ISO 8601 in UTC, with a `Z`."""
    if not isinstance(value, str) or MOMENT.fullmatch(value) is None:
        yield f"{path}: {str(value)[:60]!r} is no time such as 2026-11-02T09:30:00.000Z"
        return
    try:
        datetime.fromisoformat(value)
    except ValueError:
        yield f"{path}: {value!r} is a time that does not exist"


def finding_type(path: str, value: Any) -> Problems:
    """`namespace/category/classifier`, from AWS's own taxonomy."""
    yield from Text(512)(path, value)
    if not isinstance(value, str):
        return
    namespace, *rest = value.split("/")
    if namespace not in TAXONOMY:
        yield f"{path}: {namespace[:60]!r} is no namespace of finding types"
    elif rest and rest[0] not in TAXONOMY[namespace]:
        yield f"{path}: {rest[0][:60]!r} is no category of {namespace}"
    elif len(rest) > 2 or "" in rest:
        yield f"{path}: {value[:60]!r} is not of the form namespace/category/classifier"


def ipv4(path: str, value: Any) -> Problems:
    try:
        IPv4Address(value)
    except (AddressValueError, ValueError):
        yield f"{path}: {str(value)[:60]!r} is no IPv4 address"


def url(path: str, value: Any) -> Problems:
    yield from Text(2048)(path, value)
    if isinstance(value, str) and urlsplit(value).scheme not in ("http", "https"):
        yield f"{path}: {value[:60]!r} is no http or https address"


def resource_arn(path: str, value: Any) -> Problems:
    """An ARN with its six parts."""
    yield from Text(512)(path, value)
    if isinstance(value, str) and ((found := arn.parse(value)) is None or not found.service or not found.resource):
        yield f"{path}: {value[:60]!r} is no ARN"


def resource(path: str, value: Any) -> Problems:
    """One entry of Resources; the details must be those of its type, and ARNs of ECS and IAM must be ARNs."""
    yield from RESOURCE(path, value)
    if not isinstance(value, dict):
        return
    kind, details = value.get("Type"), value.get("Details")
    if kind in DETAILS and isinstance(details, dict) and set(details) - {kind, "Other"}:
        yield f"{path}.Details: has {', '.join(sorted(set(details) - {str(kind)}))[:60]} for a resource of type {kind}"
    if kind in WITH_ARN or str(value.get("Id", "")).startswith("arn:"):
        yield from resource_arn(f"{path}.Id", value.get("Id"))


SEVERITY = OneOf(("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"))
TYPES = ListOf(finding_type, 50)
WITH_ARN = frozenset({"AwsEcsCluster", "AwsEcsTask", "AwsEcsService", "AwsEcsContainer", "AwsIamRole", "AwsIamUser"})
DETAILS: Mapping[str, Object] = {
    "AwsEcsCluster": Object(optional={"ClusterArn": resource_arn, "ClusterName": Text(255)}),
    "AwsEcsTask": Object(optional={"ClusterArn": resource_arn, "Group": Text(512)}),
    "AwsEcsService": Object(optional={"ServiceArn": resource_arn, "ServiceName": Text(255), "Cluster": resource_arn}),
    "AwsEcsContainer": Object(optional={"Name": Text(255)}),
    "AwsIamRole": Object(optional={"RoleName": Text(64)}),
    "AwsIamUser": Object(optional={"UserName": Text(64)}),
    "AwsIamAccessKey": Object(
        optional={"AccessKeyId": Text(128), "PrincipalId": Text(512), "PrincipalName": Text(512),
                  "PrincipalType": Text(64), "AccountId": Text(12, ACCOUNT)}
    ),
}  # fmt: skip
RESOURCE = Object(
    required={
        "Type": OneOf((*DETAILS, "AwsAccount", "Other")),
        "Id": Text(512),
    },
    optional={
        "Partition": OneOf(("aws", "aws-cn", "aws-us-gov")),
        "Region": Text(16, REGION),
        "Details": Object(optional={**DETAILS, "Other": MapOf(Text(128), Text(1024), 50)}),
    },
)
API_CALL = Object(
    optional={
        "Api": Text(128),
        "ServiceName": Text(128),
        "CallerType": OneOf(("remoteIp", "domain")),
        "RemoteIpDetails": Object(required={"IpAddressV4": ipv4}),
        "DomainDetails": Object(required={"Domain": Text(128)}),
        "FirstSeen": moment,
        "LastSeen": moment,
    }
)
FINDING = Object(
    required={
        "SchemaVersion": OneOf(("2018-10-08",)),
        "Id": Text(512),
        "ProductArn": Text(2048, PRODUCT_ARN),
        "GeneratorId": Text(512),
        "AwsAccountId": Text(12, ACCOUNT),
        "CreatedAt": moment,
        "UpdatedAt": moment,
        "Title": Text(256),
        "Description": Text(1024),
        "Resources": ListOf(resource, 32, least=1),
        "Severity": Object(required={"Label": SEVERITY}, optional={"Original": Text(64)}),
    },
    optional={
        "Region": Text(16, REGION),
        "FirstObservedAt": moment,
        "LastObservedAt": moment,
        "Types": TYPES,
        "FindingProviderFields": Object(
            optional={
                "Severity": Object(optional={"Label": SEVERITY, "Original": Text(64)}),
                "Types": TYPES,
                "Confidence": Number(0, 100),
                "Criticality": Number(0, 100),
            }
        ),
        "ProductFields": MapOf(Text(128), Text(2048), 50),
        "Action": Object(
            required={"ActionType": OneOf(("AWS_API_CALL",))}, optional={"AwsApiCallAction": API_CALL}
        ),
        "Process": Object(optional={"Name": Text(64), "Path": Text(512)}),
        "Compliance": Object(
            optional={
                "Status": OneOf(("PASSED", "WARNING", "FAILED", "NOT_AVAILABLE")),
                "RelatedRequirements": ListOf(Text(64), 32),
            }
        ),
        "Remediation": Object(
            optional={"Recommendation": Object(optional={"Text": Text(512), "Url": url})}
        ),
        "RecordState": OneOf(("ACTIVE", "ARCHIVED")),
        "SourceUrl": url,
    },
)  # fmt: skip
NOTE = Object(required={"Text": Text(512), "UpdatedBy": Text(512)})
WORKFLOW = Object(required={"Status": OneOf(("NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"))})


def check(finding: Any) -> list[str]:
    """What is wrong with a finding, each as `where: what`; empty where nothing is."""
    problems = list(FINDING("", finding))
    if problems:
        return problems
    return [*agreement(finding), *too_large(finding)]


def agreement(finding: Mapping[str, Any]) -> Problems:
    """Account, Region and partition are named several times and must be the same; times must be in order."""
    found = PRODUCT_ARN.fullmatch(finding["ProductArn"])
    assert found is not None
    partition, region, account, product = found.groups()
    if not account == product == finding["AwsAccountId"]:
        yield f"ProductArn: is of account {account}, the finding of {finding['AwsAccountId']}"
    if finding.get("Region", region) != region:
        yield f"ProductArn: is of Region {region}, the finding of {finding['Region']}"
    for index, each in enumerate(finding["Resources"]):
        if each.get("Partition", partition) != partition:
            yield f"Resources[{index}].Partition: {each['Partition']}, where the product's is {partition}"
        if each.get("Region", region) != region:
            yield f"Resources[{index}].Region: {each['Region']}, where the product's is {region}"
    api_call = finding.get("Action", {}).get("AwsApiCallAction", {})
    wanted = {"remoteIp": "RemoteIpDetails", "domain": "DomainDetails"}.get(api_call.get("CallerType"))
    if wanted is not None and wanted not in api_call:
        yield f"Action.AwsApiCallAction.CallerType: {api_call['CallerType']} without {wanted}"
    for earlier, later in (("CreatedAt", "UpdatedAt"), ("FirstObservedAt", "LastObservedAt")):
        if earlier in finding and later in finding and read(finding[earlier]) > read(finding[later]):
            yield f"{later}: before {earlier}"


def read(text: str) -> datetime:
    return datetime.fromisoformat(text)


def size(finding: Mapping[str, Any]) -> int:
    """Bytes that a finding takes as boto3 sends it."""
    return len(json.dumps(finding))


def too_large(finding: Mapping[str, Any]) -> Problems:
    if (bytes_ := size(finding)) > LARGEST_FINDING:
        yield f"the finding has {bytes_:,} bytes; {LARGEST_FINDING:,} are allowed"
