import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.server import ThreadedMotoServer

from ecsaudit.cloudtrail.models import Account
from ecsaudit.securityhub.asff import asff
from ecsaudit.securityhub.client import BatchRefused, HubTrouble, SecurityHub, trouble_of
from tests.securityhub.hub_facts import ACCOUNT_ID, REGION, UPDATED_AT, facts
from tests.securityhub_api import Api, Fault

IMPATIENT = Config(read_timeout=0.3, retries={"mode": "standard", "total_max_attempts": 1})
NOTE = {"Text": "because", "UpdatedBy": "ecsaudit ann"}


def hub(config: Config | None = None) -> SecurityHub:
    account = Account(account_id=ACCOUNT_ID)
    return SecurityHub(account, REGION) if config is None else SecurityHub(account, REGION, config)


def test_a_request_is_made_once_however_it_fails(api: Api) -> None:
    api.fault = lambda number, operation: Fault(drop=True)
    with pytest.raises(HubTrouble, match="could not be reached"):
        hub().import_findings([asff(facts(), UPDATED_AT)])
    assert len(api.asked) == 1


def test_a_time_out_is_told_and_what_had_arrived_is_there(api: Api) -> None:
    api.fault = lambda number, operation: Fault(hang=1.0)
    with pytest.raises(HubTrouble) as told:
        hub(IMPATIENT).import_findings([asff(facts(), UPDATED_AT)])
    assert (told.value.state, told.value.code) == ("failing", "ReadTimeoutError")


def test_a_finding_of_another_account_fails_alone(api: Api) -> None:
    foreign = asff(facts(account_id="444455556666"), UPDATED_AT)
    failures = hub().import_findings([asff(facts(), UPDATED_AT), foreign])
    assert failures == {foreign["Id"]: ("InvalidInput", "The finding is of another account or Region than the caller")}


def test_an_older_update_is_ignored_by_the_stand_in_as_by_aws(api: Api) -> None:
    finding = asff(facts(), UPDATED_AT)
    assert hub().import_findings([finding]) == hub().import_findings([finding | {"Title": "other"}]) == {}
    assert (api.of(finding["Id"])["Title"], api.ignored) == (finding["Title"], [finding["Id"]])


def test_a_status_answer_that_forgets_a_finding_is_no_success(api: Api) -> None:
    api.fault = lambda number, operation: Fault(body=b'{"ProcessedFindings": [], "UnprocessedFindings": []}')
    with pytest.raises(HubTrouble, match="doesn't fit"):
        hub().set_status(["one"], "RESOLVED", NOTE)


def test_a_note_that_is_too_long_is_refused_as_a_whole(api: Api) -> None:
    with pytest.raises(BatchRefused, match=r"Note\.Text: 513 characters"):
        hub().set_status(["one"], "RESOLVED", NOTE | {"Text": "x" * 513})


def test_a_token_that_comes_back_is_no_next_page(api: Api) -> None:
    api.fault = lambda number, operation: Fault(body=b'{"Findings": [], "NextToken": "7"}')
    assert hub().statuses("").next_token == "7"
    with pytest.raises(HubTrouble, match="repeats its own page token"):
        hub().statuses("7")


def test_the_sample_has_no_client() -> None:
    with pytest.raises(HubTrouble, match="not sent to Security Hub"):
        SecurityHub(Account(account_id=ACCOUNT_ID, is_sample=True), REGION)


def test_missing_credentials_are_told(monkeypatch: pytest.MonkeyPatch, api: Api) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(HubTrouble, match="Unable to locate credentials"):
        hub().describe()


@mock_aws
def test_the_account_s_role_is_assumed(api: Api) -> None:
    account = Account(account_id=ACCOUNT_ID, role_arn=f"arn:aws:iam::{ACCOUNT_ID}:role/ecsaudit")
    made = SecurityHub(account, REGION)
    assert made.client._request_signer._credentials.token


@pytest.mark.parametrize(
    ("operation", "code", "message", "state"),
    [
        ("BatchImportFindings", "ThrottlingException", "", "throttled"),
        ("DescribeHub", "ResourceNotFoundException", "is not enabled", "not_enabled"),
        ("GetFindings", "InvalidAccessException", "The account is not the owner", "denied"),
        ("sts:AssumeRole", "AccessDenied", "no", "denied"),
        ("GetFindings", "", "", "failing"),
    ],
)
def test_each_error_says_how_things_stand(operation: str, code: str, message: str, state: str) -> None:
    found = trouble_of(operation, ClientError({"Error": {"Code": code, "Message": message}}, operation))
    assert isinstance(found, HubTrouble)
    assert found.state == state
    if operation.startswith("sts"):
        assert found.message == "no — allow sts:AssumeRole for these credentials"


def test_moto_takes_and_gives_back_what_is_sent(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECURITYHUB", f"http://{host}:{port}")
        with pytest.raises(HubTrouble) as told:
            hub().describe()
        assert told.value.state == "not_enabled"
        hub().client.enable_security_hub()
        hub().describe()
        finding = asff(facts(), UPDATED_AT)
        assert hub().import_findings([finding]) == {}
        assert hub().statuses("").statuses == [(finding["Id"], "NEW")]
    finally:
        server.stop()
