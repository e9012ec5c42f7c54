from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit.findings import triage
from ecsaudit.findings.models import Finding, Priority
from ecsaudit.findings.own import raise_own
from ecsaudit.library.models import RuleSet
from ecsaudit.notifications import health, managing
from ecsaudit.notifications.answer import Answer, Outcome
from ecsaudit.people.models import User
from ecsaudit.web import finding_list, lists
from tests import factories

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("address", ["/findings/", "/findings/facets/", "/findings/1/"])
def test_a_stranger_is_sent_to_the_log_in(client: Client, address: str) -> None:
    assert client.get(address).headers["Location"] == f"/login/?next={address}"


def test_the_list_shows_each_finding_and_costs_four_queries(
    as_vera: Client, as_ann: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        factories.finding(rule=f"rule-{number}", event_time=timezone.now())
    # login session, user, page of findings, whether there is sample data: 4
    with django_assert_num_queries(4):
        page = html(as_vera, "/findings/?view=flat")
    assert page.count("rule-") == 20
    assert 'data-priority="4">Warning' in page
    # … and for whoever works on them the newest finding, and who can be assigned to: 6
    with django_assert_num_queries(6):
        html(as_ann, "/findings/?view=flat")


def test_findings_are_gathered_into_groups_at_first_for_two_queries_more(
    as_vera: Client, ann: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ana, bob = (factories.exec_session(person=name, started_at=timezone.now()) for name in ("ana", "bob"))
    for _ in range(3):
        factories.finding(session=ana, event=factories.event(), rule="first", assignee=ann)
    factories.finding(session=ana, event=factories.event(), rule="first", workflow_status="resolved")
    group = factories.finding(session=bob, rule="second", priority=2).group
    # login session, user, page of groups, suppressions in force, assignees, sample data: 6
    with django_assert_num_queries(6):
        page = html(as_vera, "/findings/")
    assert page.count('class="opens"') == 2
    assert f'href="/findings/?group={group.pk}&amp;view=flat">' in page
    assert f'<a href="/findings/?group={group.pk}&amp;days=3650&amp;workflow_status=any&amp;view=flat">1</a>' in page
    assert ">4</a><small>" in page
    assert ">3 open</a>" in page
    assert "ann" in page
    assert "<bdi>bob" not in html(as_vera, "/findings/?rule=first")
    assert "<bdi>ana" not in html(as_vera, "/findings/?priority=2")


def test_a_group_says_how_it_stands(as_vera: Client) -> None:
    now = timezone.now()
    made = {
        name: factories.finding(rule=name, event_time=now, session=factories.exec_session(started_at=now))
        for name in ("open", "done", "back", "asleep")
    }

    def apply(name: str, change: triage.Change) -> None:
        triage.apply(finding_ids=[made[name].pk], change=change, by=None, now=now)

    for name in ("done", "back"):
        apply(name, triage.SetStatus("resolved", reason="expected"))
    apply("back", triage.SetStatus("new"))
    apply("asleep", triage.Suppress("expected", until_at="2099-01-01T00:00:00Z", more=3))
    page = html(as_vera, "/findings/?workflow_status=any")
    for words in ("Open<", "Done<", "Came back<", "until 2099-01-01 00:00 UTC or until the group has 4 findings"):
        assert words in page
    page = html(as_vera, "/findings/")
    assert "asleep" not in page
    assert "Suppressed and Resolved hidden" in page


def test_findings_are_filtered_by_status_reason_assignee_and_group(as_ann: Client, ann: User, adam: User) -> None:
    now = timezone.now()
    mine = factories.finding(rule="mine", event_time=now, assignee=ann)
    factories.finding(rule="his", event_time=now, assignee=adam)
    factories.finding(rule="free", event_time=now)
    factories.finding(rule="closed", event_time=now, workflow_status="resolved", close_reason="test", assignee=ann)
    for view in ("grouped", "flat"):
        for address, rules in (
            ("", {"mine", "his", "free"}),
            ("assignee=me", {"mine"}),
            ("assignee=nobody", {"free"}),
            ("assignee=adam&assignee=nobody", {"his", "free"}),
            ("-assignee=me", {"his", "free"}),
            ("assignee=stranger", set()),
            ("workflow_status=resolved", {"closed"}),
            ("workflow_status=any", {"mine", "his", "free", "closed"}),
            ("workflow_status=any&close_reason=test", {"closed"}),
            (f"group={mine.group_id}", {"mine"}),
        ):
            page = html(as_ann, f"/findings/?view={view}&{address}")
            assert {rule for rule in ("mine", "his", "free", "closed") if f"<bdi>{rule}</bdi>" in page} == rules, (
                address
            )
    page = html(as_ann, "/findings/facets/?workflow_status=any")
    assert 'adam</bdi> <span class="number">1' in page
    assert 'Nobody</bdi> <span class="number">1' in page
    assert "“group” must be one of a number" in html(as_ann, "/findings/?group=x")
    assert "“view” must be one of grouped, flat" in html(as_ann, "/findings/?view=odd")


def test_a_closed_finding_s_row_says_why_it_was_closed(as_vera: Client) -> None:
    factories.finding(event_time=timezone.now(), workflow_status="resolved", close_reason="false_positive")
    assert "<small>False positive</small>" in html(as_vera, "/findings/?workflow_status=resolved&view=flat")


def test_clear_all_shows_what_is_hidden_by_default_as_well(as_vera: Client) -> None:
    page = html(as_vera, "/findings/?rule=x")
    assert 'href="?workflow_status=any&amp;record_state=any">Clear all</a>' in page
    factories.finding(rule="closed", event_time=timezone.now(), workflow_status="resolved")
    factories.finding(rule="archived", event_time=timezone.now(), record_state="archived")
    page = html(as_vera, "/findings/?workflow_status=any&record_state=any")
    assert "closed" in page
    assert "archived" in page
    assert "Clear all" not in page
    # What was shown can be hidden again.
    assert 'href="?record_state=any" title="Remove this filter"><bdi>Status: any' in page


def test_filters_by_rule_priority_and_person(as_vera: Client) -> None:
    ana = factories.exec_session(person="ana", started_at=timezone.now())
    bob = factories.exec_session(person="bob", started_at=timezone.now())
    factories.finding(session=ana, rule="first", priority=2)
    factories.finding(session=bob, rule="second", priority=5)
    for address in ("?rule=first", "?priority=2", "?person=ana", "?q=FIRS", "?-rule=second"):
        page = html(as_vera, f"/findings/{address}")
        assert "ana" in page
        assert "bob" not in page
    assert '<strong id="count">1</strong> found' in html(as_vera, "/findings/facets/?rule=first&view=flat")


def test_the_count_of_the_grouped_list_names_groups_and_findings(
    as_vera: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = (factories.exec_session(person=name, started_at=timezone.now()) for name in ("ana", "bob"))
    for session in (ana, ana, ana, bob):
        factories.finding(session=session, event=factories.event(), rule="first")
    both = '<strong>2</strong> groups, <strong id="count">4</strong> findings'
    assert both in html(as_vera, "/findings/facets/")
    assert both in html(as_vera, "/findings/?facets=1")
    assert '<strong id="count">4</strong> found' in html(as_vera, "/findings/facets/?view=flat")
    one = html(as_vera, "/findings/facets/?person=bob")
    assert '<strong>1</strong> group, <strong id="count">1</strong> finding<' in one
    # Both stop at the bound of all counts.
    monkeypatch.setattr(lists, "COUNTED", 1)
    assert '<strong>1+</strong> groups, <strong id="count">1+</strong> findings' in html(as_vera, "/findings/facets/")


def test_a_finding_s_page_leads_to_its_session_and_event(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    finding = factories.finding(output_fields={"jevt.value[/awsRegion]": "eu-west-1", "ct.error": None})
    # login session, user, finding with session, event and body, history, similar ones: 4, suppression, deliveries,
    # sample data: 11
    with django_assert_num_queries(11):
        page = html(as_vera, f"/findings/{finding.pk}/")
    assert f'href="/sessions/{finding.session.pk}/"' in page
    assert "jevt.value[/awsRegion]" in page
    assert "missing" in page
    assert "aws_ecs_exec" in page


def test_hostile_rules_and_values_are_shown_harmlessly(as_vera: Client) -> None:
    finding = factories.finding(
        rule=HOSTILE, output=HOSTILE, tags=[HOSTILE], output_fields={HOSTILE: HOSTILE}, event_time=timezone.now()
    )
    for address in ("/findings/", "/findings/facets/", f"/findings/{finding.pk}/"):
        page = html(as_vera, address)
        assert "<script>alert" not in page
        assert "\x1b" not in page


def test_a_finding_without_a_session_says_so(as_vera: Client) -> None:
    finding = factories.finding()
    finding.session = None
    finding.save()
    assert "belongs to no exec session" in html(as_vera, f"/findings/{finding.pk}/")


def test_unknown_findings_are_not_found_and_empty_lists_explain(as_vera: Client) -> None:
    assert as_vera.get("/findings/999999/").status_code == 404
    assert "Nothing has been collected yet" in html(as_vera, "/findings/")


@pytest.mark.parametrize("few", [0, 100])
def test_findings_are_filtered_by_framework_and_control(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(finding_list, "FEW", few)
    for rule, tags in (("one", ["PCI_DSS_10.2.1", "cloud"]), ("two", ["PCI_DSS-3.2.1_10.1"]), ("three", ["cloud"])):
        factories.finding(rule=f"rule {rule}", tags=tags, event_time=timezone.now())
    for address, rules in (
        ("framework=pci-dss", {"one", "two"}),
        ("-framework=pci-dss", {"three"}),
        ("control=pci-dss:10.2.1", {"one"}),
        ("control=pci-dss@3.2.1:10.1", {"two"}),
        ("control=pci-dss:10.2.1&control=pci-dss@3.2.1:10.1", {"one", "two"}),
        ("-control=pci-dss:10.2.1", {"two", "three"}),
    ):
        page = html(as_vera, f"/findings/?view=flat&{address}")
        assert {rule for rule in ("one", "two", "three") if f"rule {rule}<" in page} == rules, address
    # login session, user, controls of tag sets, whether few findings have them, page of findings, sample data: 6
    with django_assert_num_queries(6):
        html(as_vera, "/findings/?view=flat&control=pci-dss:10.2.1")


def test_what_is_no_framework_or_control_is_told(as_vera: Client) -> None:
    factories.finding(event_time=timezone.now())
    page = html(as_vera, "/findings/?framework=iso&control=nothing")
    assert "“framework” must be one of nist-800-53, nist-800-190, pci-dss" in page
    assert "“control” must be one of nist-800-53:AC-2, nist-800-53:AC-2(4)" in page
    assert "Terminal Shell" in page


def test_a_framework_once_chosen_shows_its_controls_as_a_facet(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for tags in (["PCI_DSS_10.2.1", "PCI_DSS_10.2.1.2", "SOC2_CC6.1"], ["PCI_DSS_10.2.1"], ["SOC2_CC6.1"]):
        factories.finding(tags=tags, event_time=timezone.now())
    # login session, user, groups, the newest 1,000 matches, their tag sets, controls of tag sets, sample data: 7
    with django_assert_num_queries(7):
        page = html(as_vera, "/findings/facets/")
    assert "<h2>Framework</h2>" in page
    assert "<h2>Control</h2>" not in page
    # … and, for groups and for findings, controls of tag sets, and whether few findings have them: 11
    with django_assert_num_queries(11):
        page = html(as_vera, "/findings/facets/?framework=pci-dss")
    assert "<h2>Control</h2>" in page
    assert '10.2.1 Audit logs are enabled and active</bdi> <span class="number">2</span>' in page
    assert '10.2.1.2 Log all actions by administrat…</bdi> <span class="number">1</span>' in page
    assert "CC6.1" not in page
    assert 'href="/findings/?framework=pci-dss&amp;control=pci-dss%3A10.2.1"' in page


def test_archived_findings_are_hidden_by_a_filter_that_says_so_and_can_be_taken_away(as_vera: Client) -> None:
    now = timezone.now()
    factories.finding(rule="still right", event_time=now)
    archived = factories.finding(rule="no longer", event_time=now, record_state="archived", archived_at=now)
    page = html(as_vera, "/findings/")
    assert "still right" in page
    assert "no longer" not in page
    assert 'href="?record_state=any"' in page
    assert "Archived hidden" in page
    page = html(as_vera, "/findings/?record_state=any&view=flat")
    assert "still right" in page
    assert '<span class="archived">Archived</span> <bdi>no longer' in page
    assert "Archived hidden" not in page
    assert "still right" not in html(as_vera, "/findings/?record_state=archived")
    # An identifier is looked for among all.
    event_id = "0a1b2c3d-0000-4000-8000-000000000001"
    archived.event.event_id = event_id
    archived.event.save()
    assert "no longer" in html(as_vera, f"/findings/?q={event_id}")


def test_an_archived_finding_says_since_when_and_why(as_vera: Client) -> None:
    text = "- rule: R\n  desc: d\n  condition: ct.name = {}\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
    then, now = (
        RuleSet.objects.create(files=[["a.yaml", text.format(name)]]) for name in ("ExecuteCommand", "StopTask")
    )
    archived_at = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
    finding = factories.finding(
        rule="R", rule_set=then, record_state="archived", archived_at=archived_at, archived_by=now
    )
    page = html(as_vera, f"/findings/{finding.pk}/")
    assert "on 2026-11-03 10:00 UTC" in page
    assert f"(rule set {now.pk})" in page
    assert "no longer matched the event" in page
    assert page.index("ct.name = ExecuteCommand") < page.index("Why it no longer matches") < page.index("= StopTask")
    finding.archived_by = RuleSet.objects.create(files=[["a.yaml", text.format("x").replace("rule: R", "rule: Q")]])
    finding.save()
    assert "was no longer among them" in html(as_vera, f"/findings/{finding.pk}/")


def test_a_finding_of_ecsaudit_s_own_stands_in_the_list(as_vera: Client) -> None:
    raise_own(
        key="channel:1",
        rule="Channel is down",
        priority=Priority.ERROR,
        output="o",
        output_fields={},
        now=timezone.now(),
    )
    for address in ("/findings/", "/"):
        assert "Channel is down" in html(as_vera, address)


def test_a_finding_about_a_failing_channel_leads_to_it_and_says_what_to_do(as_ann: Client, as_adam: Client) -> None:
    channel = factories.channel("<Ops>", failing_since=timezone.now() - health.LONGEST_WAIT)
    health.note(channel=channel, answer=Answer(Outcome.REFUSED, "403"), now=timezone.now())
    finding = Finding.objects.get()
    address = f"/findings/{finding.pk}/"
    for client, link in ((as_adam, f'href="/channels/{channel.pk}/"'), (as_ann, 'href="/channels/"')):
        page = html(client, address)
        assert f"{link}><bdi>&lt;Ops&gt;</bdi></a>" in page
        assert f'href="/deliveries/?channel={channel.pk}"' in page
        assert "Send a test from the channel&#x27;s page." in page
    managing.delete(channel=channel)
    page = html(as_adam, address)
    assert "Send a test" in page
    assert f"/channels/{channel.pk}/" not in page
