"""Replays from their asking to their end: drafts tried, rules applied to the past, counts made again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from ecsaudit.execsessions.models import DailyCount, Dimension, ExecSession
from ecsaudit.findings.models import Finding, RecordState
from ecsaudit.library.models import Layer, Library, Mode, QuietCount, RuleSet
from ecsaudit.library.services import save, switch
from ecsaudit.people.models import User
from ecsaudit.replay import services
from ecsaudit.replay.models import Change, CountedRules, Purpose, Replay, ReplayMatch, Scope, State
from tests.replay.history import FIRST, NARROWER, WIDER, finish, overlay, take_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("library")]
NEW = "- rule: Ash\n  desc: d\n  condition: ct.name = ExecuteCommand and json.value[/requestParameters/command] = /bin/ash\n"
NEW += "  output: ash\n  priority: INFO\n  source: aws_cloudtrail\n"


def tried(author: User, text: str, *, kind: str = "rule", name: str = "Shell", days: int | None = None) -> Replay:
    layer = Layer.OWN if name == "Ash" else Layer.OVERLAY
    return finish(services.start(kind=kind, name=name, layer=layer, text=text, days=days, author=author))


def applied(author: User, *names: str, scope: Scope = Scope.ALL) -> Replay:
    return finish(services.apply(rules=names, scope=scope, author=author))


def numbers(replay: Replay) -> tuple[int, int, int]:
    return replay.new, replay.gone, replay.unchanged


def changes(replay: Replay) -> set[tuple[str, str, str]]:
    return set(replay.matches.values_list("rule", "change", "event__event_id"))


def findings() -> dict[str, str]:
    return dict(Finding.objects.values_list("event__event_id", "record_state"))


def counted() -> dict[str, int]:
    return dict(DailyCount.objects.top(Dimension.RULE, 9))


# --- drafts -----------------------------------------------------------------------------------------------------------
def test_a_try_tells_what_is_new_gone_and_unchanged_and_changes_nothing(ann: User) -> None:
    take_in("/bin/sh", "/bin/ash", "id")
    before = list(Finding.objects.values())
    replay = tried(ann, WIDER, kind="list", name="shells")
    # Both rules use the list: Shell wins the event that Quiet loses.
    assert replay.rules == ["Quiet", "Shell"]
    assert (replay.state, numbers(replay), replay.done, replay.total) == (State.DONE, (1, 1, 2), 3, 3)
    assert changes(replay) == {
        ("Shell", "new", "event-000001"),
        ("Quiet", "gone", "event-000001"),
        ("Shell", "unchanged", "event-000000"),
        ("Quiet", "unchanged", "event-000002"),
    }
    assert list(Finding.objects.values()) == before
    assert RuleSet.objects.get(pk=replay.draft_id).pairs[-1] == ("overlays.yaml", WIDER)


def test_a_new_rule_is_tried_though_it_is_nowhere_yet_and_so_is_taking_one_away(ann: User) -> None:
    take_in("/bin/ash", "/bin/sh")
    replay = tried(ann, NEW, name="Ash")
    assert (replay.rules, numbers(replay)) == (["Ash"], (1, 0, 0))
    save(kind="rule", name="Ash", layer=Layer.OWN, text=NEW, author=ann, message="m")
    assert numbers(tried(ann, "", name="Ash")) == (0, 1, 0)


def test_only_the_days_that_were_asked_for_are_read(ann: User) -> None:
    take_in("/bin/ash")
    record_time = timezone.now() - timedelta(days=2)
    take_in("/bin/ash", first=int((record_time - FIRST).total_seconds() // 3600))
    replay = tried(ann, NEW, name="Ash", days=7)
    assert (replay.total, replay.done, replay.new) == (1, 1, 1)
    assert tried(ann, NEW, name="Ash").new == 2


def test_only_events_that_the_changed_rules_can_match_are_read(ann: User) -> None:
    take_in("/bin/ash")
    replay = tried(ann, NEW.replace("ct.name = ExecuteCommand and", "ct.name = StopTask and"), name="Ash")
    assert (replay.event_names, replay.total, replay.state) == (["StopTask"], 0, State.DONE)
    everything = tried(ann, NEW.replace("ct.name = ExecuteCommand and", "ct.user exists and"), name="Ash")
    assert (everything.event_names, everything.new) == (["ExecuteCommand"], 1)


def test_more_matches_than_are_kept_are_counted_all_the_same(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecsaudit.replay.outcomes.KEPT", {Change.NEW: 2, Change.GONE: 1, Change.UNCHANGED: 1})
    monkeypatch.setattr("ecsaudit.replay.reading.BATCH", dict.fromkeys(Purpose, 2))
    take_in(*["/bin/ash"] * 5, *["/bin/sh"] * 4)
    replay = tried(ann, WIDER, kind="list", name="shells")
    assert numbers(replay) == (5, 5, 4)
    kept = list(replay.matches.values_list("change", flat=True))
    assert (kept.count("new"), kept.count("gone"), kept.count("unchanged")) == (2, 1, 1)
    # The newest are kept.
    newest = replay.matches.filter(change=Change.NEW).values_list("event__event_id", flat=True)
    assert sorted(newest) == ["event-000003", "event-000004"]


def test_what_is_tried_is_compared_with_the_rules_of_when_it_was_asked_for(ann: User) -> None:
    take_in("/bin/sh", "/bin/ash")
    replay = services.start(kind="rule", name="Shell", layer=Layer.OVERLAY, text=NARROWER, days=None, author=ann)
    overlay(ann, WIDER, kind="list", name="shells")
    assert numbers(finish(replay)) == (0, 0, 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- rule: Shell\n  condition: and ct.nmae = x\n  override: {condition: append}\n", "ct.nmae"),
        ("- rule: Other\n", "this is the page of the rule “Shell”"),
        ("- rule: Shell\n  condition: 'x", "a quote is never closed"),
        ("", "there is nothing here"),
        ("- rule: Shell\n" + "# x\n" * 1_300_000, "one item may have 1,000,000"),
    ],
    ids=["field", "name", "yaml", "empty", "5 MB"],
)
def test_a_draft_with_errors_makes_no_replay_and_tells_them(ann: User, text: str, told: str) -> None:
    with pytest.raises(services.DraftRefused) as refused:
        services.start(kind="rule", name="Shell", layer=Layer.OVERLAY, text=text, days=7, author=ann)
    assert told in f"{refused.value.problems[0]['message']} {refused.value.problems[0]['hint']}"
    assert not Replay.objects.exists()


def test_the_very_first_use_of_the_rules_may_be_a_try(ann: User) -> None:
    Library.objects.all().delete()
    assert tried(ann, NARROWER).rule_set is not None


def test_a_draft_that_changes_no_rule_makes_no_replay(ann: User) -> None:
    with pytest.raises(services.NothingChanges):
        tried(ann, "- rule: Shell\n  desc: other words\n  override: {desc: replace}\n")


# --- applied to the past ----------------------------------------------------------------------------------------------
def test_open_findings_that_no_longer_match_are_archived_and_nowhere_counted(ann: User) -> None:
    take_in("/bin/sh")
    take_in("/bin/sh", first=1, container="db")
    assert counted() == {"Shell": 2}
    overlay(ann, NARROWER)
    replay = applied(ann, "Shell", scope=Scope.OPEN)
    assert numbers(replay) == (0, 1, 1)
    assert findings() == {"event-000000": "active", "event-000001": "archived"}
    archived = Finding.objects.get(record_state=RecordState.ARCHIVED)
    assert archived.archived_by == replay.rule_set
    assert archived.archived_at is not None
    assert counted() == {"Shell": 1}
    sessions = dict(ExecSession.objects.values_list("event__event_id", "finding_count"))
    assert sessions == {"event-000000": 1, "event-000001": 0}
    assert ExecSession.objects.get(finding_count=0).worst_priority is None
    # Again: nothing is left to do.
    assert numbers(applied(ann, "Shell", scope=Scope.OPEN)) == (0, 0, 1)
    assert counted() == {"Shell": 1}


def test_applied_to_all_it_makes_what_is_missing_and_opens_what_matches_again(ann: User) -> None:
    take_in("/bin/sh", "/bin/ash")
    take_in("/bin/sh", first=2, container="db")
    overlay_id = overlay(ann, NARROWER)
    applied(ann, "Shell")
    assert findings() == {"event-000000": "active", "event-000002": "archived"}
    overlay(ann, "", expected=overlay_id)
    overlay(ann, WIDER, kind="list", name="shells")
    replay = applied(ann, "Shell")
    assert numbers(replay) == (2, 0, 1)
    assert findings() == dict.fromkeys(["event-000000", "event-000001", "event-000002"], "active")
    made = Finding.objects.get(event__event_id="event-000001")
    assert (made.rule_set, made.output, made.session.event_id) == (
        replay.rule_set,
        "shell of AWSReservedSSO_Developer_0123456789abcdef",
        made.event_id,
    )
    assert counted() == {"Shell": 3}
    assert set(ExecSession.objects.values_list("finding_count", "worst_priority")) == {(1, 4)}
    assert not Finding.objects.exclude(archived_at=None, archived_by=None).exists()
    # Again: nothing is doubled.
    assert numbers(applied(ann, "Shell")) == (0, 0, 3)
    assert counted() == {"Shell": 3}


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.SHADOW])
def test_a_rule_that_makes_no_findings_makes_none_when_applied(ann: User, mode: Mode) -> None:
    take_in("/bin/sh")
    Finding.objects.all().delete()
    take_in("/bin/sh", first=1)
    switch(names=["Shell"], mode=mode, author=ann, message="m")
    assert numbers(applied(ann, "Shell", "Quiet")) == (0, 0, 1)
    assert findings() == {"event-000001": "active"}


def test_findings_of_a_rule_that_is_gone_are_archived(ann: User) -> None:
    take_in("/bin/ash")
    own = save(kind="rule", name="Ash", layer=Layer.OWN, text=NEW, author=ann, message="m")
    assert numbers(applied(ann, "Ash")) == (1, 0, 0)
    save(kind="rule", name="Ash", layer=Layer.OWN, text="", author=ann, message="m", expected=own.pk)
    assert numbers(applied(ann, "Ash", scope=Scope.OPEN)) == (0, 1, 0)


def test_rules_are_applied_in_the_order_of_asking_by_the_rules_in_force_when_it_begins(ann: User) -> None:
    take_in("/bin/sh")
    first = services.apply(rules=["Shell"], scope=Scope.ALL, author=ann)
    second = services.apply(rules=["Shell"], scope=Scope.ALL, author=ann)
    assert list(Replay.objects.due(timezone.now()).filter(purpose=Purpose.APPLY)) == [first]
    overlay(ann, NARROWER)
    finish(first)
    assert "container" in first.rule_set.pairs[-1][1]
    assert list(Replay.objects.due(timezone.now()).filter(purpose=Purpose.APPLY)) == [second]


# --- counts -----------------------------------------------------------------------------------------------------------
def quiet() -> dict[str, int]:
    found: dict[str, int] = {}
    for rule, count in QuietCount.objects.values_list("rule", "count"):
        found[rule] = found.get(rule, 0) + count
    return found


def test_a_recount_replaces_what_was_counted_and_goes_on_from_there(ann: User) -> None:
    take_in("id", "/bin/sh", "id")
    assert quiet() == {"Quiet": 2}
    overlay(ann, WIDER.replace("/bin/ash", "id"), kind="list", name="shells")
    replay = services.recount(rules=["Quiet"])
    assert replay is not None
    # An event that comes before the replay does is counted once, by ingest.
    take_in("top", first=3)
    assert quiet() == {"Quiet": 1}
    assert finish(replay).done == 3
    assert quiet() == {"Quiet": 1}
    days = QuietCount.objects.filter(count__gt=0).values_list("day", flat=True)
    assert list(days) == [FIRST.date()]


def test_a_recount_takes_over_what_an_unfinished_one_has_begun(ann: User) -> None:
    take_in("id", "/bin/sh")
    switch(names=["Shell"], mode=Mode.SHADOW, author=ann, message="m")
    first = services.recount(rules=["Quiet"])
    second = services.recount(rules=["Shell"])
    assert first is not None and second is not None
    first.refresh_from_db()
    assert (first.state, second.rules) == (State.CANCELLED, ["Quiet", "Shell"])
    finish(second)
    assert quiet() == {"Quiet": 1, "Shell": 1}


def test_nothing_is_recounted_for_rules_that_make_findings() -> None:
    assert services.recount(rules=["Shell"]) is None
    assert not Replay.objects.exists()


def test_counts_follow_the_rules_by_themselves(ann: User) -> None:
    take_in("id", "/bin/sh")
    QuietCount.objects.all().delete()
    counting = services.recount_changed()
    assert counting is not None and counting.rules == ["Quiet"]
    finish(counting)
    assert quiet() == {"Quiet": 1}
    assert services.recount_changed() is None
    # A rule that makes no findings any more …
    switch(names=["Shell"], mode=Mode.OFF, author=ann, message="m")
    counting = services.recount_changed()
    assert counting is not None and counting.rules == ["Shell"]
    finish(counting)
    # … one that means something else …
    overlay(ann, NARROWER)
    counting = services.recount_changed()
    assert counting is not None and counting.rules == ["Shell"]
    # … but not one that is switched between the ways of making none.
    finish(counting)
    switch(names=["Shell"], mode=Mode.SHADOW, author=ann, message="m")
    assert services.recount_changed() is None
    assert CountedRules.objects.count() == 1


# --- ends -------------------------------------------------------------------------------------------------------------
def test_a_waiting_replay_is_cancelled_at_once_and_a_finished_one_not_at_all(ann: User) -> None:
    replay = services.start(kind="rule", name="Shell", layer=Layer.OVERLAY, text=NARROWER, days=7, author=ann)
    assert services.cancel(replay=replay)
    replay.refresh_from_db()
    assert replay.state == State.CANCELLED
    assert not services.cancel(replay=replay)


def test_old_tries_and_counts_are_forgotten_with_their_drafts_and_applications_stay(ann: User) -> None:
    take_in("/bin/sh")
    replay, kept = tried(ann, NARROWER), applied(ann, "Shell")
    assert ReplayMatch.objects.exists()
    services.forget(timezone.now() + timedelta(days=6))
    assert Replay.objects.filter(pk=replay.pk).exists()
    services.forget(timezone.now() + timedelta(days=8))
    assert list(Replay.objects.all()) == [kept]
    assert not RuleSet.objects.filter(pk=replay.draft_id).exists()
    assert not ReplayMatch.objects.exists()


def test_a_text_without_a_name_is_called_as_it_says(ann: User) -> None:
    take_in("/bin/ash")
    replay = finish(services.start(kind="rule", name="", layer=Layer.OWN, text=NEW, days=None, author=ann))
    assert (replay.name, numbers(replay)) == ("Ash", (1, 0, 0))


def test_what_was_applied_to_all_that_is_stored_is_known_by_rule(ann: User) -> None:
    take_in("/bin/sh")
    applied(ann, "Shell", scope=Scope.OPEN)
    assert Replay.objects.applied_to_all() == {}
    first, second = applied(ann, "Shell", "Quiet"), applied(ann, "Shell")
    services.apply(rules=["Other"], scope=Scope.ALL, author=ann)
    assert Replay.objects.applied_to_all() == {"Shell": second.created_at, "Quiet": first.created_at}


def test_who_tries_another_text_no_longer_waits_for_the_last_one(ann: User, adam: User) -> None:
    texts = {"kind": "list", "name": "shells", "layer": Layer.OVERLAY, "text": WIDER, "days": None}
    first, other = services.start(**texts, author=ann), services.start(**texts, author=adam)
    second = services.start(**texts, author=ann)
    states = dict(Replay.objects.values_list("pk", "state"))
    assert states == {first.pk: State.CANCELLED, other.pk: State.WAITING, second.pk: State.WAITING}
