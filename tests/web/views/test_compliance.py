"""The compliance screens and their files: what they count, what they say of it, and what they cost."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from ecsaudit.compliance.frameworks import FRAMEWORKS
from ecsaudit.execsessions.daily_counts import Tally
from ecsaudit.findings.models import Finding
from ecsaudit.library.effective import rules
from ecsaudit.library.models import Kind, Layer, Mode
from ecsaudit.library.services import refresh, save, switch
from ecsaudit.people.models import User
from tests import factories
from tests.benchmarks.corpus import made_rules

pytestmark = pytest.mark.django_db
PCI = "/compliance/pci-dss/"
FILES = ["/compliance/overview.csv", "/compliance/pci-dss.csv", "/compliance/matrix.csv"]
RULE = """
- rule: {name}
  desc: d
  condition: ct.name = {event_name}
  output: o
  priority: INFO
  source: aws_cloudtrail
  enabled: {enabled}
  tags: [{tags}]
"""


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """An empty rules folder."""
    settings.RULES_DIR = tmp_path
    return tmp_path


@pytest.fixture
def shipped(settings: Settings) -> None:
    settings.RULES_DIR = Path(__file__).parents[3] / "rules"
    refresh()


def rule(name: str, tags: str, *, event_name: str = "ExecuteCommand", enabled: bool = True) -> str:
    return RULE.format(name=name, tags=tags, event_name=event_name, enabled=str(enabled).lower())


def write(folder: Path, *texts: str) -> None:
    (folder / "made.yaml").write_text("".join(texts))
    refresh()


def read_all(*event_names: str, since: timedelta = timedelta(days=90)) -> None:
    """Everything of one account was read up to now."""
    now = timezone.now()
    feed = factories.feed(account=factories.account(alias="production"))
    for name in event_names or ("ExecuteCommand",):
        factories.query(feed=feed, event_name=name, covered_from=now - since, covered_to=now)


def found(*tags: str, at: datetime | None = None, name: str = "R") -> Finding:
    """A finding, counted as the pipeline counts it."""
    made = factories.finding(
        session=factories.exec_session(started_at=at or timezone.now()), tags=list(tags), rule=name
    )
    tally = Tally()
    tally.finding(made.event_time.date(), made.rule, made.tag_set_id)
    tally.save(made.account_id)
    return made


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def row(page: str, identifier: str) -> str:
    """The row of a control."""
    return next(each for each in page.split("<tr>") if f'scope="row">{identifier}<' in each)


def table(client: Client, address: str) -> tuple[dict[str, list[str]], list[dict[str, str]]]:
    """A file's head, and its rows by column."""
    lines = list(csv.reader(io.StringIO(client.get(address).content.decode("utf-8-sig"))))
    empty = lines.index([])
    head: dict[str, list[str]] = {}
    for word, value in lines[:empty]:
        head.setdefault(word, []).append(value)
    return head, [dict(zip(lines[empty + 1], line, strict=True)) for line in lines[empty + 2 :]]


@pytest.mark.parametrize("address", ["/compliance/", PCI, "/compliance/matrix/", *FILES])
def test_a_stranger_is_sent_to_the_log_in(client: Client, address: str) -> None:
    assert client.get(address).headers["Location"] == f"/login/?next={address}"


def test_each_state_is_told_in_its_words(as_vera: Client, folder: Path) -> None:
    write(
        folder,
        rule("finds", "PCI_DSS_10.2.1"),
        rule("sees nothing", "PCI_DSS_10.2.1.2"),
        rule("unread", "PCI_DSS_10.2.1.4", event_name="StopTask"),
        rule("off", "PCI_DSS_10.2.1.5", enabled=False),
    )
    read_all()
    found("PCI_DSS_10.2.1")
    page = html(as_vera, PCI)
    assert "operating, 1 finding<" in row(page, "10.2.1")
    assert "operating, none<" in row(page, "10.2.1.2")
    assert "not operating (gap in collection)<" in row(page, "10.2.1.4")
    assert "Not read: production eu-west-1, " in row(page, "10.2.1.4")
    assert "UTC: StopTask" in row(page, "10.2.1.4")
    assert "not operating (rules are off)<" in row(page, "10.2.1.5")
    assert '<span class="idle">off</span>' in row(page, "10.2.1.5")
    assert "no rule<" in row(page, "10.4.1")
    assert "0 of 1 account × Region pair read in full for the 2 event names" in page
    assert "✓" not in page


def test_the_number_of_findings_is_that_of_the_list_it_links_to(as_vera: Client, folder: Path) -> None:
    write(folder, rule("R", "PCI_DSS_10.2.1, PCI_DSS_10.2.1.2"))
    read_all()
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    for at in (
        today,
        today - timedelta(seconds=1),
        today - timedelta(days=6),
        today - timedelta(days=6, seconds=1),
        today - timedelta(days=40),
        today + timedelta(days=400),
    ):
        found("PCI_DSS_10.2.1", "cloud", at=at)
    found("PCI_DSS_10.2.1", "PCI_DSS_10.2.1.2")
    found("SOC2_CC6.1")
    day = f"{today - timedelta(days=6):%Y-%m-%d}"
    for address, expected in (
        ("?days=7", 5),
        ("", 6),
        ("?days=90", 7),
        (f"?from={day}&to={day}", 1),
        (f"?from={day}", 5),
        (f"?to={day}", 2),
    ):
        page = html(as_vera, PCI + address)
        link = re.search(r'class="count-of" data-label="Findings"><a href="([^"]+)">(\d+)<', row(page, "10.2.1"))
        assert link is not None
        assert int(link[2]) == expected, address
        assert html(as_vera, link[1].replace("&amp;", "&")).count('class="priority"') == expected, address
        total = re.search(r'<a href="([^"]+framework=pci-dss[^"]*)">(\d+) findings?</a>', page)
        assert total is not None
        assert html(as_vera, total[1].replace("&amp;", "&")).count('class="priority"') == int(total[2]) == expected


def test_the_overview_has_a_card_for_each_framework_whose_numbers_lead_on(as_vera: Client, folder: Path) -> None:
    write(folder, rule("R", "PCI_DSS_10.2.1, SOC2_CC6.1"), rule("off", "PCI_DSS_10.4.1", enabled=False))
    read_all()
    found("PCI_DSS_10.2.1", "SOC2_CC6.1")
    page = html(as_vera, "/compliance/?days=7")
    assert page.count('class="card-like"') == len(FRAMEWORKS) == 9
    pci = next(card for card in page.split("<section")[1:] if ">PCI DSS</a>" in card)
    first = f"{timezone.now() - timedelta(days=6):%Y-%m-%d}"
    assert f'href="{PCI}?from={first}"' in pci
    assert f"name 2 of {len(FRAMEWORKS['pci-dss'].controls)} controls" in pci
    assert (
        f'href="/findings/?from={first}&amp;framework=pci-dss&amp;workflow_status=any&amp;view=flat">1 finding</a>'
        in pci
    )
    assert f'href="{PCI}?from={first}&amp;state=idle"' in pci
    assert "1 of 1 account × Region pair read in full" in pci
    assert "%" not in unquote(pci)


def test_controls_are_filtered_by_state_and_text_and_the_address_reproduces_it(as_vera: Client, folder: Path) -> None:
    write(folder, rule("finder", "PCI_DSS_10.2.1"), rule("sleeper", "PCI_DSS_10.2.1.2", enabled=False))
    read_all()
    for address, expected in (
        ("?state=idle", {"10.2.1.2"}),
        ("?state=idle&state=none", {"10.2.1", "10.2.1.2"}),
        ("?-state=no_rule", {"10.2.1", "10.2.1.2"}),
        ("?q=FINDER", {"10.2.1"}),
        ("?q=reviewed daily", {"10.4.1"}),
        ("?q=11.5", {"11.5.1", "11.5.2"}),
    ):
        assert set(re.findall(r'scope="row">([^<]+)<', html(as_vera, PCI + address))) == expected, address
    page = html(as_vera, f"{PCI}?state=idle&days=7")
    assert "State: Not operating: rules do not judge" in page
    assert 'href="/compliance/pci-dss.csv?days=7&amp;state=idle"' in page
    assert "No control fits these filters" in html(as_vera, f"{PCI}?q=nothing at all")
    assert "“state” must be one of findings, none, gap" in html(as_vera, f"{PCI}?state=good")
    assert "the time of day is left out" in html(as_vera, f"{PCI}?from=2026-11-01T10:00")


def test_a_rule_that_began_within_the_period_says_since_when(as_vera: Client, folder: Path, ann: User) -> None:
    write(folder, rule("old", "PCI_DSS_10.2.1"), rule("woken", "PCI_DSS_10.2.1.2", enabled=False))
    read_all()
    switch(names=["woken"], mode=Mode.ON, author=ann, message="wanted")
    text = rule("mine", "PCI_DSS_10.2.1").strip("\n")
    save(kind=Kind.RULE, name="mine", layer=Layer.OWN, text=text, author=ann, message="new")
    page = html(as_vera, PCI)
    now = f"{timezone.now():%Y-%m-%d %H:}"
    assert f"judged only since {now}" in row(page, "10.2.1.2")
    assert "judged only since" not in row(page, "10.2.1")
    assert f"judges what was collected since {now}" in row(page, "10.2.1")


def test_a_period_before_a_rule_began_is_not_operating(as_vera: Client, folder: Path, ann: User) -> None:
    write(folder, rule("woken", "PCI_DSS_10.2.1", enabled=False))
    read_all()
    switch(names=["woken"], mode=Mode.ON, author=ann, message="wanted")
    day = f"{timezone.now() - timedelta(days=9):%Y-%m-%d}"
    page = html(as_vera, f"{PCI}?from={day}&to={day}")
    assert "not operating (rules began to judge after it)" in row(page, "10.2.1")


def test_rules_in_the_shadow_are_no_evidence(as_vera: Client, folder: Path, ann: User) -> None:
    write(folder, rule("R", "PCI_DSS_10.2.1"))
    read_all()
    switch(names=["R"], mode=Mode.SHADOW, author=ann, message="quiet")
    assert "not operating (rules are in the shadow)" in row(html(as_vera, PCI), "10.2.1")


def test_without_any_account_nothing_operates_and_the_page_says_what_to_do(as_vera: Client, folder: Path) -> None:
    write(folder, rule("R", "PCI_DSS_10.2.1"))
    for address in ("/compliance/", PCI):
        page = html(as_vera, address)
        assert "No account is read yet" in page
        assert "load_sample" in page
    assert "not operating (gap in collection)" in row(page, "10.2.1")


def test_without_any_good_rules_the_screens_say_so(as_vera: Client, folder: Path) -> None:
    (folder / "made.yaml").write_text("rule: A")
    for address in ("/compliance/", PCI, "/compliance/matrix/", *FILES):
        assert "There is no good rule set yet" in html(as_vera, address)


def test_a_framework_that_is_not_there_is_not_found(as_vera: Client) -> None:
    assert as_vera.get("/compliance/cobit/").status_code == 404
    assert as_vera.get("/compliance/cobit.csv").status_code == 404


@pytest.mark.usefixtures("shipped")
def test_the_matrix_has_each_technique_under_its_tactics(as_vera: Client) -> None:
    read_all()
    page = html(as_vera, "/compliance/matrix/")
    attack = FRAMEWORKS["mitre-attack"]
    assert re.findall(r'href="/rules/\?tactic=(TA\d+)"', page) == list(attack.tactic_names)
    cells = re.findall(r"<strong>(T[\d.]+)</strong>", page)
    assert sorted(cells) == sorted(name for name, tactics in attack.tactics.items() for _ in tactics)
    assert 'href="/compliance/mitre-attack/?"' in page
    assert 'href="/compliance/matrix/?"' in html(as_vera, "/compliance/mitre-attack/")
    assert "Matrix" not in html(as_vera, PCI)
    assert "No control fits these filters" in html(as_vera, "/compliance/matrix/?q=nothing at all")


def test_a_technique_of_no_known_tactic_has_a_column_of_its_own(as_vera: Client, folder: Path) -> None:
    write(folder, rule("R", "T9999"))
    page = html(as_vera, "/compliance/matrix/?q=T9999")
    assert "No known tactic" in page
    assert "<strong>T9999</strong>" in page


def test_a_file_says_what_it_is_of_and_what_was_not_read(as_vera: Client, folder: Path, ann: User) -> None:
    write(folder, rule("R", "PCI_DSS_10.2.1"), rule("unread", "PCI_DSS_10.2.1.4", event_name="StopTask"))
    read_all()
    found("PCI_DSS_10.2.1")
    response = as_vera.get("/compliance/pci-dss.csv?days=7&-state=no_rule")
    today = timezone.now()
    first = f"{today - timedelta(days=6):%Y-%m-%d}"
    assert response.headers["Content-Disposition"] == (
        f'attachment; filename="ecsaudit-pci-dss-{first}-to-{today:%Y-%m-%d}.csv"'
    )
    head, lines = table(as_vera, "/compliance/pci-dss.csv?days=7&-state=no_rule")
    assert head["Report"] == ["PCI DSS 4.0.1"]
    assert head["Period"] == [f"{first} to now, UTC"]
    assert head["Filters"] == ["State: not No rule"]
    assert head["Generated at"][0].startswith(f"{today:%Y-%m-%d}")
    assert head["Rule set"][0].startswith(f"{rules.current().pk}, made ")
    assert head["Coverage"][0].startswith("0 of 1 account × Region pair read in full")
    assert head["Not read"][0].startswith(f"production eu-west-1, {first} 00:00 to ")
    assert [(line["Control"], line["State"], line["Findings"]) for line in lines] == [
        ("10.2.1", "operating, 1 finding", "1"),
        ("10.2.1.4", "not operating (gap in collection)", "0"),
    ]
    assert lines[0]["Rules"].startswith("R (version 1 of ")
    assert lines[1]["Not read"].endswith("UTC: StopTask")


def test_the_files_of_overview_and_matrix_hold_what_the_screens_show(as_vera: Client, folder: Path) -> None:
    write(folder, rule("R", "PCI_DSS_10.2.1, MITRE_T1610_deploy_container"))
    read_all()
    found("PCI_DSS_10.2.1")
    head, lines = table(as_vera, "/compliance/overview.csv")
    assert head["Report"] == ["Compliance overview"]
    pci = next(line for line in lines if line["Framework"] == "PCI DSS")
    assert (pci["Controls that rules name"], pci["Operating, with findings"], pci["Findings"]) == ("1", "1", "1")
    head, lines = table(as_vera, "/compliance/matrix.csv?q=T1610")
    assert head["Filters"] == ["Search: T1610"]
    assert [(line["Tactic"], line["Control"], line["State"]) for line in lines] == [
        ("TA0002", "T1610", "operating, none"),
        ("TA0005", "T1610", "operating, none"),
    ]


def test_no_cell_of_a_file_is_a_formula_and_nothing_hostile_gets_out(as_vera: Client, folder: Path) -> None:
    write(folder, rule("'=HYPERLINK(\"http://evil\") <script>'", "PCI_DSS_10.2.1"))
    factories.account(alias="=cmd|' /C calc'!A0\u202e")
    for address in FILES:
        text = as_vera.get(address).content.decode("utf-8-sig")
        assert not any(cell.startswith(("=", "+", "-", "@")) for line in csv.reader(io.StringIO(text)) for cell in line)
        assert "\u202e" not in text
    assert "'=HYPERLINK" in as_vera.get(FILES[1]).content.decode()
    page = html(as_vera, PCI)
    assert "<script>" not in page.split("<main")[1]
    assert "\u202e" not in page


def test_screens_and_files_cost_as_much_with_a_thousand_rules_and_many_findings(
    as_vera: Client, folder: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    write(folder, made_rules(1_000), *(rule(f"rule {number}", f"PCI_DSS_10.2.{number}") for number in range(50)))
    read_all("ExecuteCommand", "StopTask", "RunTask")
    for number in range(30):
        found(f"PCI_DSS_10.2.{number}", name=f"rule {number}")
    rules.current()
    for address in ("/compliance/", PCI, "/compliance/matrix/", *FILES):
        # login session, user, rule set's key, accounts, queries, first rule set, versions of rules, versions in force,
        # tag sets, counts by tag set, what was applied to the past: 11; on a page also the library and sample data: 13
        with django_assert_num_queries(11 if address.endswith(".csv") else 13):
            assert as_vera.get(address).status_code == 200
