import pytest
from django.http import QueryDict
from django.utils import timezone

from ecsaudit.web import finding_list, lists, session_list
from ecsaudit.web.filters import ListFilter
from tests import factories

pytestmark = pytest.mark.django_db


def facets(address: str = "") -> dict[str, list[tuple[str, int, bool]]]:
    filter = ListFilter.read(session_list.SPEC, QueryDict(address))
    found = lists.read_facets(filter, session_list.LISTING)
    return {facet.name: [(value.word, value.count, value.chosen) for value in facet.values] for facet in found.facets}


def test_facets_count_what_the_filter_lets_through_the_most_first() -> None:
    for cluster in ("a", "b", "b"):
        factories.exec_session(cluster=cluster, started_at=timezone.now())
    factories.exec_session(cluster="c", outcome="denied", started_at=timezone.now())
    assert facets()["cluster"][0] == ("b", 2, False)
    assert sorted(facets()["cluster"][1:]) == [("a", 1, False), ("c", 1, False)]
    assert facets("outcome=denied")["cluster"] == [("c", 1, False)]
    assert facets()["outcome"] == [("Opened", 3, False), ("Denied", 1, False)]


def test_a_chosen_value_stays_in_its_facet_even_without_matches() -> None:
    factories.exec_session(cluster="a", started_at=timezone.now())
    assert facets("cluster=gone")["cluster"] == [("gone", 0, True)]


def test_counts_stop_at_their_bound_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "COUNTED", 3)
    for _ in range(4):
        factories.exec_session(started_at=timezone.now())
    filter = ListFilter.read(session_list.SPEC, QueryDict(""))
    found = lists.read_facets(filter, session_list.LISTING)
    assert found.count == "3+"
    assert found.facets[0].values[0].count == 3


def test_long_facets_are_cut_and_say_how_much_is_left_out() -> None:
    for number in range(10):
        factories.exec_session(cluster=f"c{number}", started_at=timezone.now())
    filter = ListFilter.read(session_list.SPEC, QueryDict(""))
    cluster = next(each for each in lists.read_facets(filter, session_list.LISTING).facets if each.name == "cluster")
    assert (len(cluster.values), cluster.more) == (8, 2)


def test_a_facet_of_few_fixed_values_is_not_cut() -> None:
    tags = ("NIST_800-53_AC-2", "NIST_800-190_3.4.4", "PCI_DSS_10.2.1", "SOC2_CC6.1", "CIS_AWS-5.0.0_4.1",
            "AWS_FSBP_IAM.1", "T1609", "ISO_27001_A.8.15", "HIPAA_164.312(b)")  # fmt: skip
    factories.finding(session=factories.exec_session(started_at=timezone.now()), tags=tags)
    found = lists.read_facets(ListFilter.read(session_list.SPEC, QueryDict("")), session_list.LISTING)
    framework = next(each for each in found.facets if each.name == "framework")
    assert (len(framework.values), framework.more) == (9, 0)


@pytest.mark.parametrize("listing", [session_list.LISTING, finding_list.LISTING])
def test_every_facet_is_a_dimension_and_every_row_has_its_place_in_the_list(listing: lists.Listing) -> None:
    assert set(listing.facets) <= {dimension.name for dimension in listing.spec.dimensions}
    assert {"pk", listing.spec.time} <= set(listing.columns)
