"""Importing on the screen: look first, choose, confirm; and nothing happens before."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ecsaudit.library import uploads
from ecsaudit.library.effective import rules
from ecsaudit.library.models import ImportDraft, Kind, Layer, Mode, RuleSet, Version
from ecsaudit.library.services import save, switch
from ecsaudit.people.models import User

pytestmark = pytest.mark.django_db
SHELL = "Terminal Shell in ECS Container"
RULE = "- rule: {}\n  desc: d\n  condition: {}\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
OFF = f"- rule: {SHELL}\n  enabled: false\n  override:\n    enabled: replace\n"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def library() -> None:
    rules.current()


def looked(client: Client, text: str) -> tuple[str, str]:
    """The address of the preview of a pasted text, and its page."""
    answer = client.post("/rules/import/", {"pasted": text})
    address = answer.headers["Location"]
    page = client.get(address)
    assert page.status_code == 200
    return address, page.content.decode()


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="(\d+)"', page)
    assert found is not None
    return found[1]


def confirmed(client: Client, address: str, page: str, **data: str) -> str:
    data = {"do": "import", "message": "from git", "seen": seen(page)} | data
    return client.post(address, data, follow=True).content.decode()


def test_a_viewer_can_not_import(as_vera: Client, ann: User) -> None:
    draft = ImportDraft.objects.create(author=ann, files=[["a.yaml", RULE.format("B", "ct.name = x")]])
    for address in ("/rules/import/", f"/rules/import/{draft.pk}/"):
        assert as_vera.post(address, {"do": "import", "pasted": OFF}).status_code == 403
    assert ImportDraft.objects.count() == 1


def test_another_s_upload_is_not_there(as_adam: Client, ann: User) -> None:
    draft = ImportDraft.objects.create(author=ann, files=[])
    assert as_adam.get(f"/rules/import/{draft.pk}/").status_code == 404


def test_files_are_looked_at_and_then_imported_in_one_change(as_ann: Client, ann: User) -> None:
    files = [
        SimpleUploadedFile("b.yaml", OFF.encode()),
        SimpleUploadedFile("a.yaml", RULE.format("B", "ct.name = x").encode()),
    ]
    before = (Version.objects.count(), RuleSet.objects.count())
    answer = as_ann.post("/rules/import/", {"files": files})
    address = answer.headers["Location"]
    page = as_ann.get(address).content.decode()
    assert "New: 1 · Switches: 1" in page
    assert page.index("<code>a.yaml</code>") < page.index("<code>b.yaml</code>")
    assert "The rule is on now, and would be off" in page
    assert (Version.objects.count(), RuleSet.objects.count()) == before

    assert "Imported: 1 new, 1 switched." in confirmed(as_ann, address, page)
    assert [(rule.name, rule.enabled) for rule in rules.current().rules if rule.name in ("B", SHELL)] == [
        (SHELL, False),
        ("B", True),
    ]
    assert {(version.author, version.message) for version in Version.objects.exclude(layer="shipped")} == {
        (ann, "from git")
    }
    assert RuleSet.objects.count() == before[1] + 1
    assert as_ann.get(address).status_code == 404


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (SimpleUploadedFile("a.yaml", b"\xff"), "a.yaml: byte 0 is not UTF-8"),
        (SimpleUploadedFile("a.yaml", b" " * (uploads.MAX_BYTES + 1)), "more than 2 MB"),
        (SimpleUploadedFile("a.zip", b"PK\x03\x04"), "a.zip: the zip can&#x27;t be unpacked"),
        (SimpleUploadedFile(f"{HOSTILE[:8]}.yaml", b"\xff"), "&lt;script&gt;"),
    ],
)
def test_an_upload_that_can_not_be_read_is_told_and_not_kept(
    as_ann: Client, file: SimpleUploadedFile, problem: str
) -> None:
    page = as_ann.post("/rules/import/", {"files": [file], "pasted": "# kept"}).content.decode()
    assert problem in page
    assert "# kept</textarea>" in page
    assert not ImportDraft.objects.exists()


def test_problems_are_told_at_their_place_and_keep_all_from_being_imported(as_ann: Client) -> None:
    address, page = looked(as_ann, RULE.format("B", "ct.nmae = x") + RULE.format("C", "ct.name = x"))
    assert "<code>pasted.yaml:3:14</code>" in page
    assert "did you mean &#x27;ct.name&#x27;?" in page
    assert "mend what is named below first" in confirmed(as_ann, address, page)
    assert not Version.objects.filter(name__in=["B", "C"]).exists()
    # What doesn't fit can be left.
    page = as_ann.post(address, {"do": "check", "seen": seen(page), "choice-1": "ours"}).content.decode()
    assert "pasted.yaml:3" not in page.partition("<form")[0]
    assert "Imported: 1 new." in confirmed(as_ann, address, page, **{"choice-1": "ours", "choice-2": "theirs"})
    assert {rule.name for rule in rules.current().rules} & {"B", "C"} == {"C"}


def test_a_reason_is_asked_for_and_choices_stay(as_ann: Client) -> None:
    address, page = looked(as_ann, RULE.format("B", "ct.name = x"))
    page = confirmed(as_ann, address, page, message=" ", **{"choice-1": "ours"})
    assert "say why, for the history" in page
    assert 'value="ours" checked' in page
    assert not Version.objects.filter(name="B").exists()


def test_a_library_that_changed_since_is_looked_at_again(as_ann: Client, adam: User) -> None:
    address, page = looked(as_ann, RULE.format("B", "ct.name = x"))
    text = RULE.format("B", "ct.name = y")
    save(kind=Kind.RULE, name="B", layer=Layer.OWN, text=text, author=adam, message="m")
    page = confirmed(as_ann, address, page)
    assert "The library was changed since you looked" in page
    assert "An own rule with another text" in page
    assert "ct.name = y" in page
    assert Version.objects.current().get(name="B").text == text
    assert "Imported: 1 changed." in confirmed(as_ann, address, page)
    assert "ct.name = x" in Version.objects.current().get(name="B").text


def test_another_text_of_a_shipped_rule_can_be_left(as_ann: Client) -> None:
    address, page = looked(as_ann, RULE.format(SHELL, "ct.name = x"))
    assert "A shipped rule with another text" in page
    assert "Keep ours" in page
    assert "all of it is here already" in confirmed(as_ann, address, page, **{"choice-1": "ours"})
    assert not Version.objects.filter(name=SHELL, layer=Layer.OVERLAY).exists()


def test_an_export_of_this_library_has_nothing_to_do(as_ann: Client, ann: User) -> None:
    switch(names=[SHELL], mode=Mode.SHADOW, author=ann, message="m")
    file = SimpleUploadedFile("all.zip", as_ann.get("/rules/export/").content)
    page = as_ann.post("/rules/import/", {"files": file}, follow=True).content.decode()
    assert "There is nothing to do" in page
    assert "Not rule files, passed over: README.txt." in page
    assert "There is no list" not in page


def test_hostile_texts_and_choices_do_no_harm(as_ann: Client) -> None:
    address, page = looked(as_ann, f"# {HOSTILE}\n" + RULE.format(f"'{HOSTILE}'", f"ct.name = '{HOSTILE}'"))
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)" in page
    odd = {"choice-" + "9" * 50: "ours", "choice-x": "ours", "choice-1": "nonsense", "choice-²": "ours"}
    assert "Imported: 1 new." in confirmed(as_ann, address, page, **odd)


def test_more_items_than_a_form_may_have_fields_can_be_imported(as_ann: Client) -> None:
    text = "".join(f"- list: l{number}\n  items: []\n" for number in range(1_100))
    address, page = looked(as_ann, text)
    sent = re.findall(r'<input type="(?:hidden|radio)" [^>]*name="([^"]+)"', page)
    assert len(sent) < 10
    assert "Imported: 1100 new." in confirmed(as_ann, address, page)


def test_looking_costs_the_same_however_many_items(
    as_ann: Client, ann: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    text = "".join(RULE.format(f"R{number}", "ct.name = x") for number in range(300))
    draft = ImportDraft.objects.create(author=ann, files=[["a.yaml", text]])
    # session, user, draft, which rule set judges, newest version, library, exceptions, versions in force, is there a sample: 9
    with django_assert_num_queries(9):
        assert as_ann.get(f"/rules/import/{draft.pk}/").content.decode().count("proposal") == 300
