"""The screens of exceptions: from a finding to one in force, looked at before, and to its end."""

from __future__ import annotations

import html as entities
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from ecsaudit import pipeline
from ecsaudit.cloudtrail.models import Event
from ecsaudit.findings import triage
from ecsaudit.findings.models import Finding, RecordState
from ecsaudit.library.models import ExceptionState, RuleException
from ecsaudit.library.services import refresh
from ecsaudit.people.models import User
from ecsaudit.replay.models import Replay, Scope
from tests import factories, records
from tests.replay.history import SHIPPED, finish, take_in

pytestmark = pytest.mark.django_db
HOSTILE = '/bin/sh\n\u202e<script>\\ "'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.RULES_DIR = tmp_path
    (tmp_path / "shipped.yaml").write_text(SHIPPED)
    refresh()
    return tmp_path


@pytest.fixture
def finding() -> Finding:
    take_in("/bin/sh", "/bin/sh")
    take_in("/bin/sh", first=2, container="db")
    return Finding.objects.order_by("event__pk")[0]


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def begun(text: str) -> dict[str, str]:
    """The form as the page begins with it, as a browser without a script would send it."""
    found = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text))
    found |= dict.fromkeys(re.findall(r'<input type="checkbox" name="(use-\d+)" id="use-\d+" checked>', text), "on")
    boxes = re.findall(r'<textarea[^>]* name="(value-\d+)"[^>]*>\n(.*?)</textarea>', text, re.DOTALL)
    found |= dict(boxes)
    found |= dict(re.findall(r'name="(expires_on)" value="([^"]*)"', text))
    found.pop("csrfmiddlewaretoken")
    return {name: entities.unescape(value) for name, value in found.items()} | {"owner": "ana", "reason": "nightly"}


def posted(client: Client, data: dict[str, str], do: str, **changes: str) -> str:
    answer = client.post("/rules/exceptions/make/", data | {"do": do} | changes)
    assert answer.status_code == 200
    return answer.content.decode()


def saved(client: Client, data: dict[str, str], **changes: str) -> RuleException:
    answer = client.post("/rules/exceptions/make/", data | {"do": "save"} | changes)
    assert answer.status_code == 302, re.findall(r'class="note[^>]*>(.*?)</p>', answer.content.decode())
    made = RuleException.objects.order_by("pk").last()
    assert made is not None
    assert answer.headers["Location"] == made.get_absolute_url()
    return made


def test_a_finding_leads_to_an_exception_for_analysts_only(as_vera: Client, as_ann: Client, finding: Finding) -> None:
    address = f"/rules/exceptions/new/?finding={finding.pk}"
    assert address in page(as_ann, finding.get_absolute_url())
    assert address not in page(as_vera, finding.get_absolute_url())
    page(as_vera, address, 403)
    assert as_vera.post("/rules/exceptions/make/").status_code == 403


def test_it_begins_with_the_narrowest_tuple_and_a_chip_for_each_wider_one(as_ann: Client, finding: Finding) -> None:
    text = page(as_ann, f"/rules/exceptions/new/?finding={finding.pk}")
    assert "who + cluster + container + command + source address (narrowest)" in text
    assert len(re.findall(r"<tr class=\"used\">", text)) == 5
    assert re.search(r'name="candidate" value="4">who</button>', text)
    wide = page(as_ann, f"/rules/exceptions/new/?finding={finding.pk}&candidate=4")
    assert len(re.findall(r"<tr class=\"used\">", wide)) == 1


def test_a_look_tells_what_it_would_have_hidden_and_how_much_of_it_was_confirmed(
    as_ann: Client, finding: Finding
) -> None:
    confirmed = triage.SetStatus("resolved", "true_positive")
    triage.apply(finding_ids=[finding.pk], change=confirmed, by=None, now=timezone.now())
    data = begun(page(as_ann, f"/rules/exceptions/new/?finding={finding.pk}&candidate=2"))
    text = posted(as_ann, data, "look", days="all")
    replay = Replay.objects.get()
    assert f'hx-get="/rules/exceptions/look/{replay.pk}/"' in text
    assert f'name="look" value="{replay.pk}"' in text
    finish(replay)
    text = posted(as_ann, data, "again", look=str(replay.pk))
    assert re.search(r"<strong>2 findings</strong>, <strong[^>]*>1 of them confirmed</strong>", text)
    assert f'href="{finding.get_absolute_url()}"' in text
    assert text.index(finding.get_absolute_url()) < text.index(
        Finding.objects.order_by("event__pk")[1].get_absolute_url() + '">'
    )
    made = saved(as_ann, data, look=str(replay.pk))
    assert made.preview is not None
    assert (made.preview["findings"], made.preview["confirmed"]) == (2, 1)
    assert (made.made_from, made.owner, made.reason) == (finding.pk, "ana", "nightly")
    assert "1 of them confirmed" in page(as_ann, made.get_absolute_url())


def test_saving_without_a_look_at_these_very_fields_needs_a_tick(as_ann: Client, finding: Finding) -> None:
    data = begun(page(as_ann, f"/rules/exceptions/new/?finding={finding.pk}"))
    assert "It isn't saved" in posted(as_ann, data, "save")
    posted(as_ann, data, "look", days="all")
    replay = finish(Replay.objects.get())
    wider = {name: value for name, value in data.items() if name != "use-0"}
    text = posted(as_ann, wider, "save", look=str(replay.pk))
    assert "preview again" in text
    assert not RuleException.objects.exists()
    made = saved(as_ann, wider, look=str(replay.pk), despite="on")
    assert made.preview is None
    assert "saved without a preview" in page(as_ann, made.get_absolute_url())


def test_saving_archives_open_findings_where_that_is_asked_for(as_ann: Client, finding: Finding) -> None:
    data = begun(page(as_ann, f"/rules/exceptions/new/?finding={finding.pk}&candidate=2"))
    made = saved(as_ann, data, despite="on", past="open")
    finish(Replay.objects.get(exception=made))
    finding.refresh_from_db()
    assert finding.record_state == RecordState.ARCHIVED
    text = page(as_ann, finding.get_absolute_url())
    assert f'Archived because of <a href="{made.get_absolute_url()}">exception {made.pk}</a>' in text
    assert finding.get_absolute_url() in page(as_ann, made.get_absolute_url())
    other = saved(as_ann, data | {"use-1": "on"}, despite="on", past="")
    assert not other.replays.exists()


def test_choosing_another_width_keeps_what_was_filled_in(as_ann: Client, finding: Finding) -> None:
    data = begun(page(as_ann, f"/rules/exceptions/new/?finding={finding.pk}")) | {"past": "", "days": "7"}
    free = next(name for name in reversed(data) if name.startswith("value-")).removeprefix("value-")
    data |= {f"field-{free}": "json.value[/userIdentity/type]", f"value-{free}": "AssumedRole"}
    data |= {"owner": "the team", "reason": "OPS-12", "expires_on": "2026-12-24", "never": "on", "why_no_expiry": "x y"}
    answer = as_ann.post("/rules/exceptions/make/", data | {"candidate": "4"})
    text = answer.content.decode()
    assert len(re.findall(r"<tr class=\"used\">", text)) == 2
    for kept in ("the team", "OPS-12", "2026-12-24", "x y", "json.value[/userIdentity/type]"):
        assert f'value="{kept}"' in text
    assert re.search(r'name="never"[^>]* checked', text)
    assert '<option value="7" selected>' in text
    assert "note wrong" not in text
    assert not RuleException.objects.exists()
    # No such width: nothing changes.
    same = as_ann.post("/rules/exceptions/make/", data | {"candidate": "99"}).content.decode()
    assert len(re.findall(r"<tr class=\"used\">", same)) == 6


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"value-0": ""}, "needs a value"),
        ({"comparison-0": "regex"}, "choose a comparison"),
        ({"value-0": "somebody else"}, "It would not hide the event at hand"),
        ({"field-99": "x"}, None),
        ({"reason": ""}, "Say why"),
        ({"owner": ""}, "Say who answers for it"),
        ({"expires_on": "2020-01-01"}, "Choose a day within 365 days"),
        ({"expires_on": ""}, "Choose a day, or say why"),
        ({"never": "on"}, "Say why it never expires"),
    ],
)
def test_what_can_not_be_saved_says_why_and_loses_nothing(
    as_ann: Client, finding: Finding, changes: dict[str, str], words: str | None
) -> None:
    data = begun(page(as_ann, f"/rules/exceptions/new/?finding={finding.pk}")) | {"reason": "kept words"}
    if words is None:
        saved(as_ann, data | changes, despite="on")
        return
    text = posted(as_ann, data | changes, "save", despite="on")
    assert words in entities.unescape(text)
    assert "reason" in changes or "kept words" in text
    assert not RuleException.objects.exists()


def test_a_field_of_one_s_own_is_checked_by_the_engine(as_ann: Client, finding: Finding) -> None:
    data = begun(page(as_ann, f"/rules/exceptions/new/?finding={finding.pk}"))
    free = next(name for name in reversed(data) if name.startswith("value-")).removeprefix("value-")
    wrong = data | {f"field-{free}": "ct.usr", f"value-{free}": "x"}
    text = entities.unescape(posted(as_ann, wrong, "look"))
    assert "'ct.usr' is not a supported filter field" in text
    right = data | {f"field-{free}": "json.value[/userIdentity/type]", f"value-{free}": "AssumedRole"}
    assert "not a supported" not in posted(as_ann, right, "look")


def test_hostile_values_are_shown_as_escapes_and_hide_exactly_themselves(as_ann: Client, folder: Path) -> None:
    for number, command in enumerate((HOSTILE, "/bin/sh")):
        record = records.execute_command(command=command, eventID=f"11111111-0000-4000-8000-00000000000{number}")
        with transaction.atomic():
            pipeline.take_in(factories.feed(), [records.item(json.dumps(record))])
    (folder / "shipped.yaml").write_text(SHIPPED.replace("in (shells)", "startswith /bin"))
    refresh()
    event = Event.objects.order_by("pk")[0]
    text = page(as_ann, f"/rules/exceptions/new/?event={event.pk}&rule=Shell&candidate=1")
    assert "\u202e" not in text and "<script>\\" not in text
    made = saved(as_ann, begun(text), despite="on")
    assert HOSTILE in [term["values"][0] for term in made.terms]


def test_what_is_no_event_or_rule_is_not_there(as_ann: Client, finding: Finding) -> None:
    for query in ("", "event=1", "event=999999&rule=Shell", "finding=999999", "finding=x&event=1"):
        page(as_ann, f"/rules/exceptions/new/?{query}", 404)
    assert as_ann.post("/rules/exceptions/make/", {"do": "save"}).status_code == 404


@pytest.mark.parametrize("name", ["finding", "look", "event"])
def test_a_number_that_no_row_has_is_no_failure(as_ann: Client, finding: Finding, name: str) -> None:
    data = begun(page(as_ann, f"/rules/exceptions/new/?finding={finding.pk}")) | {name: "9" * 30}
    answer = as_ann.post("/rules/exceptions/make/", data | {"do": "save", "despite": "on"})
    assert answer.status_code == (404 if name == "event" else 200)
    assert not RuleException.objects.exists()


def test_extending_and_withdrawing(as_vera: Client, as_ann: Client, finding: Finding) -> None:
    made = saved(as_ann, begun(page(as_ann, f"/rules/exceptions/new/?finding={finding.pk}")), despite="on", past="open")
    finish(Replay.objects.get(exception=made))
    assert "Withdraw it" not in page(as_vera, made.get_absolute_url())
    day = (timezone.now() + timedelta(days=10)).date()
    sent = {"expires_on": f"{day:%Y-%m-%d}", "reason": "sooner"}
    assert as_vera.post(f"{made.get_absolute_url()}extend/", sent).status_code == 403
    assert as_vera.post(f"{made.get_absolute_url()}withdraw/", {"reason": "x"}).status_code == 403
    assert "Choose a day" in as_ann.post(f"{made.get_absolute_url()}extend/", {"reason": "x"}).content.decode()
    as_ann.post(f"{made.get_absolute_url()}extend/", sent)
    made.refresh_from_db()
    assert made.expires_at is not None and made.expires_at.date() == day
    as_ann.post(f"{made.get_absolute_url()}withdraw/", {"reason": "  "})
    assert RuleException.objects.get().is_active
    as_ann.post(f"{made.get_absolute_url()}withdraw/", {"reason": "over"})
    made.refresh_from_db()
    assert made.state == ExceptionState.WITHDRAWN
    finish(Replay.objects.get(scope=Scope.BACK))
    finding.refresh_from_db()
    assert finding.record_state == RecordState.ACTIVE
    text = page(as_ann, made.get_absolute_url())
    assert "2 findings came back" in text
    assert re.findall(r"<strong>(Made|Expiry changed|Withdrawn)</strong>", text) == [
        "Made",
        "Expiry changed",
        "Withdrawn",
    ]


def test_the_list_shows_those_in_force_and_warns_of_those_that_end_soon(
    as_vera: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    factories.rule_exception(reason="later one", expires_at=now + timedelta(days=30))
    factories.rule_exception(reason="soon one", expires_at=now + timedelta(days=3))
    factories.rule_exception(reason="ended one", state="expired", ended_at=now)
    # log-in session, user, place and rows of the page, facets, those that end soon, sample and broken rules: 7
    with django_assert_num_queries(7):
        text = page(as_vera, "/rules/exceptions/")
    assert "1 exception expires within 7 days" in text
    assert "later one" in text and "soon one" in text and "ended one" not in text
    assert "Expired and Withdrawn hidden" in text
    text = page(as_vera, "/rules/exceptions/?expires=soon")
    assert "soon one" in text and "later one" not in text
    assert "ended one" in page(as_vera, "/rules/exceptions/?state=expired")
    assert "later one" in page(as_vera, "/rules/exceptions/?q=LATER")
    assert "later one" in page(as_vera, "/rules/exceptions/?q=203.0.113.7")


def test_the_list_is_paged_by_the_keyset_and_cut_by_state(as_vera: Client) -> None:
    now = timezone.now()
    for number in range(52):
        factories.rule_exception(reason=f"reason {number}.", created_at=now - timedelta(hours=number))
    factories.rule_exception(reason="ended one", state="withdrawn", created_at=now, ended_at=now)
    first = page(as_vera, "/rules/exceptions/")
    assert "reason 0." in first and "reason 50." not in first
    older = re.search(r'href="(\?[^"]*)" rel="next"', first)
    assert older is not None
    second = page(as_vera, f"/rules/exceptions/{entities.unescape(older[1])}")
    assert re.findall(r"reason \d+\.", second) == ["reason 50.", "reason 51."]
    assert '<a href="?state=expired&amp;state=withdrawn">Ended</a>' in first
    ended = page(as_vera, "/rules/exceptions/?state=expired&state=withdrawn")
    assert "ended one" in ended and "reason 0." not in ended
    assert 'aria-current="true">Ended</a>' in ended
    assert "ended one" in page(as_vera, "/rules/exceptions/?state=any")


def test_list_and_page_tell_how_much_it_hid_and_when_it_last_matched(as_vera: Client) -> None:
    matched = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    used = factories.rule_exception(archived=2, kept_out=3, last_matched_at=matched)
    text = page(as_vera, "/rules/exceptions/")
    assert 'title="2 archived, 3 not made">5</a>' in text and "2026-11-02 09:30" in text
    assert "5 findings: 2 archived" in page(as_vera, used.get_absolute_url())
    unused = factories.rule_exception()
    assert "never; one that goes on matching nothing can be withdrawn" in page(as_vera, unused.get_absolute_url())


def test_an_empty_list_says_where_exceptions_come_from(as_vera: Client) -> None:
    assert "There are no exceptions" in page(as_vera, "/rules/exceptions/")
    factories.rule_exception(state="expired", ended_at=timezone.now())
    assert "No exception fits these filters" in page(as_vera, "/rules/exceptions/")


def test_the_page_of_the_rule_shows_those_in_force(as_ann: Client, finding: Finding, ann: User) -> None:
    address = "/rules/item/?kind=rule&name=Shell"
    assert "None that was made from a finding is in force." in page(as_ann, address)
    made = saved(as_ann, begun(page(as_ann, f"/rules/exceptions/new/?finding={finding.pk}")), despite="on")
    text = page(as_ann, address)
    assert f'<a href="{made.get_absolute_url()}">Exception {made.pk}</a>' in text
    assert f"Exception {made.pk} made" in text
