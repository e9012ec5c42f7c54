import pytest

from ecsaudit.demo.access_keys import UnknownAccessKey, access_key_for, account_and_region, account_for


@pytest.mark.parametrize("account_id", ["111122223333", "000000000000", "000000000007", "999999999999"])
def test_a_key_leads_back_to_its_account(account_id: str) -> None:
    key = access_key_for(account_id)
    assert len(key) == 20
    assert account_for(key) == account_id


@pytest.mark.parametrize("account_id", ["", "11112222333", "1111222233334", "11112222333a", "١١١١٢٢٢٢٣٣٣٣"])
def test_only_twelve_digits_have_a_key(account_id: str) -> None:
    with pytest.raises(ValueError, match="12-digit"):
        access_key_for(account_id)


@pytest.mark.parametrize(
    "key", ["", "AKIAIOSFODNN7EXAMPLE", "AKIASAMPLEID", "AKIASAMPLEID1", "AKIASAMPLEIDAAAAAAA", "AKIASAMPLEID77777777"]
)
def test_other_keys_are_unknown(key: str) -> None:
    with pytest.raises(UnknownAccessKey):
        account_for(key)


def test_account_and_region_come_from_the_authorization_header() -> None:
    key = access_key_for("111122223333")
    header = f"AWS4-HMAC-SHA256 Credential={key}/20261120/eu-west-1/cloudtrail/aws4_request, SignedHeaders=host"
    assert account_and_region(header) == ("111122223333", "eu-west-1")


def test_a_signature_for_another_service_is_unknown() -> None:
    header = f"AWS4-HMAC-SHA256 Credential={access_key_for('111122223333')}/20261120/eu-west-1/ecs/aws4_request"
    with pytest.raises(UnknownAccessKey):
        account_and_region(header)
