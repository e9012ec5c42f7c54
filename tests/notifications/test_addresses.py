from ipaddress import ip_network

import pytest

from ecsaudit.environment import Hosts
from ecsaudit.notifications.addresses import (
    AddressRefused,
    BadAddress,
    Destination,
    NameUnknown,
    checked,
    problem_with,
)

NOBODY = Hosts()
REFUSED = {
    "loopback": "https://127.0.0.1/",
    "loopback, another": "https://127.8.9.10/",
    "loopback by name": "https://localhost/",
    "loopback, short": "https://127.1/",
    "loopback, decimal": "https://2130706433/",
    "loopback, octal": "https://0177.0.0.1/",
    "loopback, octal throughout": "https://017700000001/",
    "loopback, hexadecimal": "https://0x7f000001/",
    "loopback, mixed": "https://0x7f.1/",
    "loopback, IPv6": "https://[::1]/",
    "loopback, IPv6 at length": "https://[0:0:0:0:0:0:0:1]/",
    "loopback, mapped": "https://[::ffff:127.0.0.1]/",
    "loopback, mapped in hexadecimal": "https://[::ffff:7f00:1]/",
    "loopback, compatible": "https://[::127.0.0.1]/",
    "loopback, NAT64": "https://[64:ff9b::7f00:1]/",
    "loopback, local NAT64": "https://[64:ff9b:1::7f00:1]/",
    "loopback, 6to4": "https://[2002:7f00:1::]/",
    "this host": "https://0.0.0.0/",
    "this host, short": "https://0/",
    "this host, IPv6": "https://[::]/",
    "private, 10": "https://10.0.0.1/",
    "private, 172.16": "https://172.16.0.1/",
    "private, 172.31": "https://172.31.255.254/",
    "private, 192.168": "https://192.168.1.1/",
    "private, mapped": "https://[::ffff:10.0.0.1]/",
    "private, decimal": "https://167772161/",
    "private, 6to4": "https://[2002:a00:1::]/",
    "unique local": "https://[fd12:3456::1]/",
    "site local": "https://[fec0::1]/",
    "link local": "https://169.254.1.1/",
    "link local, IPv6": "https://[fe80::1]/",
    "metadata": "https://169.254.169.254/latest/meta-data/",
    "metadata, decimal": "https://2852039166/",
    "metadata, hexadecimal": "https://0xa9fea9fe/",
    "metadata, mapped": "https://[::ffff:169.254.169.254]/",
    "metadata, NAT64": "https://[64:ff9b::a9fe:a9fe]/",
    "metadata, IPv6": "https://[fd00:ec2::254]/",
    "metadata, carrier's": "https://100.100.100.200/",
    "metadata, IETF's": "https://192.0.0.192/",
    "metadata, Azure": "https://168.63.129.16/",
    "carrier-grade NAT": "https://100.64.0.1/",
    "Teredo": "https://[2001:0:53aa:64c::1]/",
    "6to4 relay": "https://192.88.99.1/",
    "multicast": "https://224.0.0.1/",
    "multicast, IPv6": "https://[ff02::1]/",
    "broadcast": "https://255.255.255.255/",
    "reserved": "https://240.0.0.1/",
    "benchmarks": "https://198.18.0.1/",
    "documentation": "https://203.0.113.1/",
    "documentation, IPv6": "https://[2001:db8::1]/",
    "documentation, newer": "https://[3fff::1]/",
    "segment routing": "https://[5f00::1]/",
    "ORCHID": "https://[2001:20::1]/",
    "full-width digits, percent-encoded": "https://%EF%BC%91%32%37.0.0.1/",
}
PUBLIC = {
    "IPv4": "https://8.8.8.8/",
    "IPv4, with a port": "https://1.1.1.1:8443/hook",
    "IPv4, decimal": "https://134744072/",
    "IPv6": "https://[2606:4700:4700::1111]/",
    "IPv4, mapped": "https://[::ffff:8.8.8.8]/",
}


def test_the_table_is_as_long_as_it_must_be() -> None:
    assert len(REFUSED) + len(PUBLIC) >= 37


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED)
def test_an_address_that_is_not_the_public_internet_s_is_refused(address: str) -> None:
    with pytest.raises((AddressRefused, NameUnknown)):
        checked(Destination.of(address), NOBODY)


@pytest.mark.parametrize("address", PUBLIC.values(), ids=PUBLIC)
def test_a_public_address_is_not_refused(address: str) -> None:
    assert checked(Destination.of(address), NOBODY)


def test_the_refusal_says_what_was_found_and_who_can_allow_it() -> None:
    with pytest.raises(AddressRefused, match=r"localhost is .*, which is not .*ECSAUDIT_ALLOWED_WEBHOOK_HOSTS"):
        checked(Destination.of("https://localhost/"), NOBODY)


def test_http_is_refused_unless_the_host_is_allowed() -> None:
    with pytest.raises(AddressRefused, match=r"8\.8\.8\.8 must be called by https://"):
        checked(Destination.of("http://8.8.8.8/"), NOBODY)
    assert checked(Destination.of("http://8.8.8.8/"), Hosts(networks=(ip_network("8.8.8.8"),)))


@pytest.mark.parametrize("network", ["127.0.0.1", "127.0.0.0/8"])
@pytest.mark.parametrize("address", ["http://127.0.0.1/", "https://0x7f.1/", "https://[::ffff:127.0.0.1]/"])
def test_an_allowed_network_opens_its_addresses_in_every_form(address: str, network: str) -> None:
    assert checked(Destination.of(address), Hosts(networks=(ip_network(network),)))


def test_an_allowed_network_opens_nothing_else() -> None:
    with pytest.raises(AddressRefused):
        checked(Destination.of("https://10.2.0.1/"), Hosts(networks=(ip_network("10.1.0.0/16"),)))


def test_an_allowed_name_opens_private_addresses_but_never_those_that_hand_out_credentials() -> None:
    assert checked(Destination.of("http://LOCALHOST./"), Hosts(names=frozenset({"localhost"})))
    with pytest.raises(
        AddressRefused, match="clouds hand out credentials there: no name in ECSAUDIT_ALLOWED"
    ) as caught:
        checked(Destination.of("http://169.254.169.254/"), Hosts(names=frozenset({"169.254.169.254"})))
    assert "an operator can allow it" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("ftp://example.com/", "must begin with https://"),
        ("example.com/hook", "must begin with https://"),
        ("https:///hook", "names no host"),
        ("https://ana:secret@example.com/", "user name or password"),
        ("https://example.com:99999/", "can't be read"),
        ("https://example.com:x/", "can't be read"),
        ("https://[::1/", "can't be read"),
        ("https://example.com/a b", "characters that no address has"),
        ("https://example.com/\r\nHost: x", "characters that no address has"),
        ("https://example.com\\@evil.example/", "characters that no address has"),
        ("https://１２７.0.0.1/", "characters that no address has"),
        ("", "must begin with https://"),
    ],
)
def test_what_is_no_address_is_told_without_repeating_it(address: str, problem: str) -> None:
    with pytest.raises(BadAddress, match=problem) as caught:
        Destination.of(address)
    assert "secret" not in str(caught.value)


def test_a_name_that_nobody_knows_is_told() -> None:
    with pytest.raises(NameUnknown, match=r"nowhere\.invalid can't be looked up"):
        checked(Destination.of("https://nowhere.invalid/"), NOBODY)


def test_a_form_is_told_what_can_be_known_without_a_look_up() -> None:
    assert problem_with("https://hooks.example.com/x", NOBODY) == ""
    assert "must begin with https://" in problem_with("http://hooks.example.com/x", NOBODY)
    assert "not an address of the public internet" in problem_with("https://10.0.0.1/", NOBODY)
    assert problem_with("http://hooks.example.com/x", Hosts(names=frozenset({"hooks.example.com"}))) == ""
    assert problem_with("http://hooks.example.com/x", Hosts(networks=(ip_network("10.0.0.0/8"),))) == ""


def test_the_host_header_has_port_and_brackets_where_they_belong() -> None:
    assert Destination.of("https://Example.com/").host_header == "example.com"
    assert Destination.of("https://example.com:8443/a?b=1#c").target == "/a?b=1"
    assert Destination.of("http://[::1]:8080/").host_header == "[::1]:8080"
