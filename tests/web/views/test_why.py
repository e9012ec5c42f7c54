from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from ecsaudit.library.effective import rules
from ecsaudit.library.services import refresh
from tests import factories, records

pytestmark = pytest.mark.django_db
SHELL = "Terminal Shell in ECS Container"
RULE = "- rule: {}\n  desc: d\n  condition: ct.name = ExecuteCommand and {}\n  output: o\n  priority: INFO\n"
RULE += "  source: aws_cloudtrail\n"


@pytest.fixture
def event_page(as_vera: Client, settings: Settings, tmp_path: Path) -> str:
    settings.RULES_DIR = tmp_path
    conditions = {
        "Fits": "ecs.command = /bin/sh",
        "Near": "ecs.command = /bin/bash",
        "Far": "ecs.command = /bin/bash and (ct.user = x or ct.user = y)",
        "Negated": "not (ecs.command = /bin/sh and ct.user exists)",
    }
    text = "".join(RULE.format(name, condition) for name, condition in conditions.items())
    text += RULE.format("Elsewhere", "ct.user exists").replace("ExecuteCommand", "RunTask")
    (tmp_path / "rules.yaml").write_text(text)
    refresh()
    session = factories.exec_session(event=factories.event(raw_text=json.dumps(records.execute_command())))
    return f"/rules/why/{session.event_id}/"


def test_an_event_is_put_before_all_rules_that_concern_it(as_vera: Client, event_page: str) -> None:
    page = as_vera.get(event_page).content.decode()
    assert "1 of the 4 rules that events of this name concern match it" in page
    assert "the other 1 rules ask for other events" in page
    assert "<code>ecs.command = /bin/bash</code>" in page
    assert "<code>not (ecs.command = /bin/sh and …)</code>" in page
    assert "Elsewhere" not in page


def test_a_rule_that_does_not_match_is_explained_too(as_vera: Client, event_page: str) -> None:
    page = as_vera.get(f"{event_page}?rule=Near").content.decode()
    assert "Near does not match" in page
    assert "<code>ecs.command</code> is <code>/bin/sh</code>" in page
    assert "There is no rule “Nothing” today" in as_vera.get(f"{event_page}?rule=Nothing").content.decode()


def test_an_event_that_no_rule_asks_for_says_so(as_vera: Client) -> None:
    rules.current()
    event = factories.event(event_name="Odd", raw_text="not json")
    assert "No rule asks for events of this name" in as_vera.get(f"/rules/why/{event.pk}/").content.decode()


def test_the_page_costs_the_same_with_any_number_of_rules(
    as_vera: Client, event_page: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    as_vera.get(event_page)
    # login session, user, event with body and account, rule set's key, exec session, sample data: 6
    with django_assert_num_queries(6):
        as_vera.get(event_page)


def test_sessions_and_findings_lead_there(as_ann: Client) -> None:
    rules.current()
    finding = factories.finding()
    for address in (finding.get_absolute_url(), finding.session.get_absolute_url()):
        page = as_ann.get(address).content.decode()
        assert f"/rules/why/{finding.event_id}/" in page
        assert f"/rules/tests/new/?event={finding.event_id}" in page
