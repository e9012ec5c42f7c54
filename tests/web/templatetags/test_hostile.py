from django.template import Context, Template


def shown(filter: str, value: object) -> str:
    return Template("{% load hostile %}{{ value|" + filter + " }}").render(Context({"value": value}))


def test_a_value_is_marked_and_escaped() -> None:
    assert shown("visible", "<b>\x1b[1m\n\u202e") == "&lt;b&gt;␛[1m↵‹U+202E›"


def test_lines_break_where_they_are_wanted() -> None:
    assert shown("visible_lines", "<\n>") == "&lt;↵\n&gt;"


def test_a_value_is_cut_before_it_is_escaped() -> None:
    assert shown("visible_short:4", "<<<<<") == "&lt;&lt;&lt;…"


def test_what_is_no_text_is_shown_as_text() -> None:
    assert shown("visible", None) == "None"
    assert shown("visible", ["\x00"]) == "[&#x27;\\x00&#x27;]"
    assert shown("visible_short:3", 12345) == "12…"


def test_the_lines_of_a_rule_file_break_unmarked() -> None:
    assert shown("visible_code", "<\n\t>") == "&lt;\n⇥&gt;"
