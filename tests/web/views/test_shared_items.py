from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from ecsaudit.library.models import Kind, Layer, Library
from ecsaudit.library.services import refresh, save
from ecsaudit.people.models import User

pytestmark = pytest.mark.django_db
SHIPPED = """- list: names
  items: [x, y]
- list: idle
  items: [z]
- macro: named
  condition: ct.name in (names)
- rule: A
  desc: d
  condition: named and ct.user in (names)
  output: o
  priority: INFO
  source: aws_cloudtrail
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    refresh()
    return tmp_path


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_macros_and_lists_are_listed_with_what_they_stand_for_and_who_names_them(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    html(as_vera, "/rules/shared/")
    # login session, user, rule set's key, layers, sample data: 5
    with django_assert_num_queries(5):
        page = html(as_vera, "/rules/shared/")
    assert page.count('class="rule"') == 3
    assert "<code>ct.name in (x, y)</code>" in page
    assert '#used-by">2</a>' in page
    assert "New macro" not in page


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("kind=macro", {"named"}),
        ("-kind=macro", {"names", "idle"}),
        ("used=no", {"idle"}),
        ("q=ct.name", {"named"}),
        ("source=customised", {"names"}),
    ],
)
def test_the_address_narrows_the_list(as_vera: Client, ann: User, query: str, names: set[str]) -> None:
    text = "- list: names\n  items: [v]\n  override: {items: append}\n"
    save(kind=Kind.LIST, name="names", layer=Layer.OVERLAY, text=text, author=ann, message="m")
    page = html(as_vera, f"/rules/shared/?{query}")
    assert {name for name in ("named", "names", "idle") if f"<bdi>{name}</bdi>" in page} == names


def test_an_empty_result_says_how_to_go_on(as_vera: Client) -> None:
    assert "No macro or list fits these filters" in html(as_vera, "/rules/shared/?q=nothing")


def test_without_good_rules_the_rules_screen_says_what_to_mend(
    as_vera: Client, folder: Path, settings: Settings
) -> None:
    from_other = folder / "other"
    from_other.mkdir()
    (from_other / "bad.yaml").write_text("rule: A")
    settings.RULES_DIR = from_other
    Library.objects.all().delete()
    assert as_vera.get("/rules/shared/").headers["Location"] == "/rules/"
