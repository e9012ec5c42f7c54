"""A local Security Hub that boto3 finds, a clock that only moves when somebody waits, and a switched-on account."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

import pytest

from ecsaudit.securityhub import turns
from ecsaudit.securityhub.lease import Clock
from ecsaudit.securityhub.models import HubRegion
from tests import factories, securityhub_api
from tests.securityhub_api import Api

VARIABLES = ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN")


@dataclass
class Hands:
    """Time that passes by being waited for."""

    time: datetime = factories.NOW + timedelta(hours=1)

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def seconds(self) -> float:
        return (self.time - factories.NOW).total_seconds()

    @property
    def clock(self) -> Clock:
        return Clock(self.now, self.sleep)

    def turn(self, row: HubRegion, *, later: float = 0) -> HubRegion:
        """One turn, `later` seconds from now; returns the row as it is then."""
        self.sleep(later)
        turns.run(row.pk, Event(), self.clock)
        row.refresh_from_db()
        return row


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def api(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with securityhub_api.serve(Api(clock=hands.seconds)) as running:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in securityhub_api.environment(running).items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def hub(db: None, hands: Hands) -> HubRegion:
    """The account and Region of the factories, switched on before there was any finding; statuses are not read for now."""
    return HubRegion.objects.create(
        account=factories.account(),
        region="eu-west-1",
        enabled=True,
        switched_at=hands.now(),
        next_attempt_at=hands.now(),
        next_read_at=hands.now() + timedelta(days=365),
    )
