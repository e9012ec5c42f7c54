from datetime import UTC, datetime

import pytest
from django.db.models import F, Q
from django.db.models.lookups import In

from ecsaudit.findings.models import IS_OPEN, Finding
from ecsaudit.findings.selection import as_data, from_data
from tests import factories

AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "condition",
    [
        Q(),
        IS_OPEN,
        Q(rule="a") | Q(rule__in=["b", "c"]),
        ~Q(rule="a") & Q(event_time__gte=AT) & ~(Q(priority=1) | Q(assignee=None)),
        Q(Q(rule__icontains="x") | ~Q(output="y"), is_open=True),
    ],
)
def test_a_condition_is_the_same_after_it_was_kept(condition: Q) -> None:
    kept = as_data(condition)
    assert str(Finding.objects.filter(from_data(kept)).query) == str(Finding.objects.filter(condition).query)


@pytest.mark.django_db
def test_a_column_that_must_not_use_its_index_means_the_column() -> None:
    finding = factories.finding()
    condition = Q(In(F("tag_set_id") + 0, [finding.tag_set_id]))
    assert as_data(condition) == {"all": [["tag_set_id__in", [finding.tag_set_id]]]}
    assert Finding.objects.get(from_data(as_data(condition))) == finding


def test_what_cannot_be_kept_is_refused() -> None:
    with pytest.raises(TypeError, match="object can't be kept"):
        as_data(Q(rule=object()))
