"""From the facts of a finding to the AWS Security Finding Format (ASFF, schema 2018-10-08). Pure.

Whatever the facts, the result passes ecsaudit.securityhub.check: texts are cut and cleaned, what fits no attribute of AWS's
stands in ProductFields, and names that make no ARN become resources of type Other.

Workflow and Note are not part of it: they are the customer's, and go by BatchUpdateFindings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from ecsaudit.compliance.frameworks import FRAMEWORKS, Control, controls_of
from ecsaudit.execsessions.facts import EXECUTE_COMMAND, START_SESSION
from ecsaudit.findings.severity import SEVERITIES
from ecsaudit.securityhub.check import LARGEST_FINDING, size
from ecsaudit.securityhub.facts import Facts, Principal
from ecsaudit.securityhub.plain_text import fitted, plain, units

Json = dict[str, Any]
SCHEMA = "2018-10-08"
GENERATOR_PREFIX = "ecsaudit/"
NAME = re.compile(r"[\w-]{1,255}", re.ASCII)
ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/(?:[\w+=,.@-]+/)*([\w+=,.@-]{1,64})", re.ASCII)
USER = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:user/(?:[\w+=,.@-]+/)*([\w+=,.@-]{1,64})", re.ASCII)
ASSUMED_ROLE = re.compile(r"arn:(aws[a-z-]*):sts::(\d{12}):assumed-role/([\w+=,.@-]{1,64})/.*", re.ASCII | re.S)
CONTAINER_ARN = re.compile(r"arn:aws[a-z-]*:ecs:[a-z0-9-]+:\d{12}:container/[\w/-]+", re.ASCII)
SERVICE = re.compile(r"[a-z0-9.-]{1,100}\.amazonaws\.com", re.ASCII)
ACCESS_KEY = re.compile(r"[A-Z0-9]{16,128}", re.ASCII)
LONGEST_ID = 512
MOST_PRODUCT_FIELDS = 50
MOST_REQUIREMENTS = 32
# ATT&CK's tactics as AWS's finding types; Exfiltration and Impact are effects there.
TYPE_OF_TACTIC: Mapping[str, str] = {
    "TA0001": "TTPs/Initial Access",
    "TA0002": "TTPs/Execution",
    "TA0003": "TTPs/Persistence",
    "TA0004": "TTPs/Privilege Escalation",
    "TA0005": "TTPs/Defense Evasion",
    "TA0006": "TTPs/Credential Access",
    "TA0007": "TTPs/Discovery",
    "TA0008": "TTPs/Lateral Movement",
    "TA0009": "TTPs/Collection",
    "TA0010": "Effects/Data Exfiltration",
    "TA0011": "TTPs/Command and Control",
    "TA0040": "Effects/Data Destruction",
}
INTO_CONTAINERS = "Unusual Behaviors/Container"
BY_USERS = "Unusual Behaviors/User"
# Requirements as AWS itself writes them, where it does. ATT&CK's techniques are types, and FSBP's are controls, not
# requirements.
REQUIREMENT: Mapping[str, str] = {
    "nist-800-53": "NIST.800-53.r5 {control}",
    "nist-800-190": "NIST.800-190 {control}",
    "pci-dss": "PCI DSS v{version}/{control}",
    "soc-2": "SOC 2 {control}",
    "cis-aws": "CIS AWS Foundations Benchmark v{version}/{control}",
    "iso-27001": "ISO/IEC 27001:{version} {control}",
    "hipaa": "HIPAA {control}",
}


def asff(facts: Facts, updated_at: datetime) -> Json:
    """The finding as BatchImportFindings takes it."""
    severity = {"Label": SEVERITIES[facts.priority].value, "Original": facts.priority.label}
    types = types_of(facts)
    finding: Json = {
        "SchemaVersion": SCHEMA,
        "Id": finding_id(facts),
        "ProductArn": product_arn(facts.account_id, facts.region),
        "GeneratorId": generator_id(facts.rule),
        "AwsAccountId": facts.account_id,
        "Region": facts.region,
        "Types": types,
        "FirstObservedAt": moment(facts.event_time),
        "LastObservedAt": moment(facts.event_time),
        "CreatedAt": moment(facts.created_at),
        "UpdatedAt": moment(max(updated_at, facts.created_at)),
        "Severity": severity,
        "Title": title(facts),
        "Description": fitted(facts.output, 1024) or fitted(f"The rule matched {facts.event_name}.", 1024),
        "ProductFields": product_fields(facts),
        "Resources": resources(facts),
        "FindingProviderFields": {"Severity": severity, "Types": types},
        "Action": action(facts),
        "RecordState": "ARCHIVED" if facts.is_archived else "ACTIVE",
    }
    if process := process_of(facts.command):
        finding["Process"] = process
    if requirements := requirements_of(facts):
        finding["Compliance"] = {"RelatedRequirements": requirements}
    if facts.url and units(facts.url) <= 2048:
        finding["SourceUrl"] = facts.url
    return within_limit(finding)


def digest(finding: Mapping[str, Any]) -> str:
    """SHA-256 of what a finding says, whenever it says it."""
    said = {name: value for name, value in finding.items() if name != "UpdatedAt"}
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def note(text: str, by: str) -> Json:
    """The Note of BatchUpdateFindings; `by` is empty where ecsaudit itself did it."""
    return {"Text": fitted(text, 512) or "No reason was given.", "UpdatedBy": fitted(f"ecsaudit {by}", 512)}


def moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def partition_of(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def product_arn(account_id: str, region: str) -> str:
    """The product under which an account's own integrations send."""
    return f"arn:{partition_of(region)}:securityhub:{region}:{account_id}:product/{account_id}/default"


def generator_id(rule: str) -> str:
    return fitted(f"{GENERATOR_PREFIX}{rule}", LONGEST_ID)


def finding_id(facts: Facts) -> str:
    """`<region>/<account>/<rule>/<event id>`, the same for ever; a part that can't stand there as it is, as its SHA-256."""
    parts = [facts.rule, facts.event_id]
    found = "/".join([facts.region, facts.account_id, *map(id_part, parts)])
    if units(found) <= LONGEST_ID:
        return found
    return "/".join([facts.region, facts.account_id, hashed(json.dumps(parts))])


def id_part(text: str) -> str:
    return text if text and text == plain(text) and "/" not in text and "  " not in text else hashed(text)


def hashed(text: str) -> str:
    return f"sha256:{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def title(facts: Facts) -> str:
    """The rule and what it is about: Security Hub's list shows little else."""
    where = "/".join(filter(None, (plain(facts.target.cluster), plain(facts.target.container))))
    return fitted(": ".join(filter(None, (plain(facts.rule), where))), 256) or "ecsaudit finding"


def types_of(facts: Facts) -> list[str]:
    attack = FRAMEWORKS["mitre-attack"]
    tactics = [
        tactic
        for control in controls_of(facts.tags)
        if control.framework == attack.key
        for tactic in attack.tactics_of(control.identifier)
    ]
    found = dict.fromkeys(TYPE_OF_TACTIC[tactic] for tactic in tactics if tactic in TYPE_OF_TACTIC)
    into_a_container = facts.event_name in (EXECUTE_COMMAND, START_SESSION)
    return [*found, INTO_CONTAINERS if into_a_container else BY_USERS][:50]


def requirements_of(facts: Facts) -> list[str]:
    found = dict.fromkeys(filter(None, map(requirement, controls_of(facts.tags))))
    return list(found)[:MOST_REQUIREMENTS]


def requirement(control: Control) -> str:
    spelling = REQUIREMENT.get(control.framework, "")
    text = spelling.format(version=control.version, control=control.identifier)
    return text if units(text) <= 64 else ""


def product_fields(facts: Facts) -> dict[str, str]:
    """What the rule's output tells, under names of its own, and then every field that the rule printed."""
    said = {
        "Rule": facts.rule,
        "Priority": facts.priority.label,
        "EventName": facts.event_name,
        "EventId": facts.event_id,
        "RequestingUser": facts.principal.arn or facts.person,
        "Person": facts.person,
        "RequestingIp": facts.source_ip_address,
        "Cluster": facts.target.cluster,
        "Service": facts.target.service,
        "Task": facts.target.task_id,
        "Container": facts.target.container,
        "Command": facts.command,
        "SessionId": facts.ssm_session_id,
        "ErrorCode": facts.error_code,
        "UserAgent": facts.user_agent,
        "Tags": ", ".join(facts.tags),
    }
    said |= {f"output/{name}": value if isinstance(value, str) else json.dumps(value)
             for name, value in facts.output_fields.items() if value is not None}  # fmt: skip
    fields: dict[str, str] = {}
    for name, value in said.items():
        if (text := fitted(value, 2048)) and len(fields) < MOST_PRODUCT_FIELDS:
            fields[fitted(f"ecsaudit/{name}", 128)] = text
    return fields


def action(facts: Facts) -> Json:
    call: Json = {"FirstSeen": moment(facts.event_time), "LastSeen": moment(facts.event_time)}
    if api := fitted(facts.event_name, 128):
        call["Api"] = api
    if service := fitted(facts.event_source, 128):
        call["ServiceName"] = service
    return {"ActionType": "AWS_API_CALL", "AwsApiCallAction": call | caller(facts.source_ip_address)}


def caller(source: str) -> Json:
    """An IPv4 address or the name of an AWS service; ASFF has no place for an IPv6 address."""
    if SERVICE.fullmatch(source):
        return {"CallerType": "domain", "DomainDetails": {"Domain": source}}
    try:
        address = str(IPv4Address(source))
    except (AddressValueError, ValueError):
        return {}
    return {"CallerType": "remoteIp", "RemoteIpDetails": {"IpAddressV4": address}}


def process_of(command: str) -> Json:
    """The program that a command starts; the whole of it stands in ProductFields."""
    words = plain(command).split(maxsplit=1)
    if not words:
        return {}
    process = {}
    if name := fitted(words[0].rsplit("/", 1)[-1], 64):
        process["Name"] = name
    if words[0].startswith("/"):
        process["Path"] = fitted(words[0], 512)
    return process


def resources(facts: Facts) -> list[Json]:
    """The container, its task, service and cluster, then who did it; the account where none of them is known."""
    found = [*targets(facts), *principals(facts)]
    common = {"Partition": partition_of(facts.region), "Region": facts.region}
    every = found or [{"Type": "AwsAccount", "Id": f"AWS::::Account:{facts.account_id}"}]
    return [each | common for each in every]


def targets(facts: Facts) -> Iterator[Json]:
    target = facts.target
    prefix = f"arn:{partition_of(facts.region)}:ecs:{facts.region}:{facts.account_id}"
    cluster = arn_of(f"{prefix}:cluster/", target.cluster)
    task = arn_of(f"{prefix}:task/", target.cluster, target.task_id)
    service = arn_of(f"{prefix}:service/", target.cluster, target.service)
    if target.container:
        name = fitted(target.container, 255)
        own = target.container_arn if CONTAINER_ARN.fullmatch(target.container_arn) else ""
        container = own or arn_of(f"{prefix}:container/", target.cluster, target.task_id, target.container)
        if container and units(container) <= LONGEST_ID and name:
            yield {"Type": "AwsEcsContainer", "Id": container, "Details": {"AwsEcsContainer": {"Name": name}}}
        else:
            yield from other("container", target.container)
    if task:
        details = {"ClusterArn": cluster}
        if service:
            details["Group"] = f"service:{target.service}"
        yield {"Type": "AwsEcsTask", "Id": task, "Details": {"AwsEcsTask": details}}
    else:
        yield from other("task", target.task_id)
    if service:
        details = {"ServiceArn": service, "ServiceName": target.service, "Cluster": cluster}
        yield {"Type": "AwsEcsService", "Id": service, "Details": {"AwsEcsService": details}}
    else:
        yield from other("service", target.service)
    if cluster:
        details = {"ClusterArn": cluster, "ClusterName": target.cluster}
        yield {"Type": "AwsEcsCluster", "Id": cluster, "Details": {"AwsEcsCluster": details}}
    else:
        yield from other("cluster", target.cluster)


def arn_of(prefix: str, *names: str) -> str:
    """The ARN that ends in these names; empty where one of them can't be part of an ARN, or all are too long."""
    if not all(NAME.fullmatch(name) for name in names):
        return ""
    found = prefix + "/".join(names)
    return found if len(found) <= LONGEST_ID else ""


def other(what: str, name: str) -> Iterator[Json]:
    if text := plain(name):
        yield {"Type": "Other", "Id": fitted(f"{what} {text}", LONGEST_ID)}


def principals(facts: Facts) -> Iterator[Json]:
    who = facts.principal
    role, user = role_of(who), USER.fullmatch(who.arn)
    if role:
        name = role.rsplit("/", 1)[-1]
        yield {"Type": "AwsIamRole", "Id": role, "Details": {"AwsIamRole": {"RoleName": name}}}
    elif user and len(who.arn) <= LONGEST_ID:
        yield {"Type": "AwsIamUser", "Id": who.arn, "Details": {"AwsIamUser": {"UserName": user[1]}}}
    elif who.kind == "Root":
        yield {"Type": "AwsAccount", "Id": f"AWS::::Account:{facts.account_id}"}
    else:
        yield from other("caller", who.arn or facts.person)
    if ACCESS_KEY.fullmatch(who.access_key_id):
        yield access_key(facts)


def role_of(who: Principal) -> str:
    """The ARN of the role behind a session: its issuer, or what the session's own ARN names; else empty."""
    if ROLE.fullmatch(who.role_arn) and len(who.role_arn) <= LONGEST_ID:
        return who.role_arn
    found = ASSUMED_ROLE.fullmatch(who.arn)
    return f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}" if found else ""


def access_key(facts: Facts) -> Json:
    who = facts.principal
    details = {
        "AccessKeyId": who.access_key_id,
        "PrincipalId": fitted(who.principal_id, 512),
        "PrincipalName": fitted(facts.person, 512),
        "PrincipalType": fitted(who.kind, 64),
    }
    known = {name: value for name, value in details.items() if value}
    return {
        "Type": "AwsIamAccessKey",
        "Id": f"AWS::IAM::AccessKey:{who.access_key_id}",
        "Details": {"AwsIamAccessKey": known},
    }


def within_limit(finding: Json) -> Json:
    """The finding without the last of its ProductFields where it would be too large for Security Hub."""
    fields = dict(finding["ProductFields"])
    # A second UpdatedAt is never longer than the first, so that what fits once fits always.
    while fields and size(finding | {"ProductFields": fields}) > LARGEST_FINDING:
        fields.popitem()
    return finding | {"ProductFields": fields}
