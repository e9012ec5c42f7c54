from datetime import date

from ecsaudit.web.charts import activity, shares

MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 2), date(2026, 11, 3), date(2026, 11, 4)


def test_a_chart_has_a_bar_for_each_day_even_without_sessions() -> None:
    chart = activity([(TUESDAY, "opened", 3)], MONDAY, WEDNESDAY, "/sessions/")
    assert [bar.day for bar in chart.bars] == ["2026-11-02", "2026-11-03", "2026-11-04"]
    assert [bar.counts for bar in chart.bars] == [[0, 0, 0, 0], [3, 0, 0, 0], [0, 0, 0, 0]]
    assert (chart.first, chart.last, chart.highest) == ("2026-11-02", "2026-11-04", 3)


def test_a_bar_leads_to_the_sessions_of_its_day() -> None:
    chart = activity([], MONDAY, MONDAY, "/sessions/")
    assert chart.bars[0].address == "/sessions/?from=2026-11-02&to=2026-11-02"


def test_a_bars_title_says_its_numbers() -> None:
    chart = activity([(MONDAY, "around", 1), (MONDAY, "opened", 3)], MONDAY, TUESDAY, "/")
    assert [bar.title for bar in chart.bars] == [
        "2026-11-02: 3 opened, 1 around ECS Exec",
        "2026-11-03: no sessions",
    ]


def test_pieces_stand_on_each_other_with_a_gap_and_the_highest_bar_fills_the_chart() -> None:
    chart = activity([(MONDAY, "opened", 3), (MONDAY, "denied", 1), (TUESDAY, "opened", 2)], MONDAY, TUESDAY, "/")
    opened, denied = chart.bars[0].pieces
    # 142 units for 4 sessions: 106.5 from the ground, then 35.5; each piece one unit lower than its share.
    assert (opened.series, opened.y, opened.height) == ("opened", "43.5", "105.5")
    assert (denied.series, denied.y, denied.height) == ("denied", "8.0", "34.5")
    assert [piece.height for piece in chart.bars[1].pieces] == ["70.0"]


def test_one_session_among_very_many_is_still_drawn() -> None:
    chart = activity([(MONDAY, "opened", 100_000), (MONDAY, "around", 1)], MONDAY, MONDAY, "/")
    assert chart.bars[0].pieces[1].height == "0.8"


def test_a_chart_without_sessions_has_empty_bars() -> None:
    chart = activity([], MONDAY, TUESDAY, "/")
    assert chart.highest == 0
    assert [bar.pieces for bar in chart.bars] == [[], []]


def test_shares_are_drawn_against_the_first() -> None:
    lines = shares([("ana", 40, "/a"), ("bo", 10, "/b")])
    assert [(line.word, line.count, line.width, line.address) for line in lines] == [
        ("ana", 40, "100.0", "/a"),
        ("bo", 10, "25.0", "/b"),
    ]


def test_no_shares_are_no_lines() -> None:
    assert shares([]) == []
