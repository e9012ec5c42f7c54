"""What a policy looks at, as plain data."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where, who and when; of a finding or of an exec session. Empty text: not known, or there is none.

    `accounts` and `roles` are all names of the one: the account's ID and its alias, the role's name and, of Identity
    Center's, that of its permission set.
    """

    accounts: tuple[str, ...]
    region: str
    cluster: str
    service: str
    container: str
    person: str
    roles: tuple[str, ...]
    at: datetime

    def values(self, dimension: str) -> tuple[str, ...]:
        """The spellings of what these are in one dimension of a policy's scope."""
        if dimension == "account":
            return self.accounts
        if dimension == "role":
            return self.roles
        value: str = getattr(self, dimension)
        return (value,)


@dataclass(frozen=True, slots=True)
class Facts:
    """A finding. `group_key` is the same for findings with one fingerprint; `about_channel` is the id of the channel that
    a finding of ecsaudit's own is about, as text."""

    pk: int
    rule: str
    priority: int
    tags: tuple[str, ...]
    group_key: str
    circumstances: Circumstances
    about_channel: str = ""
    is_suppressed: bool = False
