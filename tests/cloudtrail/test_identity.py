import json
from typing import Any

import pytest

from ecsaudit.cloudtrail.identity import IdentityKind, identify, is_ecs_itself, short_role
from ecsaudit.cloudtrail.record import Record, read
from tests.records import ECS_ITSELF, SSO_USER, execute_command


def record(user_identity: Any) -> Record:
    return read(json.dumps(execute_command(userIdentity=user_identity)))


ROLE = {"type": "Role", "userName": "Admin"}


@pytest.mark.parametrize(
    ("user_identity", "kind", "person", "role"),
    [
        (SSO_USER, IdentityKind.SSO, "ana@example.com", "AWSReservedSSO_Developer_0123456789abcdef"),
        (
            {"type": "IAMUser", "userName": "bob", "arn": "arn:aws:iam::111122223333:user/ops/eu/bob"},
            IdentityKind.IAM_USER,
            "bob",
            "",
        ),
        ({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ops/eu/bob"}, IdentityKind.IAM_USER, "bob", ""),
        (
            {
                "type": "AssumedRole",
                "arn": "arn:aws:sts::111122223333:assumed-role/Admin/botocore-session-1638379635",
                "sessionContext": {"sessionIssuer": ROLE, "webIdFederationData": {}},
            },
            IdentityKind.ASSUMED_ROLE,
            "botocore-session-1638379635",
            "Admin",
        ),
        (
            {"type": "AssumedRole", "principalId": "AROAEXAMPLE:bob", "sessionContext": {"sessionIssuer": {}}},
            IdentityKind.ASSUMED_ROLE,
            "bob",
            "",
        ),
        ({"type": "Root", "arn": "arn:aws:iam::111122223333:root"}, IdentityKind.ROOT, "root", ""),
        (
            {"type": "FederatedUser", "arn": "arn:aws:sts::111122223333:federated-user/dave"},
            IdentityKind.FEDERATED,
            "dave",
            "",
        ),
        (
            {
                "type": "AssumedRole",
                "arn": "arn:aws:sts::111122223333:assumed-role/gha-deploy/GitHubActions",
                "sessionContext": {
                    "sessionIssuer": {"type": "Role", "userName": "gha-deploy"},
                    "webIdFederationData": {"federatedProvider": "arn:aws:iam::1:oidc-provider/token.actions.example"},
                },
            },
            IdentityKind.OIDC,
            "GitHubActions",
            "gha-deploy",
        ),
        ({"type": "WebIdentityUser", "userName": "ci"}, IdentityKind.OIDC, "ci", ""),
        ({"type": "AWSService", "invokedBy": "states.amazonaws.com"}, IdentityKind.SERVICE, "states.amazonaws.com", ""),
        (
            {"accountId": "111122223333", "invokedBy": "ecs.amazonaws.com"},
            IdentityKind.SERVICE,
            "ecs.amazonaws.com",
            "",
        ),
        ({"type": "IdentityCenterUser", "onBehalfOf": {"userId": "u-1"}}, IdentityKind.SSO, "u-1", ""),
        ({"userName": "developer"}, IdentityKind.IAM_USER, "developer", ""),
        ({"type": "AWSAccount", "accountId": "444455556666"}, IdentityKind.OTHER, "444455556666", ""),
        ({}, IdentityKind.OTHER, "unknown", ""),
        (None, IdentityKind.OTHER, "unknown", ""),
        ("text", IdentityKind.OTHER, "unknown", ""),
        ({"type": 7, "arn": None, "sessionContext": []}, IdentityKind.OTHER, "unknown", ""),
    ],
)
def test_every_form_of_identity_names_a_person(user_identity: Any, kind: IdentityKind, person: str, role: str) -> None:
    found = identify(record(user_identity))
    assert (found.kind, found.person, found.role_name) == (kind, person, role)


def test_ecs_itself_is_told_by_role_or_by_invoked_by() -> None:
    assert is_ecs_itself(record(ECS_ITSELF))
    assert is_ecs_itself(record({"type": "AWSService", "invokedBy": "ecs.amazonaws.com"}))
    assert not is_ecs_itself(record(SSO_USER))


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        ("AWSReservedSSO_Prod_Admin_0123456789abcdef", "Prod_Admin"),
        ("AWSReservedSSO_x", "AWSReservedSSO_x"),
        ("Admin", "Admin"),
    ],
)
def test_an_identity_center_role_is_called_by_its_permission_set(role: str, shown: str) -> None:
    assert short_role(role) == shown
