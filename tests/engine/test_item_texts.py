from __future__ import annotations

import pytest

from ecsaudit import engine

TEXT = """# On top.

# Names.
- list: names   # here
  items: [a]

---
- required_engine_version: 0.31.0
-
  macro: m
  condition: ct.name in (names)
# After the macro, before the rule.
- rule: R
  desc: >
    - not an item

    # not a comment
  condition: m
"""


def test_items_keep_their_words_and_the_comments_right_above_them() -> None:
    items = engine.item_texts(TEXT)
    assert [(item.kind, item.name, item.line) for item in items] == [
        ("list", "names", 3),
        ("", "", 8),
        ("macro", "m", 9),
        ("rule", "R", 12),
    ]
    assert items[0].text == "# Names.\n- list: names   # here\n  items: [a]\n"
    assert items[2].text == "-\n  macro: m\n  condition: ct.name in (names)\n"
    assert items[3].text.startswith("# After the macro")
    assert items[3].text.endswith("    # not a comment\n  condition: m\n")
    assert items[3].keys == {"rule", "desc", "condition"}


def test_the_items_together_load_as_the_file_does() -> None:
    loaded, apart = (
        engine.load_rules([("a.yaml", text)])
        for text in (TEXT, "\n".join(item.text for item in engine.item_texts(TEXT)))
    )
    assert [error.message for error in apart.errors] == [error.message for error in loaded.errors]
    assert (apart.lists, apart.macros) == (loaded.lists, loaded.macros)


@pytest.mark.parametrize("text", ["", "# only a comment", "---\n---\n"])
def test_a_text_without_items_has_none(text: str) -> None:
    assert engine.item_texts(text) == []


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("rule: A", (1, 1), "a rule file is a list of items"),
        ("# c\n[{rule: A}]", (2, 1), "must not stand in brackets"),
        ("- rule: A\n- B\n", (2, 3), "an item must have keys"),
        ("- rule: 'A\n", (2, 1), "found unexpected end of stream"),
        ("[" * 100_000, (1, 51), "nested deeper than 50 levels"),
    ],
)
def test_what_is_no_rule_file_is_told_with_its_place(text: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(engine.ReadingError) as refused:
        engine.item_texts(text)
    assert (refused.value.line, refused.value.column) == place
    assert message in refused.value.message


def test_each_key_has_its_own_text() -> None:
    macro, rule = engine.item_texts(TEXT)[2:]
    assert macro.parts == {"macro": "macro: m", "condition": "condition: ct.name in (names)"}
    assert rule.parts["desc"] == "desc: >\n    - not an item\n\n    # not a comment"
    assert rule.parts["condition"] == "condition: m"


@pytest.mark.parametrize("name", ["New", 'with "quotes": and # more', "- x", "ünïcode", "'", "null", "a\\b"])
def test_an_item_is_renamed_and_the_rest_stays(name: str) -> None:
    text = "# R is it.\n- rule: R # R\n  desc: R\n- macro: R\n  condition: x\n- {rule: 'R', output: R}\n"
    new = engine.renamed(text, "rule", "R", name)
    assert [(item.kind, item.name) for item in engine.item_texts(new)] == [
        ("rule", name),
        ("macro", "R"),
        ("rule", name),
    ]
    assert new.startswith("# R is it.\n- rule: ")
    assert " # R\n  desc: R\n- macro: R\n" in new


@pytest.mark.parametrize(
    ("rest", "switches"),
    [
        ("  enabled: false\n  override:\n    enabled: replace\n", False),
        ("  enabled: Yes\n  override: {enabled: replace}\n", True),
        ("  enabled: n\n", False),
        ("  enabled: maybe\n", None),
        ("  enabled: false\n  override: {enabled: append}\n", None),
        ("  enabled: false\n  tags: [a]\n  override: {enabled: replace, tags: replace}\n", None),
        ("  enabled: false\n  override: {}\n", None),
        ("  condition: x\n  enabled: false\n", None),
        ("  enabled: [false]\n", None),
    ],
)
def test_an_item_that_only_switches_a_rule_is_known(rest: str, switches: bool | None) -> None:
    assert engine.item_texts(f"- rule: R\n{rest}")[0].switches is switches
