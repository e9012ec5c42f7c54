import csv
import io
import re

import pytest

from ecsaudit.web.csv_file import cell, harmless, response


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_what_a_spreadsheet_would_run_is_made_text(start: str) -> None:
    assert harmless(f"{start}HYPERLINK(1)") == f"'{start}HYPERLINK(1)"
    assert str(cell(f"{start}HYPERLINK(1)")).startswith("'")


@pytest.mark.parametrize("start", [*"=+-@＝＋－＠", " =", '"=', " \t ="])
@pytest.mark.parametrize("separator", [";", ",", "\t", "\r", "\n", "\r\n", "; ", ";;"])
def test_a_cell_that_another_locale_would_begin_within_a_text_runs_nothing(separator: str, start: str) -> None:
    text = f"ana{separator}{start}HYPERLINK(1)"
    answer = response("a-name", [], ["Person", "Rules"], [[text, 3], ["a b", text]])
    # As a spreadsheet reads it that parts cells by semicolons, or by anything, with or without an eye for quotes.
    for separators in (";", ",;\t"):
        for cells in re.split(f"[{separators}\r\n]", answer.content.decode("utf-8-sig")):
            assert not re.match(r"""[\s"]*[=+\-@＝＋－＠]""", cells), cells
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [len(row) for row in rows[1:]] == [2, 2, 2]


def test_every_text_stands_in_quotes_and_numbers_do_not() -> None:
    answer = response("a-name", [], ["Person"], [["a;b", 3, 'say "no"']])
    assert answer.content.decode("utf-8-sig") == '\r\n"Person"\r\n"a;b",3,"say ""no"""\r\n'


def test_spaces_before_a_formula_do_not_hide_it() -> None:
    assert cell("  =1+1") == "'  =1+1"


def test_other_text_and_numbers_stay_as_they_are() -> None:
    assert harmless("a;b, c-d") == "a;b, c-d"
    assert harmless("AC-2(4)") == "AC-2(4)"
    assert harmless("") == ""
    assert cell(-5) == -5


def test_invisible_characters_are_marked() -> None:
    assert cell("a\u202eb\x1b[2J") == "a‹U+202E›b␛[2J"


def test_a_file_has_a_head_an_empty_line_columns_and_rows() -> None:
    answer = response("a-name", [("Period", "=1"), ("Number", 3)], ["Control", "Rules"], [["10.2.1", 'a "b",\nc']])
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a-name.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows == [["Period", "'=1"], ["Number", "3"], [], ["Control", "Rules"], ["10.2.1", 'a "b",↵c']]
