"""Who works at the sample's company: how each is known to AWS, from where and with what they call it."""

from dataclasses import dataclass
from random import Random

from ecsaudit.demo.accounts import DATA, PRODUCTION, STAGING
from ecsaudit.demo.callers import Caller, FederatedUser, IamUser, OidcRole, RoleSession, Root, SsoUser
from ecsaudit.demo.calls import Actor
from ecsaudit.demo.clients import (
    BOTO3,
    CI_RUNNER,
    CLI_LINUX,
    CLI_MAC,
    CLI_OLD,
    CLOUD_SHELL,
    COPILOT,
    Client,
)

OFFICE = "203.0.113.10"
VPN = "203.0.113.24"


@dataclass(frozen=True, slots=True)
class Person:
    """`workplaces` are pairs of account id and Region; `first_hour` is UTC, of a nine-hour day.

    `busyness` is the share of the day's execs, in no unit; 0 for those who only appear in an episode.
    """

    caller: Caller
    clients: tuple[Client, ...]
    addresses: tuple[str, ...]
    workplaces: tuple[tuple[str, str], ...]
    first_hour: int = 7
    busyness: int = 0

    def at_work(self, chance: Random) -> Actor:
        """With one of the person's clients, from one of the usual addresses."""
        return Actor(self.caller, chance.choice(self.addresses), chance.choice(self.clients))


EVERYWHERE = (
    (PRODUCTION, "eu-west-1"),
    (PRODUCTION, "us-east-1"),
    (PRODUCTION, "ap-southeast-1"),
    (STAGING, "eu-west-1"),
    (STAGING, "us-east-1"),
    (DATA, "eu-central-1"),
    (DATA, "us-east-1"),
)
EUROPE = ((PRODUCTION, "eu-west-1"), (STAGING, "eu-west-1"), (STAGING, "eu-west-1"))
AMERICA = ((PRODUCTION, "us-east-1"), (STAGING, "us-east-1"))
ASIA = ((PRODUCTION, "ap-southeast-1"), (STAGING, "eu-west-1"))
PLATFORM_OF_DATA = ((DATA, "eu-central-1"), (DATA, "eu-central-1"), (DATA, "us-east-1"))

MARIA = Person(
    SsoUser("maria.keller@example.com", "PlatformEngineer", on_behalf_of=True),
    (CLI_MAC, CLI_MAC, CLOUD_SHELL),
    (OFFICE, OFFICE, "198.51.100.17"),
    EVERYWHERE,
    busyness=12,
)
JONAS = Person(
    SsoUser("jonas.berg@example.com", "PlatformEngineer"),
    (CLI_LINUX,),
    (OFFICE, VPN, "198.51.100.40"),
    EVERYWHERE,
    busyness=11,
)
PRIYA = Person(
    SsoUser("priya.nair@example.com", "Developer", on_behalf_of=True),
    (CLOUD_SHELL,),
    (OFFICE,),
    EUROPE,
    busyness=12,
)
TOM = Person(SsoUser("tom.okafor@example.com", "Developer"), (CLI_MAC,), (VPN, OFFICE), EUROPE, busyness=13)
LIAM = Person(
    SsoUser("liam.walsh@example.com", "AdministratorAccess", on_behalf_of=True),
    (CLI_LINUX, CLOUD_SHELL),
    ("198.51.100.88", VPN),
    (*AMERICA, (DATA, "us-east-1")),
    first_hour=13,
    busyness=9,
)
CHEN = Person(
    SsoUser("chen.wei@example.com", "Developer"),
    (CLI_MAC,),
    ("2001:db8:51:a::17", "2001:db8:51:a::17", VPN),
    ASIA,
    first_hour=1,
    busyness=8,
)
SOFIA = Person(
    SsoUser("sofia.rossi@example.com", "DataEngineer"),
    (CLI_LINUX, BOTO3),
    (OFFICE, "198.51.100.132"),
    PLATFORM_OF_DATA,
    busyness=11,
)
ELENA = Person(
    SsoUser("elena.petrova@example.com", "SupportEngineer"),
    (CLI_LINUX,),
    (VPN,),
    ((STAGING, "eu-west-1"),),
    busyness=4,
)
GRACE = Person(IamUser("grace"), (CLI_OLD,), ("198.51.100.61",), AMERICA, first_hour=13, busyness=6)
HUGO = Person(IamUser("hugo.lind", "/teams/data/"), (CLI_LINUX,), (OFFICE, VPN), PLATFORM_OF_DATA, busyness=8)
DANA = Person(RoleSession("CopilotDeveloper", "dana.frey"), (COPILOT,), (OFFICE,), EUROPE, busyness=7)
TOOLBOX = Person(RoleSession("OpsToolbox", mfa=True), (BOTO3,), ("203.0.113.200",), EVERYWHERE, busyness=6)
DAVE = Person(
    FederatedUser("dave.moreau", "identity-broker"), (CLI_LINUX,), ("192.0.2.77",), EUROPE, first_hour=8, busyness=3
)
CONTRACTOR = Person(
    IamUser("r.vega", "/contractors/"), (CLI_LINUX,), ("192.0.2.203",), ((STAGING, "eu-west-1"),), busyness=1
)
ROOT = Person(Root(), (CLOUD_SHELL,), ("198.51.100.17",), ((PRODUCTION, "eu-west-1"),))
DEPLOYMENT = Person(
    OidcRole("gha-deploy", "GitHubActions", "token.actions.githubusercontent.com"),
    (CI_RUNNER,),
    ("192.0.2.14", "192.0.2.15", "192.0.2.31", "192.0.2.46"),
    EVERYWHERE,
)
# A Step Functions state machine: its calls come from the service's address, with the service as their client.
NIGHTLY = Person(
    RoleSession("StepFunctions-nightly", "reconcile-nightly", invoked_by="states.amazonaws.com"),
    (Client("states.amazonaws.com"),),
    ("states.amazonaws.com",),
    ((PRODUCTION, "us-east-1"),),
)

COLLEAGUES = (MARIA, JONAS, PRIYA, TOM, LIAM, CHEN, SOFIA, ELENA, GRACE, HUGO, DANA, TOOLBOX, DAVE, CONTRACTOR)
