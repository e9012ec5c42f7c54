from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from ecsaudit.cloudtrail.models import Account, FeedState
from ecsaudit.cloudtrail.sources.lookup_events import LookupEvents, StaleToken, Trouble, page_of, trouble_of
from tests import cloudtrail_api
from tests.cloudtrail_api import ACCOUNT_ID, REGION, Api

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def api() -> Iterator[Api]:
    with cloudtrail_api.serve(NOW) as running:
        yield running


def source(api: Api) -> LookupEvents:
    return LookupEvents(
        Account(account_id=ACCOUNT_ID, is_sample=True, sample_access_key=api.access_key, endpoint_url=api.url), REGION
    )


def test_pages_are_read_to_the_last_token(api: Api) -> None:
    api.add_exec_events(120)
    reader, token, seen = source(api), None, []
    while True:
        page = reader.page("ExecuteCommand", NOW - timedelta(days=1), NOW, token)
        seen += [item["EventId"] for item in page.items]
        token = page.next_token
        if token is None:
            break
    assert len(seen) == len(set(seen)) == 120


def test_an_unknown_token_is_stale(api: Api) -> None:
    with pytest.raises(StaleToken):
        source(api).page("ExecuteCommand", NOW - timedelta(days=1), NOW, "no-such-token")


def test_a_start_after_the_end_is_told_in_cloudtrails_words(api: Api) -> None:
    with pytest.raises(Trouble) as caught:
        source(api).page("ExecuteCommand", NOW, NOW - timedelta(days=1), None)
    assert (caught.value.state, caught.value.code) == (FeedState.FAILING, "InvalidTimeRangeException")


def test_a_sample_account_without_its_endpoint_never_asks_aws() -> None:
    with pytest.raises(Trouble, match="not running"):
        LookupEvents(Account(account_id=ACCOUNT_ID, is_sample=True), REGION)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("ThrottlingException", FeedState.THROTTLED),
        ("RequestLimitExceeded", FeedState.THROTTLED),
        ("AccessDeniedException", FeedState.DENIED),
        ("ExpiredToken", FeedState.DENIED),
        ("InternalFailure", FeedState.FAILING),
    ],
)
def test_each_kind_of_failure_has_its_state(code: str, state: FeedState) -> None:
    found = trouble_of(ClientError({"Error": {"Code": code, "Message": "why"}}, "LookupEvents"))
    assert isinstance(found, Trouble)
    assert (found.state, found.code) == (state, code)


def test_missing_credentials_are_told() -> None:
    found = trouble_of(NoCredentialsError())
    assert isinstance(found, Trouble)
    assert (found.state, found.code) == (FeedState.DENIED, "NoCredentialsError")


@pytest.mark.parametrize("answer", [{}, {"message": "<html>"}, {"Events": None}, {"Events": ["text"]}])
def test_a_garbled_answer_is_never_taken_for_an_empty_page(answer: dict[str, object]) -> None:
    with pytest.raises(Trouble, match="InvalidResponse"):
        page_of(answer, None)


def test_an_empty_page_with_a_token_is_not_the_end() -> None:
    assert page_of({"Events": [], "NextToken": "t2"}, "t1").next_token == "t2"


def test_an_answer_that_repeats_its_token_is_refused() -> None:
    with pytest.raises(Trouble, match="repeats its own page token"):
        page_of({"Events": [], "NextToken": "t1"}, "t1")
