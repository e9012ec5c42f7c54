from pathlib import Path

import pytest

from ecsaudit.environment import BadSetting, Environment


def test_what_is_not_set_or_empty_has_its_default() -> None:
    env = Environment({"A": "", "B": "  "})
    assert env.text("A", "x") == env.text("B", "x") == env.text("C", "x") == "x"
    assert env.boolean("A", True) is True
    assert env.integer("A", 7, lowest=1, highest=9) == 7
    assert env.items("A", ("x",)) == ("x",)
    assert env.secret("A") == ""


@pytest.mark.parametrize(("value", "meaning"), [("true", True), ("ON", True), ("1", True), ("no", False), ("0", False)])
def test_booleans_in_every_spelling(value: str, meaning: bool) -> None:
    assert Environment({"A": value}).boolean("A", not meaning) is meaning


def test_a_wrong_boolean_names_the_variable_and_what_is_allowed() -> None:
    with pytest.raises(BadSetting, match="A is 'maybe'; it must be one of true, false"):
        Environment({"A": "maybe"}).boolean("A", True)


@pytest.mark.parametrize("value", ["0", "91", "ten", "-1", "1.5", "٣"])
def test_a_number_out_of_bounds_or_none_at_all_is_refused(value: str) -> None:
    with pytest.raises(BadSetting, match=r"A is .*; it must be a whole number from 1 to 90"):
        Environment({"A": value}).integer("A", 5, lowest=1, highest=90)


def test_lists_are_split_at_commas() -> None:
    assert Environment({"A": " eu-west-1, us-east-1 ,,"}).items("A") == ("eu-west-1", "us-east-1")


def test_a_choice_says_the_allowed_ones() -> None:
    with pytest.raises(BadSetting, match="A is 'LOUD'; it must be one of INFO, DEBUG"):
        Environment({"A": "LOUD"}).choice("A", "INFO", ("INFO", "DEBUG"))


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    assert Environment({"A_FILE": str(tmp_path / "secret")}).secret("A") == "s3cret"


def test_a_secret_given_twice_or_in_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="A and A_FILE are both set"):
        Environment({"A": "x", "A_FILE": "y"}).secret("A")
    with pytest.raises(BadSetting, match=r"A_FILE is .* which can't be read"):
        Environment({"A_FILE": str(tmp_path / "missing")}).secret("A")


def test_hosts_are_names_addresses_and_networks() -> None:
    found = Environment({"A": "Hooks.Example.com., 10.1.0.0/16, 127.0.0.1, [::1], fd00::/8"}).hosts("A")
    assert found.names == {"hooks.example.com"}
    assert [str(network) for network in found.networks] == ["10.1.0.0/16", "127.0.0.1/32", "::1/128", "fd00::/8"]


@pytest.mark.parametrize(
    "value", ["10.1.0.0/99", "10.1.0.1/16", "10.1.0", "https://example.com", "a b", "*.example.com"]
)
def test_a_host_that_is_none_says_what_is_allowed(value: str) -> None:
    with pytest.raises(BadSetting, match=r"A holds .*; use names \(hooks.example.com\), addresses or networks"):
        Environment({"A": value}).hosts("A")


def test_an_address_has_no_slash_at_its_end() -> None:
    assert (
        Environment({"A": "https://ecsaudit.example.com/audit/"}).url("A", "") == "https://ecsaudit.example.com/audit"
    )
    assert Environment({}).url("A", "http://localhost:8000") == "http://localhost:8000"


@pytest.mark.parametrize(
    "value", ["ecsaudit.example.com", "ftp://example.com", "https://", "https://a/?b", "https://[a"]
)
def test_what_is_no_address_is_refused(value: str) -> None:
    with pytest.raises(BadSetting, match=r"A is .*; it must be an address such as https://"):
        Environment({"A": value}).url("A", "")
