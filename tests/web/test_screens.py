"""What holds for every screen: who sees it, and that nothing in it could run."""

import json
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from django.test import Client, override_settings
from django.urls import URLPattern

from ecsaudit.findings import triage
from ecsaudit.findings.models import BulkAction, Finding
from ecsaudit.library.effective import rules
from ecsaudit.library.models import ExceptionLine, ImportDraft, Layer, Version
from ecsaudit.notifications.models import Attempt, Channel, Message
from ecsaudit.people import api_keys
from ecsaudit.people.models import User
from ecsaudit.replay.models import Hidden
from ecsaudit.securityhub.models import HubRegion
from ecsaudit.urls import urlpatterns
from tests import factories

pytestmark = pytest.mark.django_db
HOSTILE = '<script>alert(1)</script>" onload=alert(1) style=color:red \u202e\x1b[2J'
POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
    "font-src": "'self'", "connect-src": "'self'", "form-action": "'self'", "base-uri": "'none'",
    "frame-ancestors": "'none'",
}  # fmt: skip
OPEN = {"/login/"}
# name → address; {pk} is the row's.
SCREENS = {
    "overview": "/",
    "sessions": "/sessions/",
    "session-facets": "/sessions/facets/",
    "session": "/sessions/{session}/",
    "findings": "/findings/",
    "finding-facets": "/findings/facets/",
    "finding": "/findings/{finding}/",
    "bulk-actions": "/findings/actions/",
    "bulk-action-state": "/findings/actions/{action}/state/",
    "library": "/rules/",
    "library-item": "/rules/item/?kind=list&name=system_shells",
    "exceptions": "/rules/exceptions/?state=active&state=expired&state=withdrawn",
    "exception": "/rules/exceptions/{exception}/",
    "library-shared": "/rules/shared/",
    "rule-words": "/rules/words/",
    "rule-versions": "/rules/versions/?left={old_version}&right={version}",
    "rule-update": "/rules/update/?kind=rule&name=Updated",
    "why": "/rules/why/{event}/?rule=Terminal+Shell+in+ECS+Container",
    "compliance": "/compliance/",
    "compliance-csv": "/compliance/overview.csv",
    "compliance-matrix": "/compliance/matrix/",
    "compliance-matrix-csv": "/compliance/matrix.csv",
    "compliance-framework": "/compliance/pci-dss/",
    "compliance-framework-csv": "/compliance/pci-dss.csv",
    "replays": "/rules/replays/",
    "replay": "/rules/replays/{replay}/",
    "replay-state": "/rules/replays/{replay}/state/",
    "replay-match": "/rules/replays/{replay}/matches/{match}/",
    "policies": "/policies/",
    "policy": "/policies/{policy}/",
    "policy-history": "/policies/history/",
    "policy-of-channel": "/policies/of-channel/{channel}/",
    "policy-caught-by": "/policies/caught-by/{finding}/",
    "collection": "/collection/",
    "unreadable-records": "/collection/unreadable/",
    "unreadable-record": "/collection/unreadable/{record}/",
    "channels": "/channels/",
    "security-hub": "/security-hub/",
    "security-hub-failed": "/security-hub/failed/?hub={hub}",
    "security-hub-differences": "/security-hub/differences/",
    "deliveries": "/deliveries/",
    "delivery-facets": "/deliveries/facets/",
    "message": "/deliveries/messages/{message}/",
    "api": "/api/",
    "api-keys": "/api/keys/",
    "change-password": "/password/",
    "login": "/login/",
}
# Not for viewers.
ANALYSTS = {
    "rule-edit": "/rules/edit/?kind=rule&name=Terminal+Shell+in+ECS+Container&event={event}",
    "rule-new": "/rules/new/?kind=rule&from=Terminal+Shell+in+ECS+Container&event={event}",
    "rule-test-new": "/rules/tests/new/?event={event}&rule=Terminal+Shell+in+ECS+Container",
    "policy-new": "/policies/new/",
    "policy-edit": "/policies/{policy}/edit/",
    "exception-new": "/rules/exceptions/new/?event={event}&rule=Terminal+Shell+in+ECS+Container",
    "exception-look": "/rules/exceptions/look/{look}/",
    "rule-import": "/rules/import/",
    "rule-import-preview": "/rules/import/{draft}/",
}
# Not for analysts either.
ADMINISTRATORS = {
    "channel-new": "/channels/new/?kind=webhook",
    "channel": "/channels/{channel}/",
    "channel-delete": "/channels/{channel}/delete/",
    "channel-texts": "/channels/{channel}/texts/?finding={finding}",
}
# Files, not pages.
DOWNLOADS = {
    "rule-export": "/rules/export/",
    "rule-export-own": "/rules/export/rules.yaml",
}
ACTIONS = {
    "exception-make", "exception-extend", "exception-withdraw", "remove-sample", "logout", "library-switch",
    "rule-check", "rule-save", "rule-take-away", "rule-restore", "rule-test-remove", "replay-cancel",
    "channel-switch", "channel-test", "security-hub-switch", "security-hub-test", "security-hub-send-again",
    "security-hub-settle", "finding-change", "findings-act", "bulk-action-undo", "suppression-end",
    "message-send-again", "policy-create", "policy-save", "policy-check", "policy-check-new", "policy-act",
    "api-key-revoke",
}  # fmt: skip


class Inert(HTMLParser):
    """Collects what a strict policy would stop, or what should never stand in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag == "style" or (tag == "script" and "src" not in names) or tag in ("iframe", "object", "embed", "base"):
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name in names if name == "style" or name.startswith("on")]
        self.found += [f"{tag} {name}" for name, value in attrs if value and value.lstrip().startswith("javascript:")]


@pytest.fixture
def addresses(adam: User) -> dict[str, str]:
    """The address of each screen, with rows whose every text is hostile."""
    rules.current()
    account = factories.account(alias=HOSTILE[:100])
    feed = factories.feed(account=account, error_code=HOSTILE, error_message=HOSTILE)
    factories.query(feed=feed, event_name=HOSTILE[:100])
    record = factories.unreadable_record(feed=feed, text=HOSTILE, reason=HOSTILE, event_name=HOSTILE[:100])
    columns = ("person", "role_name", "user_arn", "cluster", "service", "task_id", "container", "command",
               "source_ip_address", "user_agent", "error_code", "error_message", "ssm_session_id")  # fmt: skip
    now = factories.NOW.now(factories.NOW.tzinfo)
    session = factories.exec_session(
        event=factories.event(account=account, event_name=HOSTILE[:100], raw_text=HOSTILE, event_time=now),
        **dict.fromkeys(columns, HOSTILE),
    )
    finding = factories.finding(
        session=session, rule=HOSTILE, output=HOSTILE, output_fields={HOSTILE: HOSTILE}, tags=[HOSTILE]
    )
    hub = factories.hub_finding(
        finding=finding, state="failed", asff_id=HOSTILE, error_code=HOSTILE, error_message=HOSTILE, failed_at=now,
        drifted_at=now, hub_status=HOSTILE[:12],
    ).hub_region  # fmt: skip
    result = {"name": HOSTILE, "verdict": "missing", "text": HOSTILE}
    HubRegion.objects.update(enabled=True, error_code=HOSTILE, error_message=HOSTILE, test_result=[result])
    api_keys.create(owner=adam, name=HOSTILE[:80], read_only=False, lifetime=timedelta(days=1), now=now)
    action = BulkAction.objects.create(by=adam, change=triage.as_data(triage.Comment(HOSTILE)), failure=HOSTILE)
    for change in (triage.Comment(HOSTILE), triage.Suppress("other", HOSTILE, more=2)):
        triage.apply(finding_ids=[finding.pk], change=change, by=adam, now=now, bulk=action)
    text = f"# {HOSTILE}\n- list: '{HOSTILE}'\n  items: []\n- rule: [a\n".replace("\x1b", "")
    draft = ImportDraft.objects.create(author=adam, files=[[HOSTILE, text], ["b.yaml", text.partition("- rule")[0]]])
    old, version = updated_rule()
    pks = {"session": session.pk, "finding": finding.pk, "record": record.pk, "draft": draft.pk, "event": session.event_id,
           "old_version": old.pk, "version": version.pk, "hub": hub.pk}  # fmt: skip
    match = factories.replay_match(event=session.event, rule=HOSTILE, name=HOSTILE, text=HOSTILE, failure=HOSTILE)
    pks |= {"action": action.pk, "replay": match.replay_id, "match": match.pk, "channel": hostile_channel().pk}
    pks |= {"message": hostile_message(finding).pk} | exception(finding, adam)
    policy = factories.policy(
        HOSTILE, channels=[factories.channel(HOSTILE)], rules=[HOSTILE], tags=[HOSTILE], scope={"region": [HOSTILE]},
        description=HOSTILE, owner=HOSTILE, runbook_url=HOSTILE,
    )  # fmt: skip
    pks |= {"policy": policy.pk}
    return {name: address.format(**pks) for name, address in (SCREENS | ANALYSTS | ADMINISTRATORS | DOWNLOADS).items()}


def exception(finding: Finding, author: User) -> dict[str, int]:
    """An exception, and a look at one, with hostile texts; it hides the finding."""
    term = {"field": HOSTILE, "comparison": "in", "values": [HOSTILE, HOSTILE]}
    columns = dict.fromkeys(("name", "owner", "reason", "why_no_expiry"), HOSTILE[:60])
    made = factories.rule_exception(rule=HOSTILE, terms=[term], made_from=finding.pk, created_by=author, **columns)
    ExceptionLine.objects.create(exception=made, at=made.created_at, by=author, action="made", text=HOSTILE)
    archived = factories.finding(output=HOSTILE, record_state="archived")
    Hidden.objects.create(finding=archived, exception=made)
    look = factories.replay_match(event=finding.event, rule=HOSTILE, change="gone", layer="except", name=HOSTILE)
    return {"exception": made.pk, "look": look.replay_id}


def hostile_channel() -> Channel:
    """A failing channel whose name, templates and answers are hostile."""
    now = factories.NOW.now(factories.NOW.tzinfo)
    # What stands in its form's fields was checked when it was written.
    written = HOSTILE.partition("\u202e")[0]
    channel = factories.channel(
        name=written, settings={"url": written}, title_template=written, body_template=written + "{", failing_since=now,
        failures_in_a_row=9, last_tried_at=now, last_answer_code=HOSTILE[:64], last_answer_text=HOSTILE,
    )  # fmt: skip
    factories.message(channel=channel, purpose="test", state="failed", answer_code=HOSTILE[:64], answer_text=HOSTILE)
    return channel


def hostile_message(finding: Finding) -> Message:
    """A message that failed, and a channel that does."""
    texts = dict.fromkeys(("policy", "answer_text", "sent_title", "sent_body"), HOSTILE)
    to = factories.channel(HOSTILE, failing_since=factories.NOW)
    now = factories.NOW.now(factories.NOW.tzinfo)
    message = factories.message(channel=to, state="failed", answer_code=HOSTILE[:60], **texts)
    factories.delivery(finding=finding, channel=to, message=message, policy=HOSTILE, created_at=now)
    factories.delivery(finding=finding, channel=factories.channel(), not_sent=HOSTILE, policy=HOSTILE, created_at=now)
    Attempt.objects.create(
        message=message, at=now, owner="x", outcome="refused", code=HOSTILE[:60], text=HOSTILE, asked_by=None
    )
    return message


def updated_rule() -> tuple[Version, Version]:
    """Two shipped versions of a rule, the older of them customised, with hostile texts."""
    text = f"- rule: Updated\n  desc: {json.dumps(HOSTILE)}\n"
    fields = {"kind": "rule", "name": "Updated", "message": HOSTILE}
    old = Version.objects.create(**fields, layer=Layer.SHIPPED, number=1, text=text, is_current=False)
    new = Version.objects.create(
        **fields, layer=Layer.SHIPPED, number=2, text=text + f"  output: {json.dumps(HOSTILE)}\n"
    )
    Version.objects.create(**fields, layer=Layer.OVERLAY, number=3, text=text, based_on=old)
    return old, new


def test_every_address_is_tried_here() -> None:
    names = {pattern.name for pattern in urlpatterns if isinstance(pattern, URLPattern)}
    assert names == SCREENS.keys() | ANALYSTS.keys() | ADMINISTRATORS.keys() | DOWNLOADS.keys() | ACTIONS


@pytest.mark.parametrize("name", sorted((SCREENS | ANALYSTS | ADMINISTRATORS | DOWNLOADS).keys() - {"login"}))
def test_a_stranger_is_sent_to_the_log_in(client: Client, addresses: dict[str, str], name: str) -> None:
    answer = client.get(addresses[name])
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/login/?next={quote(addresses[name])}")


@pytest.mark.parametrize("name", sorted((SCREENS | DOWNLOADS).keys() - {"login"}))
def test_vera_may_look(as_vera: Client, addresses: dict[str, str], name: str) -> None:
    assert as_vera.get(addresses[name]).status_code == 200


@pytest.mark.parametrize("name", sorted(ANALYSTS))
def test_what_is_for_analysts_is_not_for_vera(
    as_vera: Client, as_adam: Client, addresses: dict[str, str], name: str
) -> None:
    assert as_vera.get(addresses[name]).status_code == 403
    assert as_adam.get(addresses[name]).status_code == 200


@pytest.mark.parametrize("name", sorted(ADMINISTRATORS))
def test_what_is_for_administrators_is_not_for_ann(
    as_ann: Client, as_adam: Client, addresses: dict[str, str], name: str
) -> None:
    assert as_ann.get(addresses[name]).status_code == 403
    assert as_adam.get(addresses[name]).status_code == 200


@pytest.mark.parametrize("name", sorted(SCREENS | ANALYSTS | ADMINISTRATORS | DOWNLOADS))
def test_a_strict_policy_goes_with_every_page(
    as_adam: Client, client: Client, addresses: dict[str, str], name: str
) -> None:
    answer = (client if name == "login" else as_adam).get(addresses[name])
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("name", sorted(SCREENS | ANALYSTS | ADMINISTRATORS))
def test_nothing_in_a_page_could_run(as_adam: Client, client: Client, addresses: dict[str, str], name: str) -> None:
    answer = (client if name == "login" else as_adam).get(addresses[name])
    parser = Inert()
    parser.feed(answer.content.decode())
    assert parser.found == []


@pytest.mark.parametrize("name", sorted(SCREENS | ANALYSTS | ADMINISTRATORS))
def test_no_page_holds_an_invisible_character(as_adam: Client, addresses: dict[str, str], name: str) -> None:
    text = as_adam.get(addresses[name]).content.decode()
    assert "\u202e" not in text
    assert "\x1b" not in text


def test_a_page_that_is_not_there_says_so(as_vera: Client) -> None:
    answer = as_vera.get("/nowhere/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_a_failure_has_a_page_that_needs_neither_database_nor_person(
    as_vera: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("ecsaudit.web.views.collection.render")
    as_vera.raise_request_exception = False
    answer = as_vera.get("/collection/")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.content.decode()
    assert "NameError" not in answer.content.decode()


@override_settings(ALLOWED_HOSTS=["ecsaudit.example"])
def test_a_host_that_is_not_ours_gets_the_page_for_bad_requests(client: Client) -> None:
    answer = client.get("/login/")
    assert answer.status_code == 400
    assert "That request can't be understood" in answer.content.decode()
