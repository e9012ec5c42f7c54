import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ecsaudit.cloudtrail.models import EventBody
from ecsaudit.execsessions.models import SessionEvent
from ecsaudit.web import session_list
from tests import factories

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e\n"
COLUMNS = (
    "person", "role_name", "cluster", "container", "service", "command", "source_ip_address", "error_code", "error_message",
    "user_agent", "user_arn", "ssm_session_id", "task_id", "region",
)  # fmt: skip
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;␛[31m‹U+202E›↵"


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("address", ["/sessions/", "/sessions/facets/", "/sessions/1/"])
def test_a_stranger_is_sent_to_the_log_in(client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 302
    assert response.headers["Location"] == f"/login/?next={address}"


def test_the_list_shows_each_session_and_costs_four_queries(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        factories.exec_session(person=f"person-{number}", started_at=timezone.now())
    # login session, user, page of sessions, whether there is sample data: 4
    with django_assert_num_queries(4):
        page = html(as_vera, "/sessions/")
    assert page.count("person-") == 30
    assert "prod-payments" in page


def test_the_facets_cost_six_queries(as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(30):
        factories.exec_session(cluster=f"cluster-{number % 3}", started_at=timezone.now())
    # login session, user, the newest 1,000 matches, their tag sets, controls of tag sets, sample data: 6
    with django_assert_num_queries(6):
        page = html(as_vera, "/sessions/facets/")
    assert '<strong id="count">30</strong>' in page
    assert "/sessions/?cluster=cluster-1" in page


def test_filters_come_from_the_address_and_facets_work_without_javascript(as_vera: Client) -> None:
    factories.exec_session(person="ana", cluster="a", started_at=timezone.now())
    factories.exec_session(person="bob", cluster="b", started_at=timezone.now())
    page = html(as_vera, "/sessions/?cluster=a&facets=1")
    assert "ana" in page
    assert "bob" not in page
    assert "Cluster: a" in page
    assert '<strong id="count">1</strong>' in page


def test_bad_parameters_are_told_and_never_break_the_page(as_vera: Client) -> None:
    factories.exec_session(started_at=timezone.now())
    page = html(as_vera, "/sessions/?days=x&after=nonsense&kind=odd&before=1.2&q=%00")
    assert "must be a number" in page
    assert "is not a place in this list" in page


def test_empty_lists_say_why_and_what_to_do(as_vera: Client) -> None:
    assert "Nothing has been collected yet" in html(as_vera, "/sessions/")
    factories.exec_session()
    assert "No sessions fit these filters" in html(as_vera, "/sessions/?person=nobody")


def test_hostile_text_is_shown_harmlessly_in_every_column(as_vera: Client) -> None:
    text = dict.fromkeys(COLUMNS, HOSTILE)
    session = factories.exec_session(
        started_at=timezone.now(), event=factories.event(raw_text=HOSTILE, event_time=timezone.now()), **text
    )
    for address in ("/sessions/", "/sessions/facets/", f"/sessions/{session.pk}/"):
        page = html(as_vera, address)
        assert "<script>alert" not in page
        assert "\x1b" not in page
        assert "\u202e" not in page
    assert SHOWN in html(as_vera, f"/sessions/{session.pk}/")


def test_a_huge_command_does_not_bloat_the_list(as_vera: Client) -> None:
    factories.exec_session(command="A" * 60_000, user_agent="B" * 200_000, started_at=timezone.now())
    assert len(html(as_vera, "/sessions/")) < 20_000


def test_a_session_s_page_tells_everything_in_six_queries(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    session = factories.exec_session(finding_count=1, worst_priority=4)
    factories.finding(session=session)
    later = factories.event(event_name="TerminateSession", raw_text='{"eventName": "TerminateSession"}')
    SessionEvent.objects.create(session=session, event=later)
    # login session, user, session with its account, events with their bodies, findings, sample data: 6
    with django_assert_num_queries(6):
        page = html(as_vera, f"/sessions/{session.pk}/")
    assert "opened a shell in prod-payments / web" in page
    assert "Terminal Shell in ECS Container" in page
    assert "The session was terminated" in page
    assert "&quot;eventName&quot;: &quot;TerminateSession&quot;" in page


def test_a_record_that_is_no_json_is_shown_as_it_came(as_vera: Client) -> None:
    session = factories.exec_session()
    EventBody.objects.filter(event=session.event).update(compressed=EventBody.compress("{broken <b>"))
    assert "{broken &lt;b&gt;" in html(as_vera, f"/sessions/{session.pk}/")


def test_what_is_around_ecs_exec_is_explained(as_vera: Client) -> None:
    session = factories.exec_session(kind="around")
    assert "straight at the container" in html(as_vera, f"/sessions/{session.pk}/")


@pytest.mark.parametrize("address", ["/sessions/999999/", "/sessions/99999999999999999999999/"])
def test_unknown_sessions_are_not_found(as_vera: Client, address: str) -> None:
    assert as_vera.get(address).status_code == 404


@pytest.mark.parametrize("few", [0, 1, 100])
def test_a_session_is_filtered_by_the_controls_of_its_findings(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(session_list, "FEW", few)
    for person, lists in (("ana", [["PCI_DSS_10.2.1"], ["SOC2_CC6.1"]]), ("bob", [["SOC2_CC6.1"]] * 2), ("eve", [])):
        session = factories.exec_session(person=person, started_at=timezone.now())
        for number, tags in enumerate(lists):
            factories.finding(session=session, rule=f"rule {number}", tags=tags)
    factories.finding(session=session, rule="no longer", tags=["HIPAA_164.312(b)"], record_state="archived")
    for address, people in (
        ("framework=pci-dss", {"ana"}),
        ("framework=pci-dss&framework=soc-2", {"ana", "bob"}),
        ("control=soc-2:CC6.1", {"ana", "bob"}),
        ("framework=pci-dss&control=soc-2:CC6.1", {"ana"}),
        ("-control=pci-dss:10.2.1", {"bob", "eve"}),
        ("-framework=soc-2", {"eve"}),
        ("control=hipaa:164.312(b)", set()),
        ("-control=hipaa:164.312(b)", {"ana", "bob", "eve"}),
    ):
        page = html(as_vera, f"/sessions/?{address}")
        assert {person for person in ("ana", "bob", "eve") if f"<bdi>{person}</bdi>" in page} == people, address
    # login session, user, controls of tag sets, whether few sessions have them, page of sessions, sample data: 6
    with django_assert_num_queries(6):
        page = html(as_vera, "/sessions/?control=pci-dss:10.2.1")
    assert "Control: PCI DSS 10.2.1 Audit logs are enabled and active" in page
