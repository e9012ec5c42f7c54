"""The rule editor's screens: what they begin with, what they refuse and how, and that nobody's text is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from ecsaudit.library import rule_tests
from ecsaudit.library.effective import rules
from ecsaudit.library.models import Kind, Layer, Library, Mode, Version
from ecsaudit.library.services import refresh, save
from ecsaudit.library.updates import waiting
from ecsaudit.people.models import User
from ecsaudit.replay.models import Purpose, Replay, Scope
from tests import factories, records

pytestmark = pytest.mark.django_db
SHIPPED = """- list: shells
  items: [/bin/sh]

- macro: shell
  condition: ecs.command in (shells)

- rule: Shell
  desc: the first
  condition: ct.name = ExecuteCommand and shell
  output: a shell
  priority: WARNING
  source: aws_cloudtrail
"""
OWN = "- rule: Mine\n  desc: d\n  condition: shell\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    refresh()
    return tmp_path


def sent(text: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "rule", "layer": "own", "text": text, "message": "because", "mode": "on"} | fields


def posted(client: Client, address: str, data: dict[str, Any], status: int = 200) -> str:
    response = client.post(address, data)
    assert response.status_code == status
    return response.content.decode()


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("address", ["/rules/check/", "/rules/save/", "/rules/take-away/"])
def test_a_viewer_may_not_change_rules(as_vera: Client, address: str) -> None:
    posted(as_vera, address, sent(OWN), 403)
    assert not Version.objects.filter(name="Mine").exists()


def test_a_shipped_rule_is_customised_by_an_overlay_that_begins_in_several_ways(as_ann: Client) -> None:
    page = html(as_ann, "/rules/edit/?kind=rule&name=Shell")
    assert "Customise Shell" in page
    assert "and not ct.user in (deploy-bot)" in page
    assert "desc: the first" in page
    assert "priority: WARNING\n  override:\n    priority: replace" in html(
        as_ann, "/rules/edit/?kind=rule&name=Shell&start=priority"
    )


@pytest.mark.parametrize("start", ["narrow", "exceptions", "condition", "priority", "output", "tags"])
def test_each_beginning_of_a_rule_s_overlay_can_be_used(as_ann: Client, start: str, settings: Settings) -> None:
    settings.RULES_DIR = Path(__file__).parents[3] / "rules"
    refresh()
    page = html(as_ann, f"/rules/edit/?kind=rule&name=ECS Exec by Root&start={start}")
    assert "The text can be used." in page


@pytest.mark.parametrize("start", ["add", "replace"])
@pytest.mark.parametrize(("kind", "name"), [("list", "shells"), ("macro", "shell")])
def test_each_beginning_of_other_overlays_can_be_used(as_ann: Client, kind: str, name: str, start: str) -> None:
    assert "The text can be used." in html(as_ann, f"/rules/edit/?kind={kind}&name={name}&start={start}")


@pytest.mark.parametrize("kind", ["rule", "macro", "list"])
def test_a_new_item_begins_with_what_can_be_used(as_ann: Client, kind: str, settings: Settings) -> None:
    settings.RULES_DIR = Path(__file__).parents[3] / "rules"
    refresh()
    assert "The text can be used." in html(as_ann, f"/rules/new/?kind={kind}")


def test_a_clone_is_a_copy_with_its_overlay_under_another_name(as_ann: Client, ann: User) -> None:
    overlay = "- rule: Shell\n  priority: ERROR\n  override:\n    priority: replace\n"
    save(kind="rule", name="Shell", layer=Layer.OVERLAY, text=overlay, author=ann, message="m")
    page = html(as_ann, "/rules/new/?from=Shell")
    assert page.count("- rule: &quot;Shell (copy)&quot;") == 2
    assert "The text can be used." in page


@pytest.mark.parametrize("address", ["/rules/edit/", "/rules/edit/?kind=rule&name=x", "/rules/new/?kind=cloud"])
def test_what_is_not_there_is_not_found(as_ann: Client, address: str) -> None:
    assert as_ann.get(address).status_code == 404


def test_a_new_rule_is_saved_with_the_state_that_was_chosen(as_ann: Client, ann: User) -> None:
    response = as_ann.post("/rules/save/", sent(OWN, mode="shadow"), follow=True)
    assert response.redirect_chain == [("/rules/item/?kind=rule&name=Mine", 302)]
    assert "Rule “Mine” is saved" in response.content.decode()
    version = Version.objects.get(name="Mine", layer=Layer.OWN)
    assert (version.author, version.message) == (ann, "because")
    assert rules.current().shadows == {"Mine"}


def test_errors_are_told_with_their_line_and_nothing_is_saved(as_ann: Client) -> None:
    page = posted(as_ann, "/rules/save/", sent(OWN.replace("shell", "ct.nmae = x")))
    assert 'data-line="3" data-column="14" data-own' in page
    assert "did you mean &#x27;ct.name&#x27;?" in page
    assert "ct.nmae = x" in page
    assert not Version.objects.filter(name="Mine").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "There is no text. To end an item, take it away."),
        ("- macro: m\n  condition: shell\n", "there is no rule here"),
        ("- rule: 'x", "a quote is never closed"),
        (OWN + "- list: l\n  items: [a]\n", "but here is the list “l”"),
        (OWN.replace("Mine", "x" * 257), "a name must have 1 to 256 characters"),
        (OWN.replace("shell", "x" * 1_000_000), "one item may have 1,000,000"),
        (OWN.replace("shell", "ct.user regex '(a{1001})'"), "line 3"),
        (OWN.replace("Mine", "Shell"), "there is a rule “Shell” already"),
    ],
)
def test_a_text_that_can_not_be_saved_is_told(as_ann: Client, text: str, told: str) -> None:
    response = as_ann.post("/rules/save/", sent(text))
    assert response.status_code == 200
    assert told in response.content.decode()
    assert Version.objects.count() == 3


def test_five_megabytes_get_their_answer(as_ann: Client) -> None:
    page = posted(as_ann, "/rules/check/", sent(OWN.replace("shell", "x" * 5_000_000)))
    assert "one item may have 1,000,000" in page


def test_a_change_needs_a_reason(as_ann: Client) -> None:
    assert "Say what changed and why" in posted(as_ann, "/rules/save/", sent(OWN, message="  "))


def test_a_change_that_breaks_another_item_is_told_with_the_item(as_ann: Client, ann: User) -> None:
    macro = save(
        kind=Kind.MACRO,
        name="mine",
        layer=Layer.OWN,
        text="- macro: mine\n  condition: shell\n",
        author=ann,
        message="m",
    )
    save(kind=Kind.RULE, name="Mine", layer=Layer.OWN, text=OWN.replace("shell", "mine"), author=ann, message="m")
    text = "- macro: mine\n  condition: nothing\n"
    page = posted(as_ann, "/rules/save/", sent(text, kind="macro", name="mine", expected=macro.pk))
    assert "nothing" in page
    response = as_ann.post("/rules/take-away/", sent("", kind="macro", name="mine", expected=macro.pk), follow=True)
    assert "It is still in force: rule Mine:3" in response.content.decode()


def test_a_macro_tells_the_rules_that_it_would_change_and_runs_their_tests(as_ann: Client, ann: User) -> None:
    rule_tests.keep(rule="Shell", matches=True, why="a shell", record=json.dumps(records.execute_command()), author=ann)
    overlay = "- macro: shell\n  condition: and ct.user = nobody\n  override:\n    condition: append\n"
    page = posted(as_ann, "/rules/check/", sent(overlay, kind="macro", name="shell", layer="overlay"))
    assert "It changes 1 rule:" in page
    assert "1 of 1 tests fail." in page


def test_a_text_whose_tests_fail_is_saved_only_on_purpose(as_ann: Client, ann: User) -> None:
    rule_tests.keep(rule="Shell", matches=True, why="a shell", record=json.dumps(records.execute_command()), author=ann)
    overlay = "- rule: Shell\n  condition: and ct.user = nobody\n  override:\n    condition: append\n"
    data = sent(overlay, name="Shell", layer="overlay")
    page = posted(as_ann, "/rules/save/", data)
    assert "It isn&#x27;t saved: 1 of 1 tests fail" in page or "It isn't saved: 1 of 1 tests fail" in page
    assert not Version.objects.filter(layer=Layer.OVERLAY).exists()
    assert as_ann.post("/rules/save/", data | {"despite": "on"}).status_code == 302
    assert Version.objects.filter(layer=Layer.OVERLAY).exists()


def test_the_event_at_hand_is_explained(as_ann: Client) -> None:
    event = factories.event(raw_text=json.dumps(records.execute_command(command="/bin/bash")))
    page = html(as_ann, f"/rules/edit/?kind=rule&name=Shell&event={event.pk}")
    assert "<strong>does not match</strong> Shell" in page
    assert "<code>ecs.command</code> is <code>/bin/bash</code>" in page


def test_a_check_by_the_script_gets_only_the_part_that_changes(as_ann: Client) -> None:
    response = as_ann.post("/rules/check/", sent(OWN), headers={"HX-Request": "true"})
    assert "<html" not in response.content.decode()
    assert "The text can be used." in response.content.decode()


def test_invisible_characters_in_a_text_are_warned_of(as_ann: Client) -> None:
    page = posted(as_ann, "/rules/check/", sent(OWN.replace("output: o", "output: o\u202e")))
    assert "this line holds what can&#x27;t be seen: ‹U+202E›" in page


def test_the_second_of_two_is_told_shown_the_difference_and_may_save_over_it(
    as_ann: Client, as_adam: Client, ann: User
) -> None:
    first = save(kind="rule", name="Mine", layer=Layer.OWN, text=OWN, author=ann, message="m")
    data = sent(OWN.replace("output: o", "output: theirs"), name="Mine", expected=first.pk, message="faster")
    assert as_adam.post("/rules/save/", data).status_code == 302
    theirs = Version.objects.get(message="faster")

    mine = sent(OWN.replace("output: o", "output: mine"), name="Mine", expected=first.pk, message="slower")
    page = posted(as_ann, "/rules/save/", mine)
    assert "Somebody saved this while you were editing; nothing was overwritten" in page
    assert "adam saved version 2" in page
    assert "output: theirs" in page
    assert "output: mine" in page
    assert f'name="expected" value="{theirs.pk}"' in page
    assert Version.objects.filter(is_current=True, name="Mine", layer=Layer.OWN).get() == theirs
    assert as_ann.post("/rules/save/", mine | {"expected": theirs.pk}).status_code == 302


def test_taking_away_ends_an_own_rule_and_its_versions_stay(as_ann: Client, ann: User) -> None:
    version = save(kind="rule", name="Mine", layer=Layer.OWN, text=OWN, author=ann, message="m")
    response = as_ann.post("/rules/take-away/", sent("", name="Mine", expected=version.pk), follow=True)
    assert "no longer in force" in response.content.decode()
    assert [rule.name for rule in rules.current().rules] == ["Shell"]
    assert as_ann.post("/rules/save/", sent(OWN)).status_code == 302
    assert [rule.name for rule in rules.current().rules] == ["Shell", "Mine"]


def test_what_can_be_completed_comes_from_the_engine_and_the_rule_set(as_ann: Client) -> None:
    words = as_ann.get("/rules/words/").json()
    assert words["macros"]["shell"].startswith("ecs.command in")
    assert words["lists"]["shells"] == "/bin/sh"
    assert {"name": "ct.user", "meta": "text", "help": "The name of the user who called"}.keys() == words["fields"][
        0
    ].keys()
    assert "exists" in words["operators"]
    assert "override" in words["keys"]


def test_rules_that_can_not_be_used_at_all_can_still_be_mended(as_ann: Client, folder: Path) -> None:
    (folder / "shipped.yaml").write_text(SHIPPED.replace("ct.name", "ct.nmae"))
    refresh()
    assert "Customise Shell" in html(as_ann, "/rules/edit/?kind=rule&name=Shell")


def test_modes_of_other_rules_stay(as_ann: Client) -> None:
    as_ann.post("/rules/switch/", {"rule": "Shell", "mode": "off"})
    as_ann.post("/rules/save/", sent(OWN))
    assert [(rule.name, rule.enabled) for rule in rules.current().rules] == [("Shell", False), ("Mine", True)]
    assert Version.objects.filter(layer=Layer.SWITCH, text=Mode.ON).get().name == "Mine"


def test_a_change_is_applied_to_the_past_only_where_that_is_wanted(as_ann: Client, ann: User) -> None:
    as_ann.post("/rules/save/", sent(OWN))
    assert not Replay.objects.exists()
    version = Version.objects.get(name="Mine", layer=Layer.OWN)
    data = sent(OWN.replace("shell", "ct.name = x"), name="Mine", expected=version.pk, past="open")
    response = as_ann.post("/rules/save/", data)
    replay = Replay.objects.get()
    assert response.headers["Location"] == replay.get_absolute_url()
    assert (replay.purpose, replay.scope, replay.rules, replay.author) == (Purpose.APPLY, Scope.OPEN, ["Mine"], ann)


def test_a_change_that_is_refused_is_not_applied_to_the_past(as_ann: Client) -> None:
    posted(as_ann, "/rules/save/", sent(OWN.replace("shell", "ct.nmae = x"), past="all"))
    posted(as_ann, "/rules/save/", sent(OWN, past="for ever"))
    assert not Replay.objects.exists()
    assert not Version.objects.filter(name="Mine").exists()


def test_a_changed_list_is_applied_with_every_rule_that_it_changes(as_ann: Client) -> None:
    text = "- list: shells\n  items: [/bin/ash]\n  override: {items: append}\n"
    as_ann.post("/rules/save/", sent(text, kind="list", name="shells", layer="overlay", past="all"))
    assert (Replay.objects.get().rules, Replay.objects.get().scope) == (["Shell"], Scope.ALL)


def test_what_stands_in_the_editor_is_tried_over_the_stored_history(as_ann: Client) -> None:
    response = as_ann.post("/rules/replays/", sent(OWN, days="7"), headers={"HX-Request": "true"})
    assert 'id="replay-state"' in response.content.decode()
    assert (Replay.objects.get().name, Replay.objects.get().purpose) == ("Mine", Purpose.TRY)


def test_who_edits_what_somebody_took_away_keeps_the_text_and_may_save_it(
    as_ann: Client, ann: User, adam: User
) -> None:
    first = save(kind="rule", name="Mine", layer=Layer.OWN, text=OWN, author=ann, message="m")
    save(kind="rule", name="Mine", layer=Layer.OWN, text="", author=adam, message="gone", expected=first.pk)
    data = sent(OWN.replace("output: o", "output: mine"), name="Mine", expected=first.pk)
    page = posted(as_ann, "/rules/save/", data)
    assert "adam took the text away" in page
    assert "output: mine" in page
    assert "output: mine" in posted(as_ann, "/rules/check/", data)
    assert as_ann.post("/rules/save/", data | {"expected": ""}).status_code == 302


def test_a_macro_that_has_no_condition_yet_is_told(as_ann: Client) -> None:
    page = posted(as_ann, "/rules/check/", sent("- macro: m\n", kind="macro"))
    assert "Error</strong>" in page


@pytest.mark.parametrize("past", ["", "all"])
def test_a_change_that_does_not_judge_yet_says_so_and_is_not_applied(as_ann: Client, folder: Path, past: str) -> None:
    (folder / "shipped.yaml").write_text(SHIPPED.replace("ct.name", "ct.nmae"))
    refresh()
    response = as_ann.post("/rules/save/", sent(OWN, past=past), follow=True)
    assert "But the newest rules can&#x27;t be used" in response.content.decode()
    assert Version.objects.filter(name="Mine").exists()
    assert not Replay.objects.exists()


def test_without_any_good_rules_a_text_is_saved_and_pages_say_what_to_mend(as_ann: Client, folder: Path) -> None:
    (folder / "shipped.yaml").write_text("- rule: [")
    Library.objects.all().delete()
    refresh()
    event = factories.event()
    for address in ("/rules/item/?kind=rule&name=Shell", f"/rules/why/{event.pk}/", "/rules/tests/new/"):
        assert "There is no good rule set yet" in html(as_ann, address)
    text = OWN.replace("shell", "ct.name = x")
    assert as_ann.post("/rules/save/", sent(text, past="all")).status_code == 302
    assert as_ann.post("/rules/replays/", sent(text, days="7")).status_code == 200


@pytest.mark.parametrize("place", ["/rules/edit/", "/rules/item/", "/rules/update/"])
@pytest.mark.parametrize(
    "query", ["kind=rule&name=a%00b", "kind=%00&name=a", "kind=rule&name=", "kind=rule&name=a%0Ab"]
)
def test_names_that_no_item_can_have_are_not_found(as_ann: Client, place: str, query: str) -> None:
    assert as_ann.get(f"{place}?{query}").status_code == 404
    assert as_ann.get("/rules/new/?kind=rule&from=a%00b").status_code == 404


def test_what_a_script_sent_and_can_not_be_read_is_told_in_its_part_of_the_page(as_ann: Client) -> None:
    for changes in ({"message": "x" * 501}, {"text": "a\x00b"}, {"expected": "abc"}):
        response = as_ann.post("/rules/check/", sent(OWN) | changes, headers={"HX-Request": "true"})
        assert "<html" not in response.content.decode()
        assert "Error</strong>" in response.content.decode()
    assert "expected: " in posted(as_ann, "/rules/save/", sent(OWN, expected="abc"))


def test_taking_away_is_applied_to_the_past_as_well(as_ann: Client, ann: User) -> None:
    version = save(kind="rule", name="Mine", layer=Layer.OWN, text=OWN, author=ann, message="m")
    as_ann.post("/rules/take-away/", sent("", name="Mine", expected=version.pk, past="open"))
    assert (Replay.objects.get().rules, Replay.objects.get().scope) == (["Mine"], Scope.OPEN)


def test_an_own_rule_goes_with_the_overlay_that_an_import_put_on_it(as_ann: Client, ann: User) -> None:
    version = save(kind="rule", name="Mine", layer=Layer.OWN, text=OWN, author=ann, message="m")
    overlay = "- rule: Mine\n  condition: and evt.num exists\n  override: {condition: append}\n"
    save(kind="rule", name="Mine", layer=Layer.OVERLAY, text=overlay, author=ann, message="m")
    assert "An imported overlay stands on this text" in html(as_ann, "/rules/edit/?kind=rule&name=Mine")
    assert "and evt.num exists" in html(as_ann, "/rules/edit/?kind=rule&name=Mine&layer=overlay")
    as_ann.post("/rules/take-away/", sent("", name="Mine", expected=version.pk))
    assert [rule.name for rule in rules.current().rules] == ["Shell"]


def test_an_update_of_the_shipped_text_waits_until_it_was_compared(as_ann: Client, ann: User, folder: Path) -> None:
    overlay = "- rule: Shell\n  priority: ERROR\n  override: {priority: replace}\n"
    data = sent(overlay, name="Shell", layer="overlay")
    as_ann.post("/rules/save/", data | {"beneath": Version.objects.get(name="Shell").pk})
    (folder / "shipped.yaml").write_text(SHIPPED.replace("a shell", "another"))
    refresh()
    page = html(as_ann, "/rules/edit/?kind=rule&name=Shell")
    assert "The shipped text was updated" in page
    first = Version.objects.get(layer=Layer.OVERLAY)
    assert f'name="beneath" value="{first.based_on_id}"' in page
    as_ann.post("/rules/save/", data | {"expected": first.pk, "beneath": first.based_on_id})
    assert waiting("rule", "Shell") is not None
    second = Version.objects.get(layer=Layer.OVERLAY, is_current=True)
    shipped = Version.objects.get(name="Shell", layer=Layer.SHIPPED, is_current=True)
    assert f'name="beneath" value="{shipped.pk}"' in html(as_ann, "/rules/edit/?kind=rule&name=Shell&compared=1")
    as_ann.post("/rules/save/", data | {"expected": second.pk, "beneath": shipped.pk})
    assert waiting("rule", "Shell") is None
