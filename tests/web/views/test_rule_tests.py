from __future__ import annotations

import json

import pytest
from django.test import Client

from ecsaudit.library.effective import rules
from ecsaudit.library.models import RuleTest
from ecsaudit.people.models import User
from tests import factories, records

pytestmark = pytest.mark.django_db
SHELL = "Terminal Shell in ECS Container"
RECORD = json.dumps(records.execute_command())


@pytest.fixture(autouse=True)
def library() -> None:
    rules.current()


def test_a_test_is_made_from_an_event_and_shown_with_its_rule(as_ann: Client, ann: User) -> None:
    event = factories.event(raw_text=RECORD)
    page = as_ann.get(f"/rules/tests/new/?event={event.pk}&rule={SHELL}").content.decode()
    assert "<strong>matches</strong> this record" in page
    data = {"rule": SHELL, "expected": "no", "why": "our backup", "record": RECORD}
    response = as_ann.post("/rules/tests/new/", data, follow=True)
    assert response.redirect_chain == [(f"/rules/item/?kind=rule&name={SHELL.replace(' ', '+')}#tests", 302)]
    assert "must not match: our backup" in response.content.decode()
    assert "Failed" in response.content.decode()
    test = RuleTest.objects.get()
    assert (test.author, test.matches) == (ann, False)

    assert "The test is removed" in as_ann.post(f"/rules/tests/{test.pk}/remove/", follow=True).content.decode()
    assert not RuleTest.objects.exists()


def test_invisible_characters_of_a_record_are_escaped_and_mean_the_same(as_ann: Client) -> None:
    record = records.execute_command(command="sh \u202e \U000e0100")
    event = factories.event(raw_text=json.dumps(record, ensure_ascii=False))
    page = as_ann.get(f"/rules/tests/new/?event={event.pk}").content.decode()
    assert "sh \\u202e \\udb40\\udd00" in page


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"rule": "none"}, "There is no such rule"), ({"record": "{"}, "is not JSON"), ({"record": ""}, "required")],
)
def test_a_test_that_can_not_be_kept_is_told(as_ann: Client, changes: dict[str, str], told: str) -> None:
    data = {"rule": SHELL, "expected": "yes", "why": "", "record": RECORD} | changes
    response = as_ann.post("/rules/tests/new/", data)
    assert told in response.content.decode()


def test_a_viewer_neither_makes_nor_removes_tests(as_vera: Client, ann: User) -> None:
    test = RuleTest.objects.create(rule=SHELL, matches=True, digest="0", compressed=b"")
    assert as_vera.post("/rules/tests/new/", {}).status_code == 403
    assert as_vera.post(f"/rules/tests/{test.pk}/remove/").status_code == 403
    assert RuleTest.objects.exists()


@pytest.mark.parametrize("event", ["999999", "x", "9" * 30])
def test_an_event_that_is_not_there_gives_no_record(as_ann: Client, event: str) -> None:
    assert as_ann.get(f"/rules/tests/new/?event={event}").status_code in (200, 404)
