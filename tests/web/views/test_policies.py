"""The screens of policies: who may, what they show, what they cost, and that two editors overwrite nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit.findings.models import Finding
from ecsaudit.library.effective import rules
from ecsaudit.people.models import User
from ecsaudit.policies import preview, services
from ecsaudit.policies.models import Policy, PolicyVersion
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
SHELL = "Terminal Shell in ECS Container"
FORM = {
    "name": "Production shells",
    "rules": "Terminal*",
    "tags": "",
    "priority": "",
    "scope_cluster": "prod-*\nnot prod-test",
    "hours": "always",
    "throttle_minutes": "15",
    "grouping": "group",
    "enabled": "on",
    "reason": "asked by the security team",
}


@pytest.fixture(autouse=True)
def rule_set(db: None) -> None:
    rules.current()


@pytest.fixture
def default() -> Policy:
    return Policy.objects.get(name="Default policy")


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def recent_finding(minutes: int = 5, **fields: Any) -> Finding:
    at = timezone.now() - timedelta(minutes=minutes)
    place = {name: fields.pop(name) for name in ("person", "cluster", "region") if name in fields}
    return factories.finding(session=factories.exec_session(started_at=at, **place), **fields)


@pytest.mark.parametrize("address", ["new/", "check/", "create/", "act/", "{pk}/edit/", "{pk}/check/", "{pk}/save/"])
def test_a_viewer_may_look_at_policies_but_not_change_them(as_vera: Client, default: Policy, address: str) -> None:
    address = f"/policies/{address.format(pk=default.pk)}"
    method = as_vera.get if address.endswith(("new/", "edit/")) else as_vera.post
    assert method(address).status_code == 403
    for shown in ("/policies/", default.get_absolute_url(), "/policies/history/"):
        page = html(as_vera, shown)
        assert 'method="post" action="/policies' not in page
        assert "/edit/" not in page


def test_the_default_policy_says_that_it_leads_nowhere_and_offers_the_first_channel(
    as_ann: Client, default: Policy
) -> None:
    assert "there is no channel yet; an administrator can make one" in html(as_ann, "/policies/")
    channel = factories.channel("#sec")
    for address in ("/policies/", default.get_absolute_url()):
        page = html(as_ann, address)
        assert "is on, but leads nowhere" in page
        assert "Tell <bdi>#sec</bdi>" in page
    response = as_ann.post(
        "/policies/act/", {"policy": default.pk, "action": "channel", "channel": channel.pk}, follow=True
    )
    assert "tells “#sec” from now on." in response.content.decode()
    assert "leads nowhere" not in html(as_ann, "/policies/")
    assert list(default.channels.all()) == [channel]


def test_a_new_channel_is_offered_to_the_policies_that_lead_nowhere(
    as_ann: Client, as_vera: Client, default: Policy
) -> None:
    channel = factories.channel("#sec")
    address = f"/policies/of-channel/{channel.pk}/"
    page = html(as_ann, address)
    assert "No policy leads here yet" in page
    assert "“<bdi>Default policy</bdi>” is on, but leads nowhere." in page
    assert "Have it tell" not in html(as_vera, address)
    as_ann.post("/policies/act/", {"policy": default.pk, "action": "channel", "channel": channel.pk})
    part = as_ann.get(address, headers=HTMX).content.decode()
    assert f'<a href="/policies/{default.pk}/"><bdi>Default policy</bdi></a>' in part
    assert "leads nowhere" not in part
    assert "<html" not in part


def test_the_list_tells_each_policy_in_words_and_counts_what_it_would_catch(as_vera: Client) -> None:
    factories.policy(
        "Shells",
        channels=[factories.channel("#sec")],
        rules=["Terminal*"],
        scope={"cluster": ["prod-*"]},
        owner="Blue team",
    )
    recent_finding()
    recent_finding(cluster="dev")
    page = html(as_vera, "/policies/")
    for text in ("Rules of “Terminal*”", "Cluster prod-*", "#sec", "Owner: <bdi>Blue team</bdi>", "All rules, priority Warning",
                 "At most one message in 15 min for findings of the same rule, person and target"):  # fmt: skip
        assert text in page
    shells = page.split("Shells</bdi>")[1]
    assert '#caught">1</a>' in shells
    assert '#caught">2</a>' in page.split("Shells</bdi>")[0]
    assert 'href="/rules/?policy=Shells">1 rule</a>' in shells


def test_the_forecast_says_what_is_told_to_nobody_and_leaves_out_what_is_archived(as_vera: Client) -> None:
    shells = factories.policy("Shells", channels=[factories.channel("#sec")], rules=["Terminal*"], throttle_minutes=0)
    recent_finding()
    recent_finding(6, workflow_status="suppressed")
    recent_finding(7, record_state="archived", archived_at=timezone.now())
    page = html(as_vera, shells.get_absolute_url())
    assert "<strong>2 findings</strong>, 1 person, 1 message to <bdi>#sec</bdi>." in page
    assert "1 of the findings is suppressed: nobody is told of it." in page
    assert "Archived findings, such as those that an exception hides, are not counted." in page
    assert "also suppressed ones, of which nobody is told" in html(as_vera, "/policies/")


def test_the_list_is_filtered_by_framework_state_channel_and_rule(as_vera: Client, ann: User) -> None:
    factories.policy("Shells", channels=[factories.channel("#sec")], rules=["Terminal*"])
    off = factories.policy("Nothing", rules=["No such rule"])
    services.switch(policy_id=off.pk, enabled=False, by=ann, now=NOW)

    def names(query: str) -> list[str]:
        page = html(as_vera, f"/policies/{query}")
        return [
            name
            for name in ("Default policy", "Shells", "Nothing")
            if f"<bdi>{name}</bdi></a>" in page.split("<tbody>")[-1]
        ]

    assert names("?state=off") == ["Nothing"]
    assert names("?channel=%23sec") == ["Shells"]
    assert names(f"?rule={SHELL}") == ["Default policy", "Shells"]
    assert names("?leads=no&state=on") == ["Default policy"]
    assert names("?q=shells") == ["Shells"]
    assert "“framework” must be one of" in html(as_vera, "/policies/?framework=iso")
    assert "No policy fits these filters" in html(as_vera, "/policies/?control=pci-dss:10.2.1")


def test_the_list_costs_the_same_however_many_policies_and_findings(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(60):
        factories.policy(f"Policy {number}", channels=[factories.channel()], scope={"role": ["Dev*"]})
    for number in range(5):
        recent_finding(number)
    # session, user, key of the rules, policies, their channels, findings, some channels, sample data: 8
    with django_assert_num_queries(8):
        page = html(as_vera, "/policies/")
    assert page.count('class="state"') == 50
    assert "61</strong> of 61 policies" in page
    assert html(as_vera, "/policies/?page=2").count('class="state"') == 11


def test_more_findings_than_are_looked_at_are_told(as_vera: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "LOOKED_AT", 2)
    for number in range(3):
        recent_finding(number)
    assert "among the newest 2, back to" in html(as_vera, "/policies/")


def test_a_policy_is_made_in_one_page(as_ann: Client, ann: User) -> None:
    channel = factories.channel()
    data = FORM | {
        "frameworks": ["pci-dss"], "channels": [channel.pk], "severity": "HIGH", "hours": "outside", "hours_days": ["0", "4"],
        "hours_from": "08:00", "hours_to": "18:00", "hours_zone": "Europe/Berlin", "runbook_url": "https://example.com/runbook",
        "owner": "Blue team",
    }  # fmt: skip
    response = as_ann.post("/policies/create/", data, follow=True)
    policy = Policy.objects.get(name="Production shells")
    assert response.redirect_chain == [(policy.get_absolute_url(), 302)]
    page = response.content.decode()
    for text in (
        "Rules of “Terminal*”, PCI DSS",
        "Cluster prod-*, not prod-test; outside Mon, Fri 08:00–18:00 Europe/Berlin",
        "High, fixed",
        'href="https://example.com/runbook" rel="noopener noreferrer"',
        "asked by the security team",
    ):
        assert text in page
    assert policy.scope == {"cluster": ["prod-*", "not prod-test"]}
    assert policy.hours_days == [0, 4]
    assert list(policy.channels.all()) == [channel]
    version = PolicyVersion.objects.for_list()[0]
    assert (version.by, version.reason) == (ann, "asked by the security team")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "Default policy"}, "Policy with this Name already exists"),
        ({"name": "a\u202eb"}, "a character that can&#x27;t be seen"),
        ({"runbook_url": "http://example.com"}, "Write an https:// address."),
        ({"runbook_url": "javascript:alert(1)"}, "Write an https:// address."),
        ({"scope_region": "eu\x1b"}, "Line 1 holds a character that can&#x27;t be seen"),
        ({"scope_person": "\n".join(map(str, range(201)))}, "201 lines; at most 200"),
        ({"rules": "x" * 300}, "Line 1 has 300 characters"),
        ({"hours": "inside", "hours_from": "08:00", "hours_to": "18:00"}, "Choose the days"),
        ({"hours": "inside", "hours_days": ["0"]}, "Write a time like 08:00."),
        (
            {"hours": "inside", "hours_days": ["7"], "hours_from": "8:00", "hours_to": "9:00"},
            "is not one of the available",
        ),
        ({"hours": "inside", "hours_zone": "Mars/Olympus"}, "There is no time zone “Mars/Olympus”"),
        ({"hours": "outside", "hours_zone": "../../etc/passwd"}, "There is no time zone"),
        ({"throttle_minutes": "-1"}, "greater than or equal to 0"),
        ({"throttle_minutes": "99999"}, "less than or equal to 10080"),
        ({"grouping": "moon"}, "is not one of the available"),
        ({"channels": ["77"]}, "is not one of the available"),
        ({"frameworks": ["iso"]}, "is not one of the available"),
    ],
)
def test_what_can_not_be_saved_is_told_at_its_field(as_ann: Client, changes: dict[str, Any], told: str) -> None:
    response = as_ann.post("/policies/create/", FORM | changes)
    assert response.status_code == 422
    page = response.content.decode()
    assert told in page
    # The refusal at the top leads to the field.
    field = re.search(r'stands at: <a href="#(id_[a-z_]+)">', page)
    assert field is not None
    assert f'id="{field[1]}"' in page
    assert Policy.objects.count() == 1


def test_hours_that_do_not_apply_are_neither_saved_nor_told(as_ann: Client) -> None:
    unsent = {"hours_days": ["0", "1"], "hours_from": "late", "hours_to": "18:00", "hours_zone": "Mars"}
    page = as_ann.post("/policies/create/", FORM | unsent, follow=True).content.decode()
    policy = Policy.objects.get(name="Production shells")
    assert (policy.hours_days, policy.hours_from, policy.hours_to, policy.hours_zone) == ([], None, None, "UTC")
    assert "<li>hours: At all times</li>" in page
    assert "<li>days:" not in page
    assert "<li>time zone:" not in page
    # Who turns to hours finds working days ticked, and the history tells all of them.
    assert 'value="4" id="id_hours_days_4" checked' in html(as_ann, f"/policies/{policy.pk}/edit/")
    hours = {"hours": "inside", "hours_days": ["0", "1"], "hours_from": "08:00", "hours_to": "18:00"}
    page = as_ann.post(f"/policies/{policy.pk}/save/", FORM | hours | {"expected": "1"}, follow=True).content.decode()
    for line in ("hours: At all times → Within these hours", "days: nothing → Mon, Tue", "from: nothing → 08:00"):
        assert f"<li>{line}</li>" in page


def test_who_may_not_make_what_is_missing_is_told_who_may(as_vera: Client, as_ann: Client, as_adam: Client) -> None:
    for client in (as_vera, as_ann):
        page = html(client, "/policies/")
        assert "there is no channel yet; an administrator can make one" in page
        assert "/channels/new/" not in page
    assert 'href="/channels/new/">Make the first channel</a>' in html(as_adam, "/policies/")
    factories.channel()
    assert "an analyst can choose a channel" in html(as_vera, "/policies/")
    assert "leads nowhere:</strong> choose a channel" in html(as_ann, "/policies/")
    Policy.objects.all().delete()
    assert "An analyst or an administrator can make one." in html(as_vera, "/policies/")
    assert "Make the first policy" in html(as_ann, "/policies/")


def test_saving_says_what_was_changed(as_ann: Client, default: Policy) -> None:
    page = html(as_ann, f"/policies/{default.pk}/edit/")
    assert 'name="expected" value="1"' in page
    data = FORM | {"name": default.name, "rules": "", "scope_cluster": "", "expected": "1", "throttle_minutes": "30"}
    data |= {"priority": "4", "description": default.description, "hours_zone": "UTC"}
    response = as_ann.post(f"/policies/{default.pk}/save/", data, follow=True)
    assert "Changed: throttle." in response.content.decode()
    assert "throttle: 15 min → 30 min" in response.content.decode()
    response = as_ann.post(f"/policies/{default.pk}/save/", data | {"expected": "2"}, follow=True)
    assert "Nothing was changed." in response.content.decode()


def test_two_editors_at_once_overwrite_nothing(as_ann: Client, as_adam: Client, default: Policy) -> None:
    data = FORM | {"name": default.name, "expected": "1"}
    as_adam.post(f"/policies/{default.pk}/save/", data | {"owner": "Red team", "reason": "ours"})
    response = as_ann.post(f"/policies/{default.pk}/save/", data | {"owner": "Blue team"})
    page = response.content.decode()
    assert "Somebody changed this policy while you were editing" in page
    assert "owner: nothing → Red team" in page
    assert "<q>ours</q>" in page
    assert 'value="Blue team"' in page
    assert 'name="expected" value="2"' in page
    default.refresh_from_db()
    assert default.owner == "Red team"
    as_ann.post(f"/policies/{default.pk}/save/", data | {"owner": "Blue team", "expected": "2"})
    default.refresh_from_db()
    assert default.owner == "Blue team"


def test_the_rail_tells_what_the_policy_would_have_done(
    as_ann: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    channel = factories.channel("#sec")
    recent_finding(5)
    recent_finding(4)
    recent_finding(3, person="bob@example.com")
    recent_finding(2, cluster="prod-test")
    data = FORM | {"channels": [channel.pk], "rules": "Terminal*\nTerminator"}
    as_ann.post("/policies/check/", data, headers=HTMX)
    # session, user, rules, chosen channels twice, name, sessions, findings, policies in force, channels, newest: 11
    with django_assert_num_queries(11):
        page = as_ann.post("/policies/check/", data, headers=HTMX).content.decode()
    assert "<html" not in page
    assert "<strong>3 findings</strong>, 2 people, 3 messages to <bdi>#sec</bdi>." in page
    assert "Covers 3 exec sessions of 2 people, in 1 cluster of 1 account." in page
    assert "1 of 3 rules:" in page
    assert "No rule has the name “Terminator”." in page
    assert "All 4 findings of these days were looked at." in page


def test_counting_works_without_a_script_and_saves_nothing(as_ann: Client, default: Policy) -> None:
    recent_finding()
    for address in ("/policies/check/", f"/policies/{default.pk}/check/"):
        page = as_ann.post(address, FORM | {"name": ""}).content.decode()
        assert "<html" in page
        assert "<strong>1 finding</strong>, 1 person" in page
        assert "No channel is chosen: it would tell nobody." in page
        assert "Terminal*</textarea>" in page
    assert PolicyVersion.objects.count() == 1


def test_what_can_not_be_counted_says_why(as_ann: Client) -> None:
    page = as_ann.post("/policies/check/", FORM | {"hours": "inside"}, headers=HTMX).content.decode()
    assert "This can't be counted yet: Days: Choose the days" in page


def test_an_earlier_policy_s_channel_is_told(as_ann: Client, default: Policy, ann: User) -> None:
    channel = factories.channel("#sec")
    services.add_channel(policy_id=default.pk, channel=channel, by=ann, now=NOW)
    recent_finding()
    page = as_ann.post("/policies/check/", FORM | {"channels": [channel.pk]}, headers=HTMX).content.decode()
    assert "1 finding</strong>, 1 person, 0 messages to <bdi>#sec</bdi>" in page
    assert "1 of them reach <bdi>#sec</bdi> already by a policy that stands before" in page


def test_a_new_policy_begins_with_what_the_address_names(as_ann: Client) -> None:
    channel = factories.channel()
    page = html(
        as_ann,
        f"/policies/new/?framework=pci-dss&control=soc-2:CC6.1&rule={SHELL}&tag=aws&channel={channel.pk}&channel=x",
    )
    assert page.count("checked") >= 3
    assert f">\n{SHELL}</textarea>" in page
    assert '<option value="soc-2:CC6.1" selected>' in page
    assert "3 of 3 rules" in page


def test_switching_moving_and_deleting_are_one_press_each(as_ann: Client, default: Policy) -> None:
    other = factories.policy("Other")

    def act(action: str, **data: str) -> str:
        data |= {"policy": str(other.pk), "action": action}
        return as_ann.post("/policies/act/", data, follow=True).content.decode()

    assert "Policy “Other” is off." in act("off", reason="noisy")
    assert "Policy “Other” is on." in act("on")
    act("up")
    assert [policy.name for policy in Policy.objects.in_order()] == ["Other", "Default policy"]
    act("down")
    assert [policy.name for policy in Policy.objects.in_order()] == ["Default policy", "Other"]
    assert "Choose what to do" in act("explode")
    assert "The policy is deleted." in act("delete", reason="no longer needed")
    assert "This policy was deleted in the meantime." in act("on")
    page = html(as_ann, "/policies/history/")
    assert "<q>noisy</q>" in page
    assert "<q>no longer needed</q>" in page
    assert "grouping: Findings of the same rule, person and target" in page


def test_a_finding_tells_which_policies_catch_it_and_why_others_do_not(
    as_vera: Client, default: Policy, ann: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    services.add_channel(policy_id=default.pk, channel=factories.channel("#sec"), by=ann, now=NOW)
    factories.policy("Also", channels=[factories.channel("#sec"), factories.channel("#ops")])
    factories.policy("Elsewhere", channels=[factories.channel("#sec")], scope={"region": ["us-*"]})
    finding = factories.finding()
    assert f'hx-get="/policies/caught-by/{finding.pk}/"' in html(as_vera, f"/findings/{finding.pk}/")
    page = html(as_vera, f"/policies/caught-by/{finding.pk}/")
    assert "catches it and tells <bdi>#sec</bdi>" in page
    assert "Because priority Warning is at least Warning." in page
    assert "catches it and tells <bdi>#ops</bdi>. A policy before it tells <bdi>#sec</bdi>." in page
    assert "1 policy does not catch it" in page
    assert "Region eu-west-1 is not among “us-*”" in page
    # session, user, finding, policies in force, facts, channels, sample data: 7
    with django_assert_num_queries(7):
        part = as_vera.get(f"/policies/caught-by/{finding.pk}/", headers=HTMX).content.decode()
    assert "<html" not in part
    assert as_vera.get("/policies/caught-by/999999/").status_code == 404


def test_a_finding_that_no_policy_catches_says_that_nobody_is_told(as_vera: Client) -> None:
    finding = factories.finding(priority=6)
    assert "No policy catches this finding: nobody is told" in html(as_vera, f"/policies/caught-by/{finding.pk}/")


def test_rules_tell_the_policies_that_are_about_them(as_vera: Client) -> None:
    factories.policy("Shells", rules=["Terminal*"])
    page = html(as_vera, "/rules/")
    assert '<a href="/policies/?rule=Terminal+Shell+in+ECS+Container">2 policies</a>' in page
    assert html(as_vera, "/rules/?policy=Shells").count('class="rule"') == 1
    assert "Used in <a" in html(as_vera, f"/rules/item/?kind=rule&name={SHELL}")


def test_without_good_rules_policies_can_still_be_changed(
    as_ann: Client, default: Policy, settings: Any, tmp_path: Any
) -> None:
    settings.RULES_DIR = tmp_path
    (tmp_path / "broken.yaml").write_text("- rule: [")
    for address in ("/policies/", default.get_absolute_url(), f"/policies/{default.pk}/edit/"):
        assert as_ann.get(address).status_code == 200
