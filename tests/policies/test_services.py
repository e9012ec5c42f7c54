"""Policies are changed by services alone, and every change stands in the history."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from ecsaudit.people.models import User
from ecsaudit.policies import services
from ecsaudit.policies.models import Action, Policy, PolicyBook, PolicyVersion
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def history() -> list[tuple[str, str, dict[str, object], dict[str, object]]]:
    """(name, action, before, after) of each change since the installation, the oldest first."""
    lines = PolicyVersion.objects.exclude(name="Default policy", revision=1).order_by("pk")
    return [(line.name, line.action, line.before, line.after) for line in lines]


def test_a_default_policy_is_there_and_leads_nowhere_yet() -> None:
    policy = Policy.objects.get()
    assert (policy.name, policy.priority, policy.enabled) == ("Default policy", 4, True)
    assert policy.terms().channels == ()
    assert policy.terms().throttle == timedelta(minutes=15)
    version = PolicyVersion.objects.get()
    assert version.after == policy.snapshot([])
    assert version.by is None


def test_a_new_policy_comes_behind_the_others() -> None:
    policy = factories.policy(channels=[factories.channel()], hours="inside", hours_from=time(8), hours_to=time(18, 30))
    assert (policy.position, policy.revision) == (2, 1)
    (line,) = history()
    assert line[1] == Action.CREATED
    assert line[3]["channels"] == ["Security team"]
    assert (line[3]["hours_from"], line[3]["hours_to"]) == ("08:00", "18:30")


def test_a_change_keeps_what_was_and_what_is(ann: User) -> None:
    policy = factories.policy()
    policy.scope = {"region": ["eu-*"]}
    # Neither is changed by saving.
    policy.enabled, policy.position = False, 77
    changed = services.change(
        policy=policy, channels=[factories.channel()], expected=1, by=ann, reason="asked by audit", now=NOW
    )
    assert changed == ["scope", "channels"]
    line = PolicyVersion.objects.for_list()[0]
    assert (line.by, line.reason, line.revision) == (ann, "asked by audit", 2)
    assert line.before == {"scope": {}, "channels": []}
    assert line.after == {"scope": {"region": ["eu-*"]}, "channels": ["Security team"]}
    policy.refresh_from_db()
    assert (policy.revision, policy.enabled, policy.position) == (2, True, 2)


def test_a_change_of_nothing_is_no_change(ann: User) -> None:
    policy = factories.policy()
    assert services.change(policy=policy, channels=[], expected=1, by=ann, now=NOW) == []
    assert len(history()) == 1
    assert Policy.objects.get(pk=policy.pk).revision == 1


def test_who_opened_an_older_revision_overwrites_nothing(ann: User) -> None:
    policy = factories.policy()
    mine = Policy.objects.get(pk=policy.pk)
    policy.description = "theirs"
    services.change(policy=policy, channels=[], expected=1, by=ann, now=NOW)
    mine.description = "mine"
    with pytest.raises(services.EditConflict) as conflict:
        services.change(policy=mine, channels=[], expected=1, by=ann, now=NOW)
    assert conflict.value.current.description == "theirs"
    assert Policy.objects.get(pk=policy.pk).description == "theirs"


def test_a_name_is_taken_once(ann: User) -> None:
    factories.policy("A")
    with pytest.raises(services.NameTaken, match="another policy “A”"):
        factories.policy("A")
    other = factories.policy("B")
    other.name = "A"
    with pytest.raises(services.NameTaken):
        services.change(policy=other, channels=[], expected=1, by=ann, now=NOW)


def test_switching_and_adding_a_channel_stand_in_the_history_once(ann: User) -> None:
    policy, channel = factories.policy(), factories.channel()
    for _ in range(2):
        services.switch(policy_id=policy.pk, enabled=False, by=ann, reason="noisy", now=NOW)
        services.add_channel(policy_id=policy.pk, channel=channel, by=ann, now=NOW)
    assert [line[1:] for line in history()[1:]] == [
        (Action.SWITCHED, {"enabled": True}, {"enabled": False}),
        (Action.CHANGED, {"channels": []}, {"channels": ["Security team"]}),
    ]


def test_moving_changes_places_with_the_neighbour(ann: User) -> None:
    factories.policy("A")
    last = factories.policy("B")
    services.move(policy_id=last.pk, up=True, by=ann, now=NOW)
    assert [policy.name for policy in Policy.objects.in_order()] == ["Default policy", "B", "A"]
    services.move(policy_id=last.pk, up=False, by=ann, now=NOW)
    # Nobody stands behind it.
    services.move(policy_id=last.pk, up=False, by=ann, now=NOW)
    assert [policy.name for policy in Policy.objects.in_order()] == ["Default policy", "A", "B"]


def test_a_policy_that_goes_leaves_its_history(ann: User) -> None:
    policy = factories.policy(description="for a while")
    services.delete(policy_id=policy.pk, by=ann, reason="no longer needed", now=NOW)
    line = PolicyVersion.objects.for_list()[0]
    assert (line.policy, line.name, line.action, line.reason) == (None, "Production", "deleted", "no longer needed")
    assert line.before["description"] == "for a while"
    for call in (
        lambda: services.delete(policy_id=policy.pk, by=ann, now=NOW),
        lambda: services.switch(policy_id=policy.pk, enabled=True, by=ann, now=NOW),
        lambda: services.move(policy_id=policy.pk, up=True, by=ann, now=NOW),
        lambda: services.add_channel(policy_id=policy.pk, channel=factories.channel(), by=ann, now=NOW),
    ):
        with pytest.raises(services.NoSuchPolicy):
            call()


def test_every_change_is_counted_once(ann: User) -> None:
    before = PolicyBook.objects.get().revision
    policy = factories.policy()
    with pytest.raises(services.NameTaken):
        factories.policy()
    services.switch(policy_id=policy.pk, enabled=False, by=ann, now=NOW)
    assert PolicyBook.objects.get().revision == before + 2
