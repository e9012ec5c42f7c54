"""The API for people: how it is used, and their keys."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit.people import api_keys
from ecsaudit.people.models import ApiKey, User

pytestmark = pytest.mark.django_db
FORM = {"name": "nightly report", "may": "read", "days": "30"}


def html(client: Client) -> str:
    answer = client.get("/api/keys/")
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def key_of(owner: User, **fields: Any) -> ApiKey:
    asked = {"name": f"{owner.username}'s", "read_only": True, "lifetime": timedelta(days=1), "now": timezone.now()}
    return api_keys.create(owner=owner, **asked | fields)[0]


def test_a_key_is_shown_once_and_works(as_vera: Client, vera: User, client: Client) -> None:
    answer = as_vera.post("/api/keys/", FORM)
    found = re.search(r'value="(ecsaudit_[\w-]{43})"', answer.content.decode())
    assert found is not None
    assert "no-store" in answer.headers["Cache-Control"]
    assert found[1] not in html(as_vera)
    key = ApiKey.objects.get()
    assert (key.owner, key.name, key.read_only) == (vera, "nightly report", True)
    assert timedelta(days=29) < key.expires_at - timezone.now() <= timedelta(days=30)
    assert client.get("/api/v1/findings/", headers={"Authorization": f"Bearer {found[1]}"}).status_code == 200
    # … and the list tells when it was used.
    assert f"{timezone.now():%Y-%m-%d}" in html(as_vera).partition("Last used")[2]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": " "}, "This field is required"),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"name": "a\x00b"}, "Null characters are not allowed"),
        ({"days": "36500"}, "Select a valid choice"),
        ({"may": "rule"}, "Select a valid choice"),
    ],
)
def test_what_a_key_can_t_be_is_told(as_ann: Client, fields: dict[str, str], problem: str) -> None:
    answer = as_ann.post("/api/keys/", FORM | fields)
    assert answer.status_code == 422
    assert problem in unescape(answer.content.decode())
    assert not ApiKey.objects.exists()


def test_who_has_many_keys_is_told_to_revoke_one(as_ann: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "MOST_IN_FORCE", 1)
    as_ann.post("/api/keys/", FORM)
    answer = as_ann.post("/api/keys/", FORM)
    assert answer.status_code == 422
    assert "revoke one that nobody needs" in answer.content.decode()


def test_everybody_sees_and_revokes_their_own_keys_and_administrators_everybody_s(
    as_ann: Client, as_vera: Client, as_adam: Client, ann: User, vera: User, adam: User, client: Client
) -> None:
    keys = {owner.username: key_of(owner) for owner in (ann, vera, adam)}
    for as_, names in ((as_ann, {"ann"}), (as_vera, {"vera"}), (as_adam, {"ann", "vera", "adam"})):
        page = html(as_)
        assert {name for name in keys if f"<bdi>{name}'s</bdi>" in page} == names
    assert as_vera.post(f"/api/keys/{keys['ann'].pk}/revoke/").status_code == 404
    assert as_vera.get(f"/api/keys/{keys['vera'].pk}/revoke/").status_code == 405
    assert client.post(f"/api/keys/{keys['ann'].pk}/revoke/").headers["Location"].startswith("/login/")
    assert not ApiKey.objects.filter(revoked_at__isnull=False).exists()
    as_vera.post(f"/api/keys/{keys['vera'].pk}/revoke/")
    answer = as_adam.post(f"/api/keys/{keys['ann'].pk}/revoke/", follow=True)
    assert "The key ann's is revoked" in unescape(answer.content.decode())
    assert "It was revoked already" in as_adam.post(f"/api/keys/{keys['ann'].pk}/revoke/", follow=True).content.decode()
    who = dict(ApiKey.objects.values_list("owner__username", "revoked_by__username"))
    assert who == {"ann": "adam", "vera": "vera", "adam": None}
    # The list tells what there was.
    ended = html(as_ann).partition("<h2>Ended</h2>")[2]
    assert "<bdi>ann's</bdi>" in ended
    assert "by <bdi>adam</bdi>" in ended


def test_ended_keys_say_why(as_adam: Client, vera: User, adam: User) -> None:
    key_of(adam, name="old", now=timezone.now() - timedelta(days=3))
    key_of(vera, name="hers")
    User.objects.filter(pk=vera.pk).update(is_active=False)
    page = html(as_adam)
    assert "No key is in force" in page
    assert ">expired<" in page
    assert "may no longer log in" in page


def test_the_list_costs_five_queries(
    as_adam: Client, adam: User, ann: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        key_of(ann)
        api_keys.revoke(key=key_of(ann), by=adam, now=timezone.now())
    # login session, user, keys in force, ended keys, whether there is sample data: 5
    with django_assert_num_queries(5):
        html(as_adam)


def test_the_page_about_the_api_has_examples_for_this_very_address(as_vera: Client) -> None:
    page = as_vera.get("/api/").content.decode()
    examples = re.findall(r"http://testserver(/api/v1/[\w/-]*)", page)
    assert {resolve(address).url_name for address in examples} == {
        "api-findings", "api-groups", "api-finding", "api-finding-change", "api-findings-change", "api-bulk-action",
        "api-bulk-action-undo",
    }  # fmt: skip
    assert 'href="/api/v1/schema/"' in page
    assert "300 a minute" in page
