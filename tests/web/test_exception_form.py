"""The rows of a new exception: written so that nothing is hidden, read back as it was."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from ecsaudit.library.candidates import Offered
from ecsaudit.library.exception_texts import Term
from ecsaudit.visible import visible
from ecsaudit.web.exception_form import ExpiryForm, meant, rows_of, rows_to_begin, terms_of, written

COMMAND = "json.value[/requestParameters/command]"
OFFERED = [Offered("ct.user.arn", "Who, by ARN", "arn:ana"), Offered(COMMAND, "Request: command", "a\\n\nb\u202e")]


@given(st.text(st.characters(codec="utf-8")))
def test_a_value_is_written_in_one_visible_line_and_means_itself(value: str) -> None:
    assert meant(written(value)) == value
    assert visible(written(value)) == written(value)


def test_a_backslash_before_anything_else_is_itself() -> None:
    assert meant("C:\\dir \\u12 \\\\n \\U00110000") == "C:\\dir \\u12 \\n \\U00110000"


def test_the_fields_of_a_candidate_are_chosen_and_all_have_their_values() -> None:
    rows = rows_to_begin(OFFERED, ["ct.user.arn"])
    assert [row.used for row in rows] == [True, False, False, False]
    assert [row.text for row in rows] == ["arn:ana", "a\\\\n\\nb\\u202e", "", ""]
    assert terms_of(rows) == [Term("ct.user.arn", "=", ("arn:ana",))]
    assert rows[1].term.values == ("a\\n\nb\u202e",)


def test_what_was_sent_is_read_field_by_field_and_no_offered_field_is_renamed() -> None:
    data = {
        "field-0": "ct.name", "use-0": "on", "comparison-0": "in", "value-0": "x\r\n\r\ny",
        "field-1": "ct.name", "comparison-1": "=", "value-1": "z",
        "field-2": " ct.region ", "comparison-2": "startswith", "value-2": "eu-",
    }  # fmt: skip
    assert terms_of(rows_of(data, OFFERED)) == [
        Term("ct.user.arn", "in", ("x", "y")),
        Term("ct.region", "startswith", ("eu-",)),
    ]


def expiry(**data: str) -> ExpiryForm:
    return ExpiryForm({"reason": "because"} | data)


@pytest.mark.parametrize(("days", "fits"), [(-1, False), (0, False), (1, True), (365, True), (366, False)])
def test_the_day_must_be_within_a_year(days: int, fits: bool) -> None:
    day = (timezone.now() + timedelta(days=days)).date()
    assert expiry(expires_on=f"{day:%Y-%m-%d}").is_valid() is fits


def test_for_ever_needs_a_why_and_only_then_counts() -> None:
    assert "Say why it never expires." in str(expiry(never="on").errors)
    form = expiry(never="on", why_no_expiry="the scanner")
    assert form.is_valid()
    assert (form.expires_at, form.why) == (None, "the scanner")
    day = (timezone.now() + timedelta(days=3)).date()
    both = expiry(expires_on=f"{day:%Y-%m-%d}", why_no_expiry="left over")
    assert both.is_valid()
    assert both.expires_at is not None and both.expires_at.isoformat() == f"{day:%Y-%m-%d}T00:00:00+00:00"
    assert both.why == ""
    assert "Choose a day" in str(expiry().errors)
