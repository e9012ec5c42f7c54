import pytest
from moto import mock_aws

from ecsaudit.cloudtrail import aws
from ecsaudit.cloudtrail.models import Account
from tests import factories

MOTO_ACCOUNT = "123456789012"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@mock_aws
@pytest.mark.django_db
def test_connecting_finds_the_account_of_the_credentials_and_again_changes_its_regions() -> None:
    aws.connect(profile_name="", regions=["eu-west-1"])
    account = aws.connect(profile_name="", regions=["eu-west-1", "us-east-1"])
    assert (account.account_id, account.regions) == (MOTO_ACCOUNT, ["eu-west-1", "us-east-1"])
    assert Account.objects.count() == 1


@mock_aws
@pytest.mark.django_db
def test_the_credentials_own_region_is_read_when_none_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert aws.connect(profile_name="", regions=[]).regions == ["eu-central-1"]


@pytest.mark.django_db
def test_no_region_at_all_is_told_with_the_variable_to_set() -> None:
    with pytest.raises(aws.AwsSetupError, match="set ECSAUDIT_AWS_REGIONS"):
        aws.connect(profile_name="", regions=[])


@pytest.mark.django_db
def test_missing_credentials_and_profiles_are_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    with pytest.raises(aws.AwsSetupError, match="Unable to locate credentials"):
        aws.connect(profile_name="", regions=["eu-west-1"])
    with pytest.raises(aws.AwsSetupError, match="nobody"):
        aws.connect(profile_name="nobody", regions=["eu-west-1"])


@mock_aws
@pytest.mark.django_db
def test_a_sample_account_is_never_turned_into_a_real_one() -> None:
    factories.account(MOTO_ACCOUNT, is_sample=True)
    with pytest.raises(aws.AwsSetupError, match="remove_sample"):
        aws.connect(profile_name="", regions=["eu-west-1"])


def test_a_sample_client_carries_made_up_credentials_to_its_own_endpoint() -> None:
    account = Account(is_sample=True, sample_access_key="AKIASAMPLE", endpoint_url="http://127.0.0.1:9")
    client = aws.client(account, "eu-west-1")
    assert client.meta.endpoint_url == "http://127.0.0.1:9"
    assert client._request_signer._credentials.access_key == "AKIASAMPLE"


@mock_aws
def test_a_role_is_assumed_with_its_external_id() -> None:
    account = Account(role_arn="arn:aws:iam::444455556666:role/ecsaudit", external_id="x1")
    credentials = aws.session(account, "eu-west-1").get_credentials()
    assert credentials.access_key != "AKIAEXAMPLE"
    assert credentials.token
