from datetime import UTC, datetime, timedelta

from ecsaudit.cloudtrail.coverage import Coverage, Gap, Source
from ecsaudit.web.coverage_words import in_full, lines, sentence, shortly, some

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 8, tzinfo=UTC)
NAMES = ("ExecuteCommand", "StartSession")
FULL = Source("production", "eu-west-1", dict.fromkeys(NAMES, (START, END)))
HALF = Source("production", "us-east-1", {"ExecuteCommand": (START + timedelta(days=2), END)})


def told(coverage: Coverage, names: tuple[str, ...] = NAMES) -> str:
    return sentence(coverage, [gap for gaps in coverage.gaps(names).values() for gap in gaps], names)


def test_a_sentence_says_how_much_was_read_for_how_many_names_and_from_when_to_when() -> None:
    assert told(Coverage(START, END, (FULL, HALF))) == (
        "1 of 2 account × Region pairs read in full for the 2 event names that rules can match, "
        "from 2026-11-01 00:00 to 2026-11-08 00:00 UTC."
    )
    assert told(Coverage(START, END, (FULL,))).startswith("1 of 1 account × Region pair read in full")


def test_where_nothing_could_be_seen_the_sentence_says_why() -> None:
    assert told(Coverage(START, END, ())) == "No account is read, so no rule could see anything."
    assert told(Coverage(START, START, (FULL,))).startswith("Nothing of this period can have been read yet")
    assert told(Coverage(START, END, (FULL,)), ()).startswith("No rule that judges names an event")


def test_accounts_that_are_switched_off_are_named() -> None:
    assert told(Coverage(START, END, (), ("sandbox\u202e",))).endswith(
        " Not read, because switched off: sandbox‹U+202E›."
    )


def test_each_stretch_of_a_source_is_a_line_with_its_names() -> None:
    found = Coverage(START, END, (FULL, HALF, Source("nowhere", ""))).gaps(NAMES)
    assert lines(gap for gaps in found.values() for gap in gaps) == [
        "nowhere (no Region), 2026-11-01 00:00 to 2026-11-08 00:00 UTC: ExecuteCommand, StartSession",
        "production us-east-1, 2026-11-01 00:00 to 2026-11-03 00:00 UTC: ExecuteCommand",
        "production us-east-1, 2026-11-01 00:00 to 2026-11-08 00:00 UTC: StartSession",
    ]


def test_a_file_has_every_name() -> None:
    names = ("a", "b", "c", "d", "e")
    gaps = [gap for each in Coverage(START, END, (HALF,)).gaps(names).values() for gap in each]
    assert [line.partition("UTC: ")[2] for line in lines(gaps)] == ["a, b, c and 2 more"]
    assert [line.partition("UTC: ")[2] for line in lines(gaps, in_full=True)] == ["a, b, c, d, e"]


def test_of_many_names_some_are_told_and_the_number() -> None:
    assert some(["d", "b", "a", "c", "a", "e"]) == "a, b, c and 2 more"


def test_a_row_has_every_gap_of_few_sources_and_only_the_names_of_many() -> None:
    def gaps(*sources: Source) -> list[Gap]:
        return [gap for gaps in Coverage(START, END, sources).gaps(NAMES).values() for gap in gaps]

    assert shortly(gaps(HALF)) == lines(gaps(HALF))
    assert shortly(gaps(*(Source(f"account {number}", "eu-west-1") for number in range(5)))) == [
        "account 0 eu-west-1, account 1 eu-west-1, account 2 eu-west-1 and 2 more: ExecuteCommand, StartSession"
    ]


def test_a_card_has_only_how_many_sources_were_read_in_full() -> None:
    assert in_full(Coverage(START, END, (FULL, HALF)), ()) == "2 of 2 account × Region pairs read in full"
    assert in_full(Coverage(START, END, ()), ()) == "nothing read"
