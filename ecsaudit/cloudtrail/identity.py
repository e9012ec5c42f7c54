"""Who stands behind a CloudTrail record: the person, the form of the identity, and the role beside it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import TextChoices

from ecsaudit.cloudtrail.record import Record, section, string

SSO_ROLE_PREFIX = "AWSReservedSSO_"
SSO_ROLE = re.compile(r"AWSReservedSSO_(.+)_[0-9a-f]{16}", re.ASCII)
UNKNOWN_PERSON = "unknown"
ECS_SERVICE_ROLE = "AWSServiceRoleForECS"
ECS_SERVICE = "ecs.amazonaws.com"


class IdentityKind(TextChoices):
    """The forms of userIdentity that need telling apart."""

    SSO = "sso", "Identity Center"
    IAM_USER = "iam_user", "IAM user"
    ASSUMED_ROLE = "assumed_role", "Assumed role"
    ROOT = "root", "Root"
    FEDERATED = "federated", "Federated user"
    OIDC = "oidc", "Web identity"
    SERVICE = "service", "AWS service"
    OTHER = "other", "Other"


@dataclass(frozen=True, slots=True)
class Identity:
    """`person` is never empty; `role_name` is empty for who acts without a role."""

    kind: IdentityKind
    person: str
    role_name: str
    arn: str


def identify(record: Record) -> Identity:
    """Name the human behind the record as well as its userIdentity allows, with any part of it missing."""
    user = record.section("userIdentity")
    role_name = role_of(user)
    kind = kind_of(user, role_name)
    person = person_of(user, kind) or UNKNOWN_PERSON
    return Identity(kind=kind, person=person, role_name=role_name, arn=string(user, "arn"))


def kind_of(user: Mapping[str, Any], role_name: str) -> IdentityKind:
    match string(user, "type"):
        case "Root":
            return IdentityKind.ROOT
        case "IAMUser":
            return IdentityKind.IAM_USER
        case "FederatedUser" | "SAMLUser":
            return IdentityKind.FEDERATED
        case "WebIdentityUser":
            return IdentityKind.OIDC
        case "IdentityCenterUser":
            return IdentityKind.SSO
        case "AWSService":
            return IdentityKind.SERVICE
        case "AssumedRole":
            return kind_of_assumed_role(user, role_name)
    if not string(user, "type") and string(user, "userName"):
        return IdentityKind.IAM_USER
    if string(user, "invokedBy"):
        return IdentityKind.SERVICE
    return IdentityKind.OTHER


def kind_of_assumed_role(user: Mapping[str, Any], role_name: str) -> IdentityKind:
    if role_name.startswith(SSO_ROLE_PREFIX):
        return IdentityKind.SSO
    if string(section(section(user, "sessionContext"), "webIdFederationData"), "federatedProvider"):
        return IdentityKind.OIDC
    if role_name == ECS_SERVICE_ROLE:
        return IdentityKind.SERVICE
    return IdentityKind.ASSUMED_ROLE


def role_of(user: Mapping[str, Any]) -> str:
    """The role's name from the session's issuer, or from an ARN `…:assumed-role/<role>/<session>`."""
    issuer = section(section(user, "sessionContext"), "sessionIssuer")
    if string(issuer, "type") == "Role" and string(issuer, "userName"):
        return string(issuer, "userName")
    parts = string(user, "arn").split(":assumed-role/", 1)
    if len(parts) == 2:
        return parts[1].split("/", 1)[0]
    return string(issuer, "userName") if string(user, "type") == "AssumedRole" else ""


def short_role(role_name: str) -> str:
    """The permission set behind an Identity Center role, which is what people call it; other names as they are."""
    found = SSO_ROLE.fullmatch(role_name)
    return found[1] if found else role_name


def person_of(user: Mapping[str, Any], kind: IdentityKind) -> str:
    arn = string(user, "arn")
    if kind is IdentityKind.ROOT:
        return "root"
    if string(user, "type") == "AWSService" or (kind is IdentityKind.SERVICE and not arn):
        return string(user, "invokedBy") or arn
    return string(user, "userName") or name_in_arn(arn) or name_in_principal(user) or on_behalf_of(user)


def name_in_arn(arn: str) -> str:
    """The session name of an assumed role, or the last part of a user's or federated user's ARN."""
    resource = arn.split(":", 5)[-1] if arn.count(":") >= 5 else ""
    return resource.rsplit("/", 1)[-1] if "/" in resource else ""


def name_in_principal(user: Mapping[str, Any]) -> str:
    """`AROA…:session-name`; a bare id is better than nothing."""
    return string(user, "principalId").rsplit(":", 1)[-1]


def on_behalf_of(user: Mapping[str, Any]) -> str:
    return string(section(user, "onBehalfOf"), "userId") or string(user, "accountId")


def is_ecs_itself(record: Record) -> bool:
    """Whether ECS made the call: the StartSession behind every ExecuteCommand comes from its service-linked role."""
    user = record.section("userIdentity")
    return role_of(user) == ECS_SERVICE_ROLE or string(user, "invokedBy") == ECS_SERVICE
