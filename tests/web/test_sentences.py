import pytest

from ecsaudit.web.sentences import session_sentence
from tests import factories

pytestmark = pytest.mark.django_db
START = "ana@example.com (role Developer)"
END = "prod-payments / web, 2026-11-02 12:00:00 UTC, from the AWS CLI, 203.0.113.7."


@pytest.mark.parametrize(
    ("fields", "deed"),
    [
        ({}, "opened a shell in"),
        ({"mode": "one_shot"}, "ran a command in"),
        ({"mode": "unknown"}, "opened a session in"),
        ({"outcome": "denied"}, "was denied to open a shell in"),
        ({"outcome": "failed", "mode": "one_shot"}, "failed to run a command in"),
        ({"kind": "around"}, "opened a shell around ECS Exec in"),
        ({"kind": "around", "mode": "port_forward"}, "forwarded a port around ECS Exec to"),
        ({"kind": "around", "outcome": "denied"}, "was denied to open a shell around ECS Exec in"),
    ],
)
def test_each_kind_of_session_has_its_sentence(fields: dict[str, str], deed: str) -> None:
    assert session_sentence(factories.exec_session(**fields)) == f"{START} {deed} {END}"


def test_root_and_what_the_record_leaves_out() -> None:
    bare = {
        "cluster": "",
        "container": "",
        "task_id": "",
        "source_ip_address": "",
        "client": "unknown",
        "role_name": "",
    }
    session = factories.exec_session(identity_kind="root", person="root", **bare)
    assert session_sentence(session) == (
        "The root user opened a shell in a container that the record does not name, 2026-11-02 12:00:00 UTC."
    )


def test_a_task_stands_in_for_a_missing_container() -> None:
    assert "in prod-payments / task 0123" in session_sentence(factories.exec_session(container=""))


def test_hostile_names_are_marked() -> None:
    assert "‹U+202E›evil␛" in session_sentence(factories.exec_session(person="\u202eevil\x1b"))
