"""Downloads of the rule set."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from ecsaudit.library.effective import rules
from ecsaudit.library.models import Mode
from ecsaudit.library.services import switch
from ecsaudit.people.models import User

pytestmark = pytest.mark.django_db
SHELL = "Terminal Shell in ECS Container"


def test_everything_is_a_zip_named_for_its_rule_set(as_vera: Client) -> None:
    pk = rules.current().pk
    answer = as_vera.get("/rules/export/")
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="ecsaudit-rules-{pk}.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:2] == ["README.txt", "rules.d/001_ecs_exec.yaml"]


def test_what_is_not_shipped_is_one_file(as_vera: Client, ann: User) -> None:
    rules.current()
    switch(names=[SHELL], mode=Mode.OFF, author=ann, message="m")
    answer = as_vera.get("/rules/export/rules.yaml")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="rules.yaml"'
    assert f"- rule: {SHELL}\n  enabled: false\n" in answer.content.decode()


def test_a_download_only_reads(as_vera: Client) -> None:
    assert as_vera.post("/rules/export/").status_code == 405


def test_without_a_good_rule_set_there_is_nothing_to_download(
    as_vera: Client, settings: Settings, tmp_path: Path
) -> None:
    settings.RULES_DIR = tmp_path
    (tmp_path / "bad.yaml").write_text("rule: A")
    assert as_vera.get("/rules/export/").status_code == 404


def test_the_rules_screen_links_to_the_downloads_and_for_analysts_to_the_import(
    as_vera: Client, as_ann: Client
) -> None:
    for_vera, for_ann = (client.get("/rules/").content.decode() for client in (as_vera, as_ann))
    for address in ("/rules/export/", "/rules/export/rules.yaml"):
        assert f'href="{address}"' in for_vera
    assert 'href="/rules/import/"' not in for_vera
    assert 'href="/rules/import/"' in for_ann
