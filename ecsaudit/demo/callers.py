"""Every form of CloudTrail's userIdentity that the sample uses."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ecsaudit.demo import digests

Identity = dict[str, object]

# A caller gives its userIdentity for an account and the time of a call.
Caller = Callable[[str, datetime], Identity]


@dataclass(frozen=True, slots=True)
class IamUser:
    """A user with a long-lived key; `path` begins and ends with a slash."""

    name: str
    path: str = "/"

    def __call__(self, account_id: str, at: datetime) -> Identity:
        return {
            "type": "IAMUser",
            "principalId": digests.unique_id("AIDA", account_id, self.name),
            "arn": f"arn:aws:iam::{account_id}:user{self.path}{self.name}",
            "accountId": account_id,
            "accessKeyId": digests.unique_id("AKIA", account_id, self.name),
            "userName": self.name,
        }


@dataclass(frozen=True, slots=True)
class Root:
    def __call__(self, account_id: str, at: datetime) -> Identity:
        return {
            "type": "Root",
            "principalId": account_id,
            "arn": f"arn:aws:iam::{account_id}:root",
            "accountId": account_id,
            "accessKeyId": digests.unique_id("ASIA", account_id, "root", at.date()),
            "sessionContext": {"attributes": _attributes(_signed_in_at("root", at), mfa=True)},
        }


@dataclass(frozen=True, slots=True)
class SsoUser:
    """A person of Identity Center; `user_id` appears as onBehalfOf when `on_behalf_of` is set."""

    email: str
    permission_set: str
    home_region: str = "eu-west-1"
    on_behalf_of: bool = False

    def __call__(self, account_id: str, at: datetime) -> Identity:
        role = f"AWSReservedSSO_{self.permission_set}_{digests.hexadecimal(16, account_id, self.permission_set)}"
        path = f"/aws-reserved/sso.amazonaws.com/{self.home_region}/"
        identity = _assumed_role(
            account_id, _signed_in_at(self.email, at), role=role, path=path, session_name=self.email
        )
        if self.on_behalf_of:
            identity["onBehalfOf"] = {
                "userId": digests.uuid4("identity store", self.email),
                "identityStoreArn": f"arn:aws:identitystore::{account_id}:identitystore/d-9067642ac7",
            }
        return identity


@dataclass(frozen=True, slots=True)
class RoleSession:
    """A role assumed under `session_name`; without one, under the name that botocore makes up."""

    role: str
    session_name: str | None = None
    mfa: bool = False
    invoked_by: str | None = None
    path: str = "/"

    def __call__(self, account_id: str, at: datetime) -> Identity:
        signed_in_at = _signed_in_at(f"{self.role}/{self.session_name}", at)
        session_name = self.session_name or f"botocore-session-{int(signed_in_at.timestamp())}"
        identity = _assumed_role(
            account_id, signed_in_at, role=self.role, path=self.path, session_name=session_name, mfa=self.mfa
        )
        if self.invoked_by is not None:
            identity["invokedBy"] = self.invoked_by
        return identity


@dataclass(frozen=True, slots=True)
class OidcRole:
    """A CI job that assumed its role with a web identity."""

    role: str
    session_name: str
    provider: str

    def __call__(self, account_id: str, at: datetime) -> Identity:
        provider_arn = f"arn:aws:iam::{account_id}:oidc-provider/{self.provider}"
        federation: dict[str, object] = {"federatedProvider": provider_arn, "attributes": {}}
        # Each job signs in for itself, shortly before its calls.
        signed_in_at = at - timedelta(seconds=95)
        return _assumed_role(
            account_id, signed_in_at, role=self.role, session_name=self.session_name, federation=federation
        )


@dataclass(frozen=True, slots=True)
class FederatedUser:
    """A name that an IAM user, the broker, vouches for."""

    name: str
    broker: str

    def __call__(self, account_id: str, at: datetime) -> Identity:
        return {
            "type": "FederatedUser",
            "principalId": f"{account_id}:{self.name}",
            "arn": f"arn:aws:sts::{account_id}:federated-user/{self.name}",
            "accountId": account_id,
            "accessKeyId": digests.unique_id("ASIA", account_id, self.name, at.date()),
            "sessionContext": {
                "sessionIssuer": {
                    "type": "IAMUser",
                    "principalId": digests.unique_id("AIDA", account_id, self.broker),
                    "arn": f"arn:aws:iam::{account_id}:user/{self.broker}",
                    "accountId": account_id,
                    "userName": self.broker,
                },
                "attributes": _attributes(_signed_in_at(self.name, at)),
            },
        }


@dataclass(frozen=True, slots=True)
class AwsService:
    """A service that acts in its own name: no ARN, no access key."""

    service: str

    def __call__(self, account_id: str, at: datetime) -> Identity:
        return {"type": "AWSService", "invokedBy": self.service}


# Opens the Session Manager session behind each ECS Exec.
ECS_SERVICE_ROLE = RoleSession(
    "AWSServiceRoleForECS",
    "ecs-service-scheduler",
    invoked_by="ecs.amazonaws.com",
    path="/aws-service-role/ecs.amazonaws.com/",
)


def _assumed_role(
    account_id: str,
    signed_in_at: datetime,
    *,
    role: str,
    session_name: str,
    path: str = "/",
    mfa: bool = False,
    federation: dict[str, object] | None = None,
) -> Identity:
    role_id = digests.unique_id("AROA", account_id, role)
    return {
        "type": "AssumedRole",
        "principalId": f"{role_id}:{session_name}",
        "arn": f"arn:aws:sts::{account_id}:assumed-role/{role}/{session_name}",
        "accountId": account_id,
        "accessKeyId": digests.unique_id("ASIA", account_id, role, session_name, signed_in_at),
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role_id,
                "arn": f"arn:aws:iam::{account_id}:role{path}{role}",
                "accountId": account_id,
                "userName": role,
            },
            "webIdFederationData": federation or {},
            "attributes": _attributes(signed_in_at, mfa=mfa),
        },
    }


def _attributes(signed_in_at: datetime, *, mfa: bool = False) -> dict[str, object]:
    created = signed_in_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"creationDate": created, "mfaAuthenticated": "true" if mfa else "false"}


def _signed_in_at(name: str, at: datetime) -> datetime:
    """Some minutes before the half of the day in which the call happens: one sign-in serves several calls."""
    half_day = at.replace(hour=0 if at.hour < 12 else 12, minute=0, second=0, microsecond=0)
    return half_day - timedelta(seconds=60 + digests.number("sign-in", name, half_day) % 1500)
