from datetime import UTC, date, datetime

import pytest

from ecsaudit.compliance.frameworks import FRAMEWORKS, control_of
from ecsaudit.compliance.status import ControlStatus, Idle, Serving, State
from ecsaudit.execsessions.daily_counts import Tally
from ecsaudit.library.models import Mode
from ecsaudit.web.compliance_report import Row, findings_by_key, matrix_of, rule_link, why_idle
from ecsaudit.web.period import Period
from tests import factories

PERIOD = Period(date(2026, 11, 1), date(2026, 11, 7))
START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 8, tzinfo=UTC)


def row(tag: str) -> Row:
    control = control_of(tag)
    assert control is not None
    return Row(ControlStatus(control, State.NO_RULE, (), 0, (), None), PERIOD)


@pytest.mark.parametrize(
    ("mode", "never", "began", "idle"),
    [
        (Mode.ON, False, None, None),
        (Mode.OFF, True, None, Idle.OFF),
        (Mode.SHADOW, False, None, Idle.SHADOW),
        (Mode.ON, True, None, Idle.NEVER),
        (Mode.ON, False, START, None),
        (Mode.ON, False, END, Idle.LATER),
    ],
)
def test_a_rule_judges_unless_something_kept_it_from_it(
    mode: Mode, never: bool, began: datetime | None, idle: Idle | None
) -> None:
    assert why_idle(mode, never, began, END) == idle


def test_a_rule_in_a_file_has_its_version_and_since_when_it_judges() -> None:
    serving = Serving("R", frozenset(), frozenset(), None, datetime(2026, 11, 3, 9, 30, tzinfo=UTC), 2, START)
    assert rule_link(serving, PERIOD).words == (
        "R (version 2 of 2026-11-01 00:00; judges only what was collected since 2026-11-03 09:30 UTC)"
    )
    assert rule_link(Serving("R", frozenset(), frozenset(), Idle.SHADOW), PERIOD).words == "R (in the shadow)"
    assert rule_link(Serving("R", frozenset(), frozenset(), None, START), PERIOD).words == "R"


def test_a_row_leads_to_its_findings_of_the_same_period_and_to_its_rules() -> None:
    found = row("HIPAA_164.312(b)")
    assert found.findings_address == (
        "/findings/?from=2026-11-01&to=2026-11-07&control=hipaa%3A164.312%28b%29&workflow_status=any&view=flat"
    )
    assert found.rules_address == "/rules/?control=hipaa%3A164.312%28b%29"


def test_the_matrix_repeats_a_technique_under_each_tactic_and_leaves_tactics_out_of_the_cells() -> None:
    attack = FRAMEWORKS["mitre-attack"]
    columns = matrix_of([row("T1610"), row("TA0002"), row("T9999")], attack)
    cells = {column.identifier: [cell.identifier for cell in column.cells] for column in columns if column.cells}
    assert cells == {"TA0002": ["T1610"], "TA0005": ["T1610"], "": ["T9999"]}
    assert [column.identifier for column in columns] == [*attack.tactic_names, ""]
    assert len(matrix_of([], attack)) == len(attack.tactic_names)


@pytest.mark.django_db
def test_findings_are_summed_over_the_tag_sets_that_name_a_control() -> None:
    both, one, none = (
        factories.tag_set(*tags) for tags in (["PCI_DSS_10.2.1", "SOC2_CC6.1"], ["PCI_DSS_10.2.1"], ["cloud"])
    )
    tally = Tally()
    for day, tag_set in ((1, both), (7, one), (8, one), (3, none)):
        tally.finding(date(2026, 11, day), "R", tag_set.pk)
    tally.save(factories.account().pk)
    assert findings_by_key(PERIOD) == {"pci-dss": 2, "pci-dss:10.2.1": 2, "soc-2": 1, "soc-2:CC6.1": 1}
