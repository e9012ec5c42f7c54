from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ecsaudit.people import api_keys
from ecsaudit.people.models import ApiKey, User
from tests.api.conftest import Program

pytestmark = pytest.mark.django_db


def refused(client: Client) -> str:
    answer = client.get("/api/v1/findings/")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    return str(answer.json()["error"])


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "bearer ecsaudit_x", "Bearer ecsaudit_\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
     "Bearer a b c", "Bearer \x00", "Bearer " + "x" * 8_000],
)  # fmt: skip
def test_what_is_no_key_opens_nothing(client: Client, header: str) -> None:
    assert refused(Client(headers={"Authorization": header})) == "there is no such API key"


def test_other_schemes_are_strangers(as_vera: Client, client: Client) -> None:
    assert "credentials were not provided" in refused(Client(headers={"Authorization": "Basic dmVyYTp4"}))


def test_a_key_ends_when_it_is_revoked_expires_or_its_owner_is_gone(vera: User, program_of: Program) -> None:
    program = program_of(vera)
    assert program.get("/api/v1/findings/").status_code == 200
    now = timezone.now()
    User.objects.update(is_active=False)
    assert refused(program) == "the owner of this API key may no longer log in"
    User.objects.update(is_active=True)
    ApiKey.objects.update(expires_at=now)
    assert refused(program) == "this API key has expired"
    api_keys.revoke(key=ApiKey.objects.get(), by=vera, now=now)
    assert refused(program) == "this API key is revoked"


def test_a_wrong_key_is_not_made_good_by_a_session(as_ann: Client) -> None:
    answer = as_ann.get("/api/v1/findings/", headers={"Authorization": "Bearer ecsaudit_x"})
    assert answer.status_code == 401


def test_a_key_opens_no_screen(vera: User, program_of: Program) -> None:
    program = program_of(vera)
    for address in ("/findings/", "/api/keys/", "/admin/"):
        assert program.get(address).headers["Location"].startswith(("/login/", "/admin/login/"))


def test_a_secret_in_the_address_is_not_looked_at(vera: User, client: Client) -> None:
    _, secret = api_keys.create(owner=vera, name="x", read_only=True, lifetime=timedelta(days=1), now=timezone.now())
    assert client.get(f"/api/v1/findings/?key={secret}").status_code == 401
