import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests import factories

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("address", ["/findings/", "/findings/facets/", "/findings/1/"])
def test_a_stranger_is_sent_to_the_log_in(client: Client, address: str) -> None:
    assert client.get(address).headers["Location"] == f"/login/?next={address}"


def test_the_list_shows_each_finding_and_costs_four_queries(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        factories.finding(rule=f"rule-{number}", event_time=timezone.now())
    # login session, user, page of findings, whether there is sample data: 4
    with django_assert_num_queries(4):
        page = html(as_vera, "/findings/")
    assert page.count("rule-") == 20
    assert 'data-priority="4">Warning' in page


def test_filters_by_rule_priority_and_person(as_vera: Client) -> None:
    ana = factories.exec_session(person="ana", started_at=timezone.now())
    bob = factories.exec_session(person="bob", started_at=timezone.now())
    factories.finding(session=ana, rule="first", priority=2)
    factories.finding(session=bob, rule="second", priority=5)
    for address in ("?rule=first", "?priority=2", "?person=ana", "?q=FIRS", "?-rule=second"):
        page = html(as_vera, f"/findings/{address}")
        assert "ana" in page
        assert "bob" not in page
    assert '<strong id="count">1</strong>' in html(as_vera, "/findings/facets/?rule=first")


def test_a_finding_s_page_leads_to_its_session_and_event(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    finding = factories.finding(output_fields={"jevt.value[/awsRegion]": "eu-west-1", "ct.error": None})
    # login session, user, finding with session, event and body, sample data: 4
    with django_assert_num_queries(4):
        page = html(as_vera, f"/findings/{finding.pk}/")
    assert f'href="/sessions/{finding.session.pk}/"' in page
    assert "jevt.value[/awsRegion]" in page
    assert "missing" in page
    assert "aws_ecs_exec" in page


def test_hostile_rules_and_values_are_shown_harmlessly(as_vera: Client) -> None:
    finding = factories.finding(
        rule=HOSTILE, output=HOSTILE, tags=[HOSTILE], output_fields={HOSTILE: HOSTILE}, event_time=timezone.now()
    )
    for address in ("/findings/", "/findings/facets/", f"/findings/{finding.pk}/"):
        page = html(as_vera, address)
        assert "<script>alert" not in page
        assert "\x1b" not in page


def test_a_finding_without_a_session_says_so(as_vera: Client) -> None:
    finding = factories.finding()
    finding.session = None
    finding.save()
    assert "belongs to no exec session" in html(as_vera, f"/findings/{finding.pk}/")


def test_unknown_findings_are_not_found_and_empty_lists_explain(as_vera: Client) -> None:
    assert as_vera.get("/findings/999999/").status_code == 404
    assert "Nothing has been collected yet" in html(as_vera, "/findings/")
