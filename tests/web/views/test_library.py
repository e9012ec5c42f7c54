"""The rule library's screens: who may, what they show, what they cost, and that addresses reproduce lists."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from ecsaudit.compliance.frameworks import FRAMEWORKS, controls_of
from ecsaudit.execsessions.daily_counts import Tally
from ecsaudit.library.effective import rules
from ecsaudit.library.models import Kind, Layer, Mode, QuietCount, RuleSet, Version
from ecsaudit.library.services import refresh, save, switch
from ecsaudit.people.models import User
from ecsaudit.policies.in_force import policies
from tests import factories
from tests.benchmarks.corpus import made_rules

pytestmark = pytest.mark.django_db
SHELL = "Terminal Shell in ECS Container"
ARTICLE_FRAMEWORKS = ["nist-800-53", "soc-2", "pci-dss", "mitre-attack", "cis-aws", "aws-fsbp"]


@pytest.fixture
def shipped(settings: Settings) -> None:
    settings.RULES_DIR = Path(__file__).parents[3] / "rules"
    refresh()


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("address", ["/rules/", "/rules/item/", "/rules/switch/"])
def test_a_stranger_is_sent_to_the_log_in(client: Client, address: str) -> None:
    assert client.get(address).headers["Location"] == f"/login/?next={address}"


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("framework", ARTICLE_FRAMEWORKS)
def test_each_framework_of_the_article_has_rules_and_the_address_alone_shows_them(
    as_vera: Client, framework: str
) -> None:
    page = html(as_vera, f"/rules/?framework={framework}")
    named = [
        rule for rule in rules.current().rules if any(one.framework == framework for one in controls_of(rule.tags))
    ]
    assert page.count('class="rule"') == len(named) >= 3


@pytest.mark.usefixtures("shipped")
def test_filters_narrow_the_list_together(as_vera: Client) -> None:
    assert html(as_vera, "/rules/?control=nist-800-53:AU-14&state=on").count('class="rule"') == 5
    assert html(as_vera, "/rules/?state=off").count('class="rule"') == 3
    assert html(as_vera, "/rules/?q=reverse").count('class="rule"') == 1
    assert html(as_vera, "/rules/?-state=on").count('class="rule"') == 3
    assert "No rule fits these filters" in html(as_vera, "/rules/?q=nothingofthekind")
    assert "“framework” must be one of" in html(as_vera, "/rules/?framework=iso")


@pytest.mark.usefixtures("shipped")
def test_rules_are_filtered_by_tactic_and_technique(as_vera: Client) -> None:
    page = html(as_vera, "/rules/")
    assert "<h2>ATT&amp;CK tactic</h2>" in page
    assert "<h2>ATT&amp;CK technique</h2>" not in page
    page = html(as_vera, "/rules/?tactic=TA0006")
    assert "<h2>ATT&amp;CK technique</h2>" in page
    assert "T1552.007 Unsecured Credentials: Container API" in page
    attack = FRAMEWORKS["mitre-attack"]
    named = [
        [one.identifier for one in controls_of(rule.tags) if one.framework == attack.key]
        for rule in rules.current().rules
    ]
    by_tactic = [names for names in named if any("TA0006" in attack.tactics_of(name) for name in names)]
    by_technique = [names for names in named if "T1552.007" in names]
    assert page.count('class="rule"') == len(by_tactic) > len(by_technique) > 0
    assert html(as_vera, "/rules/?technique=T1552.007").count('class="rule"') == len(by_technique)
    assert "“tactic” must be one of TA0001" in html(as_vera, "/rules/?tactic=execution")


def test_a_rule_shows_its_matches_of_the_last_days_and_those_in_the_shadow(as_vera: Client) -> None:
    rules.current()
    account = factories.account()
    tally = Tally()
    today = timezone.now().date()
    for days, count in ((0, 2), (10, 3), (40, 7)):
        for _ in range(count):
            tally.finding(today - timedelta(days=days), SHELL, 1)
    tally.save(account.pk)
    assert "2 · 5" in html(as_vera, "/rules/")


def test_the_list_costs_as_much_with_a_thousand_rules(
    as_vera: Client, settings: Settings, tmp_path: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.RULES_DIR = tmp_path
    (tmp_path / "made.yaml").write_text(made_rules(1_000))
    rules.current()
    # login session, user, library, rule set's key, versions, matches, matches without findings, policies, tests,
    # sample data: 10
    policies.current()
    with django_assert_num_queries(10):
        page = html(as_vera, "/rules/")
    assert page.count('class="rule"') == 100
    assert "1000</strong> of 1000 rules" in page
    assert html(as_vera, "/rules/?page=10").count('class="rule"') == 100


def test_a_viewer_sees_no_switches_and_may_not_use_them(as_vera: Client) -> None:
    rules.current()
    assert 'name="mode"' not in html(as_vera, "/rules/")
    response = as_vera.post("/rules/switch/", {"rule": SHELL, "mode": "off"})
    assert response.status_code == 403
    assert not Version.objects.filter(layer=Layer.SWITCH).exists()


def test_an_analyst_switches_rules_in_bulk_and_comes_back_to_the_same_list(as_ann: Client, ann: User) -> None:
    names = [rule.name for rule in rules.current().rules[:2]]
    response = as_ann.post(
        "/rules/switch/", {"rule": names, "mode": "off", "message": "noisy", "back": "/rules/?state=on"}, follow=True
    )
    assert response.redirect_chain == [("/rules/?state=on", 302)]
    assert "2 rules switched: off." in response.content.decode()
    assert [rule.name for rule in rules.current().rules if not rule.enabled] == names
    assert {version.author for version in Version.objects.filter(message="noisy")} == {ann}


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", ""])
def test_switching_never_leads_to_another_site(as_ann: Client, back: str) -> None:
    rules.current()
    response = as_ann.post("/rules/switch/", {"rule": SHELL, "mode": "shadow", "back": back})
    assert response.headers["Location"] == "/rules/"


@pytest.mark.parametrize(
    ("data", "told"), [({"mode": "off"}, "Choose rules"), ({"rule": "x", "mode": "off"}, "there is no rule “x”")]
)
def test_a_switch_that_can_not_be_made_is_told(as_ann: Client, data: dict[str, str], told: str) -> None:
    rules.current()
    assert told in as_ann.post("/rules/switch/", data, follow=True).content.decode()


@pytest.mark.usefixtures("shipped")
def test_a_rule_s_page_has_condition_text_runbook_tests_and_versions(as_vera: Client, ann: User) -> None:
    switch(names=[SHELL], mode=Mode.SHADOW, author=ann, message="let us see")
    page = html(as_vera, f"/rules/item/?kind=rule&name={SHELL}")
    for text in (
        "jevt.value[/requestParameters/command] in (/bin/bash, /bin/csh",
        "Is there a ticket, a change or an incident that explains the shell?",
        "Passed",
        "Shipped with ecsaudit",
        "let us see",
        "Shadow",
        "list system_shells",
    ):
        assert text in page
    assert "Failed" not in page


@pytest.mark.usefixtures("shipped")
def test_lists_and_macros_have_pages_that_tell_who_uses_them(as_vera: Client) -> None:
    page = html(as_vera, "/rules/item/?kind=macro&name=exec_call")
    assert "(ct.src = ecs.amazonaws.com and ct.name = ExecuteCommand)" in page
    assert "ECS Exec by Root" in page
    assert "*prod*" in html(as_vera, "/rules/item/?kind=list&name=production_clusters")
    denials = html(as_vera, "/rules/item/?kind=list&name=denials")
    assert 'macro <a href="/rules/item/?kind=macro&amp;name=denied">denied</a>' in denials
    assert "through the macro denied" in denials


@pytest.mark.usefixtures("shipped")
def test_rules_and_macros_are_told_in_plain_words_with_links_to_what_they_name(as_vera: Client) -> None:
    page = html(as_vera, f"/rules/item/?kind=rule&name={SHELL}")
    assert "In plain words" in page
    assert "the event&#x27;s name is “ExecuteCommand”" in page
    assert 'list <a href="/rules/item/?kind=list&amp;name=system_shells">' in page
    assert "the error code is missing" in html(as_vera, "/rules/item/?kind=macro&name=succeeded")
    assert "In plain words" not in html(as_vera, "/rules/item/?kind=list&name=denials")


@pytest.mark.parametrize("query", ["", "?kind=rule&name=nothing", "?kind=cloud&name=x"])
def test_what_is_not_there_is_not_found(as_vera: Client, query: str) -> None:
    assert as_vera.get(f"/rules/item/{query}").status_code == 404


def test_newer_rules_that_can_not_be_used_are_told_with_file_and_line(
    as_vera: Client, settings: Settings, tmp_path: Path
) -> None:
    rules.current()
    settings.RULES_DIR = tmp_path
    (tmp_path / "bad.yaml").write_text(
        "- rule: <script>\n  desc: d\n  condition: ct.nmae = x\n  output: o\n  priority: INFO\n"
        "  source: aws_cloudtrail\n"
    )
    refresh()
    page = html(as_vera, "/rules/")
    assert "the last good ones keep judging" in page
    assert "bad.yaml, line" in page
    factories.account()
    assert "The newest rules can't be used;" in html(as_vera, "/sessions/")
    assert SHELL in page


def test_without_any_good_rules_the_screen_says_what_to_mend(
    as_vera: Client, settings: Settings, tmp_path: Path
) -> None:
    settings.RULES_DIR = tmp_path
    (tmp_path / "bad.yaml").write_text("rule: A")
    assert "There is no good rule set yet" in html(as_vera, "/rules/")


def test_hostile_names_and_texts_are_shown_as_text(as_vera: Client, ann: User) -> None:
    rules.current()
    name = "<script>alert(1)</script>"
    text = f"- rule: {name}\n  desc: <b>bold</b>\n  condition: ct.name = '<img src=x>'\n  output: <i>\n"
    text += "  priority: INFO\n  source: aws_cloudtrail\n"
    save(kind=Kind.RULE, name=name, layer=Layer.OWN, text=text, author=ann, message="<u>")
    for address in ("/rules/", f"/rules/item/?kind=rule&name={name}"):
        page = html(as_vera, address)
        assert "&lt;script&gt;alert(1)" in page
        assert not any(tag in page for tag in ("<script>alert", "<b>", "<img src=x", "<u>", "<i>"))


def test_a_finding_explains_itself_by_the_rule_set_that_judged(as_vera: Client, ann: User) -> None:
    text = "- rule: R\n  desc: d\n  condition: named or ct.user exists\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
    macro = "- macro: named\n  condition: ct.name = ExecuteCommand\n"
    rule_set = RuleSet.objects.create(files=[["a.yaml", macro + text]])
    finding = factories.finding(rule="R", rule_set=rule_set)
    page = html(as_vera, f"/findings/{finding.pk}/")
    assert "Why the rule matched" in page
    assert "macro <code>named</code>" in page
    assert "<code>ct.name</code> is <code>ExecuteCommand</code>" in page
    assert "not reached" in page
    assert "from before rule sets were kept" in html(as_vera, f"/findings/{factories.finding(rule='R').pk}/")


def test_a_rule_without_findings_says_what_it_would_have_matched(as_vera: Client, ann: User) -> None:
    rules.current()
    QuietCount.objects.create(rule=SHELL, day=timezone.now().date(), count=7)
    # While it is on its findings are told, and nothing else.
    assert "would have matched" not in html(as_vera, "/rules/")
    for mode in (Mode.OFF, Mode.SHADOW):
        switch(names=[SHELL], mode=mode, author=ann, message="m")
        page = html(as_vera, "/rules/")
        assert '<span title="Of the events that were collected">7 · 7</span><small>would have matched</small>' in page
        assert "it would have matched 7 in 7 days, 7 in 30" in html(as_vera, f"/rules/item/?kind=rule&name={SHELL}")


def test_a_rule_whose_newest_text_can_not_be_used_is_in_error_and_keeps_judging(
    as_vera: Client, ann: User, settings: Settings, tmp_path: Path
) -> None:
    settings.RULES_DIR = tmp_path
    text = "- macro: m\n  condition: ct.user = u\n- rule: A\n  desc: d\n  condition: ct.name = x\n  output: o\n"
    text += "  priority: INFO\n  source: aws_cloudtrail\n"
    (tmp_path / "a.yaml").write_text(text)
    refresh()
    overlay = "- rule: A\n  condition: and m\n  override: {condition: append}\n"
    save(kind=Kind.RULE, name="A", layer=Layer.OVERLAY, text=overlay, author=ann, message="m")
    (tmp_path / "a.yaml").write_text(text.replace("macro: m", "macro: n"))
    refresh()
    page = html(as_vera, "/rules/?health=error")
    assert page.count('class="rule"') == 1
    assert "Undefined macro" in page
    assert [str(rule.condition.tree) for rule in rules.current().rules] == ["(ct.name = x and ct.user = u)"]
