"""Reading settings from the environment. A wrong value raises BadSetting, which names the variable and what is allowed."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})

# A name needs a letter in its last part, so that a mistyped address is none.
HOST_NAME = re.compile(r"(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9-]*[A-Za-z][A-Za-z0-9-]*\.?")


class BadSetting(ValueError):
    """A variable of the environment holds a value that ecsaudit can't use. Its text is one line for a person."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Names (in lower case) and networks; an address is a network of one."""

    names: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()


class Environment:
    """Typed look-ups in a mapping of variables; an empty variable counts as not set."""

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self.variables = variables

    def text(self, name: str, default: str = "") -> str:
        return self.variables.get(name, "").strip() or default

    def boolean(self, name: str, default: bool) -> bool:
        value = self.text(name).lower()
        if not value:
            return default
        if value in TRUE:
            return True
        if value in FALSE:
            return False
        raise BadSetting(f"{name} is {value!r}; it must be one of true, false, yes, no, on, off, 1, 0")

    def integer(self, name: str, default: int, *, lowest: int, highest: int) -> int:
        value = self.text(name)
        if not value:
            return default
        if not value.isascii() or not value.isdigit() or not lowest <= int(value) <= highest:
            raise BadSetting(f"{name} is {value!r}; it must be a whole number from {lowest} to {highest}")
        return int(value)

    def items(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A comma-separated list; blanks around an item and empty items are dropped."""
        found = tuple(item.strip() for item in self.text(name).split(",") if item.strip())
        return found or default

    def hosts(self, name: str) -> Hosts:
        """A comma-separated list of host names, addresses and networks such as 10.1.0.0/16."""
        names, networks = set(), []
        for item in self.items(name):
            try:
                networks.append(ip_network(item.strip("[]")))
            except ValueError as error:
                if not HOST_NAME.fullmatch(item):
                    raise BadSetting(
                        f"{name} holds {item!r}; use names (hooks.example.com), addresses or networks (10.1.0.0/16)"
                    ) from error
                names.add(item.lower().rstrip("."))
        return Hosts(frozenset(names), tuple(networks))

    def url(self, name: str, default: str) -> str:
        """An address without a slash at its end."""
        value = self.text(name, default).rstrip("/")
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise BadSetting(f"{name} is {value!r}; it must be an address such as https://ecsaudit.example.com")
        return value

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise BadSetting(f"{name} is {value!r}; it must be one of {', '.join(allowed)}")
        return value

    def secret(self, name: str) -> str:
        """The variable, or the content of the file that NAME_FILE names; empty when neither is set."""
        file_name = self.text(f"{name}_FILE")
        if not file_name:
            return self.text(name)
        if self.text(name):
            raise BadSetting(f"{name} and {name}_FILE are both set; keep one of them")
        try:
            return Path(file_name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetting(f"{name}_FILE is {file_name!r}, which can't be read: {error}") from error
