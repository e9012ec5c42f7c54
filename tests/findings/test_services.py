import json
from datetime import date
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from ecsaudit.cloudtrail.services import NewEvent, store_page
from ecsaudit.execsessions import services as execsessions
from ecsaudit.execsessions.daily_counts import Tally
from ecsaudit.execsessions.facts import ssm_session_id
from ecsaudit.execsessions.models import ExecSession
from ecsaudit.findings import services
from ecsaudit.findings.models import Finding, Priority, TagSet
from ecsaudit.library.effective import Effective, compiled
from ecsaudit.library.models import QuietCount, RuleSet
from tests import factories
from tests.records import execute_command, item, start_session

pytestmark = pytest.mark.django_db
RULES = """
- rule: Anyone
  desc: every exec
  condition: ct.name = ExecuteCommand
  output: exec by %ct.user command=%json.value[/requestParameters/command] missing=%ct.error
  priority: NOTICE
  source: aws_cloudtrail
  tags: [cloud, aws_ecs_exec]
- rule: Start
  desc: every start of a session
  condition: ct.name = StartSession
  output: start
  priority: CRITICAL
  source: aws_cloudtrail
"""


def effective(**modes: str) -> Effective:
    return compiled(RuleSet.objects.create(files=[["test.yaml", RULES]], modes=modes))


def store(*records: dict[str, Any]) -> list[NewEvent]:
    items = [item(json.dumps(record)) for record in records]
    return store_page(feed=factories.feed(), items=items, ssm_session_id=ssm_session_id)


def take_in(*records: dict[str, Any], **modes: str) -> Tally:
    tally = Tally()
    new = store(*records)
    judged = services.judge(new, effective(**modes))
    session_of = execsessions.join(new, tally)
    services.keep(judged, session_of, tally)
    services.count(set(session_of.values()))
    return tally


def test_a_match_becomes_a_finding_with_everything_the_rule_said() -> None:
    take_in(execute_command())
    finding = Finding.objects.get()
    assert (finding.rule, finding.priority, finding.source) == ("Anyone", Priority.NOTICE, "aws_cloudtrail")
    assert finding.tags == ["aws_ecs_exec", "cloud"]
    assert finding.output == ("exec by AWSReservedSSO_Developer_0123456789abcdef command=/bin/sh missing=<NA>")
    assert finding.output_fields["json.value[/requestParameters/command]"] == "/bin/sh"
    assert finding.output_fields["ct.error"] is None
    assert finding.session == ExecSession.objects.get()


def test_findings_are_counted_on_their_session_with_the_worst_priority() -> None:
    take_in(execute_command(), start_session())
    session = ExecSession.objects.get()
    assert (session.finding_count, session.worst_priority) == (2, Priority.CRITICAL)


def test_a_finding_follows_its_event_to_the_session_it_turns_out_to_belong_to() -> None:
    take_in(start_session())
    stray = ExecSession.objects.get()
    assert Finding.objects.get().session == stray
    take_in(execute_command())
    session = ExecSession.objects.get()
    assert set(Finding.objects.values_list("session", flat=True)) == {session.pk}
    assert session.finding_count == 2


def test_findings_are_tallied_by_day_and_rule() -> None:
    tally = take_in(execute_command())
    assert tally.changes["rule", date(2026, 11, 2), "Anyone"] == 1
    assert tally.changes["tag_set", date(2026, 11, 2), str(Finding.objects.get().tag_set_id)] == 1


def test_findings_with_the_same_tags_share_a_tag_set_over_pages() -> None:
    take_in(execute_command(eventID="one"), execute_command(eventID="two"))
    take_in(execute_command(eventID="three"), start_session())
    assert sorted(tag_set.tags for tag_set in TagSet.objects.all()) == [[], ["aws_ecs_exec", "cloud"]]
    assert Finding.objects.count() == 4


def test_a_page_without_matches_asks_for_no_tag_sets(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert services.tag_sets_of([]) == {}


def test_known_tag_sets_cost_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    lists = [("a",), ("a", "b"), ()]
    made = services.tag_sets_of(lists)
    with django_assert_num_queries(1):
        assert services.tag_sets_of(lists) == made


def test_an_event_without_a_session_can_have_a_finding() -> None:
    ec2 = start_session(requestParameters={"target": "i-1"}, responseElements=None)
    take_in(ec2)
    assert Finding.objects.get().session is None


def test_hostile_values_are_kept_in_a_form_that_every_database_takes() -> None:
    take_in(execute_command(command="\ud800 \x1b[31m <script> \x00 b"))
    finding = Finding.objects.get()
    assert "\x00" not in finding.output
    assert "<script>" in finding.output
    assert "\x00" not in str(finding.output_fields)


def test_a_rule_in_the_shadow_or_off_is_counted_and_makes_no_finding() -> None:
    take_in(execute_command(eventID="one"), execute_command(eventID="two"), Anyone="shadow")
    take_in(start_session(), Anyone="shadow", Start="off")
    assert not Finding.objects.exists()
    assert sorted(QuietCount.objects.values_list("rule", "day", "count")) == [
        ("Anyone", date(2026, 11, 2), 2),
        ("Start", date(2026, 11, 2), 1),
    ]
