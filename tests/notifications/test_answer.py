from ecsaudit.notifications.answer import Answer, Outcome


def test_what_the_other_side_said_is_cut_and_can_be_stored_anywhere() -> None:
    answer = Answer(Outcome.REFUSED, "5\x0000", "\x00" + "x" * 3_000).hiding([])
    assert (answer.code, len(answer.text), answer.text[0]) == ("5\ufffd00", 2_000, "\ufffd")


def test_secrets_that_the_other_side_quotes_are_hidden() -> None:
    answer = Answer(Outcome.REFUSED, "404", "no webhook /services/T0/B0/abcdef for abcdef")
    assert answer.hiding(["/services/T0/B0/abcdef", "abcdef"]).text == "no webhook ••• for •••"


def test_words_that_are_too_short_to_be_secrets_are_left_alone() -> None:
    assert Answer(Outcome.REFUSED, "404", "not found").hiding(["t", ""]).text == "not found"


def test_a_secret_across_the_cut_is_hidden_whole() -> None:
    answer = Answer(Outcome.REFUSED, "400", "x" * 1_990 + "0123456789abcdef").hiding(["0123456789abcdef"])
    assert answer.text == "x" * 1_990 + "•••"
