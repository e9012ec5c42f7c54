from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from ecsaudit.library.models import Layer, Version
from ecsaudit.library.services import refresh, restore, save
from ecsaudit.library.updates import waiting
from ecsaudit.people.models import User

pytestmark = pytest.mark.django_db
SHIPPED = "- rule: A\n  desc: d\n  condition: ct.name = x\n  output: o\n  priority: INFO\n  source: aws_cloudtrail\n"
OVERLAY = (
    "- rule: A\n  condition: ct.name = y\n  priority: ERROR\n  override: {condition: replace, priority: replace}\n"
)


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    refresh()
    return tmp_path


def test_an_update_waits_until_it_was_compared(ann: User, folder: Path) -> None:
    overlay = save(kind="rule", name="A", layer=Layer.OVERLAY, text=OVERLAY, author=ann, message="m")
    assert waiting("rule", "A") is None
    (folder / "shipped.yaml").write_text(SHIPPED.replace("= x", "= z").replace("output: o", "output: p"))
    refresh()
    update = waiting("rule", "A")
    assert update is not None
    assert update.base is not None
    assert (update.base.number, update.shipped.number, update.overlay) == (1, 3, overlay)
    assert (update.changed, update.replaced) == (("condition", "output"), ("condition",))

    restore(version=overlay, author=ann, message="kept", expected=overlay.pk)
    assert waiting("rule", "A") is None
    assert Version.objects.get(message="kept").text == OVERLAY


@pytest.mark.parametrize(
    ("overlay", "replaced"),
    [
        (OVERLAY, ("condition",)),
        ("- rule: A\n  condition: and ct.user = u\n  override:\n    condition: append\n", ()),
        ("- rule: A\n  condition: and ct.user = u\n  append: true\n", ()),
        (SHIPPED.replace("= x", "= y"), ("condition",)),
    ],
)
def test_only_what_an_overlay_replaces_is_in_the_way_of_an_update(
    ann: User, folder: Path, overlay: str, replaced: tuple[str, ...]
) -> None:
    save(kind="rule", name="A", layer=Layer.OVERLAY, text=overlay, author=ann, message="m")
    (folder / "shipped.yaml").write_text(SHIPPED.replace("= x", "= z"))
    refresh()
    update = waiting("rule", "A")
    assert update is not None
    assert update.replaced == replaced


@pytest.mark.usefixtures("folder")
def test_nothing_waits_without_an_overlay() -> None:
    assert waiting("rule", "A") is None
    assert waiting("rule", "nothing") is None
