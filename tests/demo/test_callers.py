from datetime import UTC, datetime
from typing import Any

from ecsaudit.demo.callers import AwsService, Caller, FederatedUser, IamUser, OidcRole, RoleSession, Root, SsoUser

ACCOUNT = "111122223333"
AT = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def identity(caller: Caller, at: datetime = AT) -> Any:
    return caller(ACCOUNT, at)


def test_an_iam_user_keeps_its_path_and_its_long_lived_key() -> None:
    user = IamUser("hugo.lind", "/teams/data/")
    given = identity(user)
    assert (given["type"], given["userName"]) == ("IAMUser", "hugo.lind")
    assert given["arn"] == "arn:aws:iam::111122223333:user/teams/data/hugo.lind"
    assert given["accessKeyId"].startswith("AKIA")
    assert given["accessKeyId"] == identity(user, AT.replace(month=12))["accessKeyId"]
    assert "sessionContext" not in given


def test_an_sso_user_is_a_reserved_role_named_by_e_mail() -> None:
    given = identity(SsoUser("maria.keller@example.com", "PlatformEngineer", on_behalf_of=True))
    issuer = given["sessionContext"]["sessionIssuer"]
    assert given["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{issuer['userName']}/maria.keller@example.com"
    assert issuer["userName"].startswith("AWSReservedSSO_PlatformEngineer_")
    assert issuer["arn"].startswith(f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/")
    assert given["onBehalfOf"]["identityStoreArn"].startswith(f"arn:aws:identitystore::{ACCOUNT}:")
    assert given["sessionContext"]["attributes"]["mfaAuthenticated"] == "false"


def test_a_role_session_without_a_name_gets_botocores() -> None:
    given = identity(RoleSession("OpsToolbox", mfa=True))
    session_name = given["arn"].rpartition("/")[2]
    created = datetime.fromisoformat(given["sessionContext"]["attributes"]["creationDate"])
    assert session_name == f"botocore-session-{int(created.timestamp())}"
    assert created < AT
    assert given["sessionContext"]["attributes"]["mfaAuthenticated"] == "true"
    assert "invokedBy" not in given


def test_root_has_no_issuer() -> None:
    given = identity(Root())
    assert (given["type"], given["arn"]) == ("Root", f"arn:aws:iam::{ACCOUNT}:root")
    assert list(given["sessionContext"]) == ["attributes"]


def test_a_federated_user_is_issued_by_the_broker() -> None:
    given = identity(FederatedUser("dave.moreau", "identity-broker"))
    assert given["arn"] == f"arn:aws:sts::{ACCOUNT}:federated-user/dave.moreau"
    assert given["sessionContext"]["sessionIssuer"]["userName"] == "identity-broker"


def test_a_ci_job_names_its_provider() -> None:
    given = identity(OidcRole("gha-deploy", "GitHubActions", "token.actions.githubusercontent.com"))
    provider = given["sessionContext"]["webIdFederationData"]["federatedProvider"]
    assert provider == f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"


def test_a_service_is_nothing_but_its_name() -> None:
    assert identity(AwsService("ecs-tasks.amazonaws.com")) == {
        "type": "AWSService",
        "invokedBy": "ecs-tasks.amazonaws.com",
    }
