"""Where a request may go: only to addresses that are public on the internet, unless the operator allows others.

Names are looked up here, and the caller connects to the addresses that were checked, so that a name which answers
differently the next time (DNS rebinding) gains nothing. What `getaddrinfo` makes of decimal, octal and hexadecimal forms is
checked like any address.

Unsent              no byte of the message left
├── BadAddress      the text is no address that could be called
├── AddressRefused  it leads where requests must not go
├── NameUnknown     the name can't be looked up
├── NoConnection    nobody took the connection (outgoing.py)
└── NoTrust         the other side can't prove who it is (outgoing.py)
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from ecsaudit.environment import Hosts

IPAddress = IPv4Address | IPv6Address
# What getaddrinfo gives: family and the address as connect() takes it.
SocketAddress = tuple[socket.AddressFamily, Any]

# Beyond what Python's is_global knows.
REFUSED_IPV4 = tuple(
    map(
        IPv4Network,
        (
            "192.0.0.0/24",  # IETF's own, and a cloud's metadata
            "192.88.99.0/24",  # relays of 6to4
            "100.64.0.0/10",  # carriers' own networks, and a cloud's metadata
            "168.63.129.16/32",  # the host agent of virtual machines in Azure
        ),
    )
)
PUBLIC_IPV6 = IPv6Network("2000::/3")
REFUSED_IPV6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # Teredo, benchmarks, overlays
            "2001:db8::/32",
            "2002::/16",  # 6to4: any IPv4 address
            "3fff::/20",
        ),
    )
)
# Where clouds hand out credentials. A name in the list of allowed hosts does not open it; the address itself does.
NEVER_BY_NAME = tuple(
    map(ip_network, ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32", "168.63.129.16/32"))
)
HOW_TO_ALLOW = "an operator can allow it in ECSAUDIT_ALLOWED_WEBHOOK_HOSTS"


class Unsent(Exception):
    """No byte of the message left this machine. `code` is one word or two for the list of answers."""

    code = "not sent"


class BadAddress(Unsent):
    code = "bad address"


class AddressRefused(Unsent):
    code = "address refused"


class NameUnknown(Unsent):
    code = "unknown name"


@dataclass(frozen=True, slots=True)
class Destination:
    """An address that was taken apart. `target` is path and query; `host` is in lower case, without brackets."""

    is_https: bool
    host: str
    port: int
    target: str

    @classmethod
    def of(cls, address: str) -> Destination:
        """Raises BadAddress, whose text does not repeat the address: it is often a secret."""
        if not address.isascii() or not address.isprintable() or " " in address or "\\" in address:
            raise BadAddress("the address holds characters that no address has; write them percent-encoded")
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError as error:
            raise BadAddress(f"the address can't be read: {error}") from error
        if parts.scheme not in ("https", "http"):
            raise BadAddress("the address must begin with https://")
        if not parts.hostname:
            raise BadAddress("the address names no host")
        if parts.username is not None or parts.password is not None:
            raise BadAddress("the address holds a user name or password; leave it out")
        is_https = parts.scheme == "https"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(is_https, parts.hostname.rstrip("."), port or (443 if is_https else 80), target)

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_https else 80) else f"{host}:{self.port}"


def is_public(address: IPAddress) -> bool:
    """Whether the address is one of the internet's own: not of a private network, this machine or a way into one."""
    address = plain(address)
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in REFUSED_IPV4)
    return address in PUBLIC_IPV6 and not any(address in network for network in REFUSED_IPV6)


def plain(address: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6-mapped one stands for."""
    return getattr(address, "ipv4_mapped", None) or address


def checked(destination: Destination, allowed: Hosts) -> list[SocketAddress]:
    """The addresses to connect to. One that must not be called refuses them all: a name has no business in both worlds."""
    found = look_up(destination)
    for _, socket_address in found:
        refuse(destination, plain(ip_address(socket_address[0])), allowed)
    return found


def look_up(destination: Destination) -> list[SocketAddress]:
    try:
        found = socket.getaddrinfo(destination.host, destination.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NameUnknown(f"{destination.host} can't be looked up: {error}") from error
    return [(family, address) for family, _, _, _, address in found]


def refuse(destination: Destination, address: IPAddress, allowed: Hosts) -> None:
    """Raise AddressRefused unless a request for the destination may go to this address."""
    if any(address in network for network in allowed.networks):
        return
    if destination.host in allowed.names and not any(address in network for network in NEVER_BY_NAME):
        return
    shown = f"{destination.host} is {address}, which" if destination.host != str(address) else destination.host
    if any(address in network for network in NEVER_BY_NAME):
        raise AddressRefused(
            f"{shown} is not an address of the public internet, and clouds hand out credentials there: "
            "no name in ECSAUDIT_ALLOWED_WEBHOOK_HOSTS opens it, nor any but its own address or network"
        )
    if not destination.is_https:
        raise AddressRefused(f"{destination.host} must be called by https://; {HOW_TO_ALLOW}")
    if not is_public(address):
        raise AddressRefused(f"{shown} is not an address of the public internet; {HOW_TO_ALLOW}")


def problem_with(address: str, allowed: Hosts) -> str:
    """What can be told of an address without looking up its name; empty when there is nothing to say."""
    try:
        destination = Destination.of(address)
        refuse(destination, ip_address(destination.host), allowed)
    except Unsent as error:
        return str(error)
    except ValueError:
        # A name. Whether http:// is allowed may hang on its address, if any network is.
        if destination.is_https or destination.host in allowed.names or allowed.networks:
            return ""
        return f"the address must begin with https://; {HOW_TO_ALLOW}"
    return ""
