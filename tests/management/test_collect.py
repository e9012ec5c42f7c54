import signal
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from ecsaudit.demo.endpoint import ErrorReply
from ecsaudit.execsessions.models import ExecSession
from tests import cloudtrail_api
from tests.cloudtrail_api import Api

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signal_handlers() -> Iterator[None]:
    """The command takes SIGINT and SIGTERM over; give them back to pytest."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    settings.LOOKUPS_PER_SECOND = 1000
    with cloudtrail_api.serve(timezone.now()) as running:
        running.account()
        yield running


def test_it_reads_what_is_due_and_says_how_far_it_came(api: Api) -> None:
    api.add_exec_events(60)
    out = StringIO()
    call_command("collect", stdout=out)
    assert ExecSession.objects.count() == 60
    assert "111122223333 eu-west-1: 100% read" in out.getvalue()
    assert "60 new events" in out.getvalue()


def test_a_failure_is_told_and_ends_with_an_error(api: Api) -> None:
    api.every_request = ErrorReply("AccessDeniedException", "not allowed")
    err = StringIO()
    with pytest.raises(CommandError, match="1 of 1 could not be read"):
        call_command("collect", stdout=StringIO(), stderr=err)
    assert "AccessDeniedException: not allowed" in err.getvalue()


def test_nothing_to_read_is_told_with_what_to_do() -> None:
    with pytest.raises(CommandError, match="load_sample"):
        call_command("collect")
    with pytest.raises(CommandError, match="no account and Region"):
        call_command("collect", account="000000000000")
