from ecsaudit.web.summary import Part, counted, findings_sentence, sessions_sentence


def text(parts: list[Part]) -> str:
    return "".join(part.text for part in parts)


def links(parts: list[Part]) -> dict[str, str]:
    return {part.text: part.address for part in parts if part.address}


def test_one_and_many_are_worded() -> None:
    assert counted(0, "session") == "0 sessions"
    assert counted(1, "session") == "1 session"
    assert counted(1_234, "person", "people") == "1,234 people"


def test_sessions_are_told_with_people_and_clusters() -> None:
    said = sessions_sentence(
        total=12, denied=2, around=1, people=5, clusters=1, days=7, address="/sessions/?from=2026-11-02"
    )
    assert text(said) == (
        "12 exec sessions by 5 people in 1 cluster in the last 7 days: 2 denied, 1 opened around ECS Exec."
    )
    assert links(said) == {
        "12 exec sessions": "/sessions/?from=2026-11-02",
        "5 people": "#people",
        "1 cluster": "#clusters",
        "2 denied": "/sessions/?from=2026-11-02&kind=exec&outcome=denied",
        "1 opened around ECS Exec": "/sessions/?from=2026-11-02&kind=around",
    }


def test_no_session_is_said_plainly() -> None:
    said = sessions_sentence(total=0, denied=0, around=0, people=0, clusters=0, days=30, address="/")
    assert said == [Part("No exec session in the last 30 days.")]


def test_findings_are_told_by_priority_and_each_number_leads_to_them() -> None:
    said = findings_sentence(total=5, groups=[2, 3, 0], limit=1_000, address="/findings/?from=2026-11-02")
    assert text(said) == "5 findings: 2 Error or worse, 3 Warning, none Notice or lower."
    assert links(said) == {
        "5 findings": "/findings/?from=2026-11-02",
        "2 Error or worse": "/findings/?from=2026-11-02&priority=0&priority=1&priority=2&priority=3",
        "3 Warning": "/findings/?from=2026-11-02&priority=4",
    }


def test_more_findings_than_are_counted_are_told_as_such() -> None:
    said = findings_sentence(total=9_000, groups=[0, 1_000, 1_001], limit=1_000, address="/?")
    assert text(said) == "9,000 findings: none Error or worse, 1,000 Warning, 1,000+ Notice or lower."


def test_no_finding_is_said_plainly() -> None:
    assert findings_sentence(total=0, groups=[0, 0, 0], limit=1_000, address="/") == [Part("No finding.")]
