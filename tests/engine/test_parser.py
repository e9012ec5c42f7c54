from __future__ import annotations

import pytest

from ecsaudit import engine


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("a or b and not c", "(a or (b and not c))"),
        ("not not not a", "not a"),
        ("not(a or b)and(c)", "(not (a or b) and c)"),
        ("ct.user   in(alice,'bob b',\"c\")", 'ct.user in (alice, "bob b", c)'),
        ("ct.name startswith oneof (a, b)", "ct.name startswith oneof (a, b)"),
        ("json.value['/a/b']=x", "json.value[/a/b] = x"),
        ('ct.name = "a\\x41\\n\\"" ', 'ct.name = "aA\\n\\""'),
        ("ct.user = val( ct.name )", "ct.user = val(ct.name)"),
        ('join(",", (ct.user, "x")) exists', "join(,,(ct.user,x)) exists"),
        ("ct.name = and", "ct.name = and"),
    ],
)
def test_a_condition_prints_in_falcos_form(text: str, canonical: str) -> None:
    assert str(engine.parse_condition(text)) == canonical


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("ct.name contians x", "expected a valid check operator", "did you mean 'contains'?"),
        ("ct.name = x AND ct.user exists", "unexpected token after 'x'", "keywords are lower case: 'and'"),
        ("ct.name = x && ct.user exists", "unexpected token after 'x'", "did you mean 'and'?"),
        (r'ct.name regex "\d"', r"unsupported string escape sequence: \d", "write a backslash as"),
    ],
)
def test_a_syntax_error_suggests_what_was_meant(text: str, message: str, hint: str) -> None:
    with pytest.raises(engine.ConditionError) as caught:
        engine.parse_condition(text)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("text", ["(" * 100_000, "not(" * 100_000, "tolower(" * 100_000])
def test_endless_nesting_is_refused(text: str) -> None:
    with pytest.raises(engine.ConditionError, match="exceeded max depth limit of 100"):
        engine.parse_condition(text)


def test_a_condition_can_be_long() -> None:
    tree = engine.parse_condition(" or ".join(["a"] * 50_000))
    assert len(tree.children) == 50_000  # type: ignore[union-attr]
