import csv
import io

import pytest

from ecsaudit.web.csv_file import cell, harmless, response


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_what_a_spreadsheet_would_run_is_made_text(start: str) -> None:
    assert harmless(f"{start}HYPERLINK(1)") == f"'{start}HYPERLINK(1)"
    assert str(cell(f"{start}HYPERLINK(1)")).startswith("'")


def test_other_text_and_numbers_stay_as_they_are() -> None:
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
