from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ecsaudit.notifications.channels import CHANNELS
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.texts import (
    PLACEHOLDERS,
    TEST,
    TemplateProblem,
    Text,
    compose,
    default_template,
    held,
    problems_of,
    render,
    table,
    until_words,
)
from tests.notifications.conftest import notice_of, told

UNTIL = datetime(2026, 11, 2, 14, 5, tzinfo=UTC)


def test_placeholders_give_way_to_what_they_name(notice: Notice) -> None:
    assert render("{severity}: {finding.person} ran {finding.command}", notice) == "HIGH: ana@example.com ran /bin/sh"


def test_doubled_braces_stand_for_braces(notice: Notice) -> None:
    assert render('{{"who": "{finding.person}"}}', notice) == '{"who": "ana@example.com"}'


def test_a_line_whose_placeholders_are_all_empty_is_left_out(notice: Notice) -> None:
    assert render("a\nRunbook: {runbook_url}{held}\nb", replace(notice, runbook_url="")) == "a\nb"
    assert "Runbook: https://" in render("a\nRunbook: {runbook_url}{held}\nb", notice)


@pytest.mark.parametrize(
    "template",
    [
        "{finding.__class__}",
        "{finding.person.__class__.__mro__}",
        "{0}",
        "{}",
        "{notice}",
        "{finding.person!r}",
        "{finding.person:>10}",
        "{finding[person]}",
        "{ finding.person }",
    ],
)
def test_nothing_but_the_table_can_be_named(template: str) -> None:
    assert [problem.text.partition(";")[0] for problem in problems_of(template)] == [f"unknown placeholder {template}"]


def test_problems_have_line_column_and_a_hint() -> None:
    assert problems_of("ok {severity}\n  {finding.persom} and }\n{") == [
        TemplateProblem(2, 3, "unknown placeholder {finding.persom}; did you mean {finding.person}?"),
        TemplateProblem(2, 24, "a single }; write }} for the character itself"),
        TemplateProblem(3, 1, "a single {; write {{ for the character itself"),
    ]


def test_a_template_that_is_too_long_is_told() -> None:
    assert problems_of("x" * 10_001)[0].text == "10,001 characters; at most 10,000 are allowed"


def test_a_template_with_a_problem_gives_way_to_the_default_one(notice: Notice) -> None:
    default = compose("slack", "", "", notice)
    assert compose("slack", "{nonsense}", "{", notice) == default
    assert compose("slack", "Look: {title}", "{", notice) == Text("Look: Terminal Shell in ECS Container", default.body)


def test_a_title_that_comes_out_empty_is_never_sent_empty(notice: Notice) -> None:
    assert compose("slack", "{held}", "", notice).title == notice.key


def test_hostile_values_stay_on_their_line_and_show_what_is_invisible(hostile_notice: Notice) -> None:
    text = compose("slack", "{title}", "Command: {finding.command}\nPolicy: {policy}", hostile_notice)
    assert "\n" not in text.title
    assert len(text.body.split("\n")) == 2
    assert not any(mark in text.title + text.body for mark in ("\u202e", "\x1b", "\r"))
    assert "‹U+202E›␛[2J␍↵Bcc: eve@evil.example" in text.body


def test_what_looks_like_a_placeholder_in_a_command_is_not_one(notice: Notice) -> None:
    sly = notice_of(told(command="echo {finding.person} {{policy}}"))
    assert render("{finding.command}", sly) == "echo {finding.person} {{policy}}"


@pytest.mark.parametrize("kind", CHANNELS)
def test_the_default_templates_are_right_and_tell_what_matters(kind: str, notice: Notice) -> None:
    template = default_template(kind)
    assert [*problems_of(template.title), *problems_of(template.body)] == []
    text = compose(kind, "", "", replace(notice, is_test=True))
    assert text.title == "[HIGH] Terminal Shell in ECS Container"
    for part in (
        TEST,
        "ana@example.com",
        "prod-payments/web",
        "111122223333",
        "/bin/sh",
        "12:00:00 UTC",
        "203.0.113.7",
    ):
        assert part in text.body


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, ""),
        ({"held_until": UNTIL}, "What else comes until 2026-11-02 14:05 UTC is held back and told together."),
        ({"held_back": 11, "held_until": UNTIL}, "First of 12; 11 held back until 2026-11-02 14:05 UTC."),
        ({"held_back": 11, "held_until": UNTIL, "count": 12}, "First of 12; 11 held back until 2026-11-02 14:05 UTC."),
        ({"held_back": 3}, "First of 4; 3 held back."),
        ({"count": 40}, "40 findings; the first 1 are told here."),
    ],
)
def test_a_message_says_what_it_does_not_tell(fields: dict[str, object], sentence: str) -> None:
    assert held(notice_of(told(), **fields)) == sentence
    assert held(notice_of(told(), told(), count=2)) == "2 findings."


def test_a_time_on_another_day_has_its_date() -> None:
    assert until_words(UNTIL, UNTIL - timedelta(hours=14)) == "14:05 UTC"
    assert until_words(UNTIL, UNTIL - timedelta(hours=15)) == "2026-11-02 14:05 UTC"


def test_the_table_has_an_example_for_every_placeholder(notice: Notice) -> None:
    rows = list(table(replace(notice, is_test=True, held_back=11, held_until=UNTIL)))
    assert [name for name, _, _ in rows] == [f"{{{name}}}" for name in PLACEHOLDERS]
    assert all(meaning and example for _, meaning, example in rows)


def test_a_long_message_is_cut() -> None:
    many = notice_of(*(told(output="x" * 1_000) for _ in range(20)))
    assert len(compose("slack", "", "", many).body) == 12_000


def test_several_findings_have_an_address_each_and_one_has_the_message_s() -> None:
    one, two = told(url="https://x/1"), told(url="https://x/2")
    assert "https://x/" not in render("{findings}", notice_of(one))
    both = render("{findings}", notice_of(one, two))
    assert "https://x/1\n\n2026" in both
    assert both.endswith("https://x/2")
