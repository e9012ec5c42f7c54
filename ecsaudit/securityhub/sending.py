"""What Security Hub wasn't told yet, batch by batch: built, checked, sent where it changed, and noted.

The order in a batch: the newest UpdatedAt that may leave is written down; the findings are imported; what Security Hub
answered is noted; workflow statuses that changed here follow; the findings are told, unless they changed in the meantime.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from ecsaudit.findings.models import Activity, CloseReason, Finding
from ecsaudit.securityhub.asff import Json, asff, digest, note
from ecsaudit.securityhub.check import LARGEST_BATCH, MOST_FINDINGS, check, size
from ecsaudit.securityhub.client import BatchRefused, Failures, SecurityHub
from ecsaudit.securityhub.facts import facts_of
from ecsaudit.securityhub.lease import Turn
from ecsaudit.securityhub.models import HubFinding, SentState
from ecsaudit.securityhub.rate import IMPORT, UPDATE

# Rows that are looked at for one batch; those left out are done with at once.
LOOK = 500
MARK_PAGE = 500
# A finding that Security Hub refused is tried again after this, doubled each time; then it waits for a person.
FIRST_RETRY = timedelta(minutes=1)
MOST_TRIES = 5
TICK = timedelta(milliseconds=1)
NEW = "NEW"
# Security Hub itself makes these NEW when an archived finding becomes active again.
RESET_ON_RETURN = ("NOTIFIED", "RESOLVED")
IN_THE_CHECK = "FailedCheck"
NOTED = ("state", "asff_id", "digest", "revision", "record_state", "sent_at", "told_status", "told_at", "hub_status",
         "drifted_at", "answered", "attempts", "next_attempt_at", "failed_at", "error_code", "error_message")  # fmt: skip


@dataclass(slots=True)
class Draft:
    """A finding as it was read, with what Security Hub is to be told. `revision` and `asked` say if that is still so."""

    finding: Finding
    row: HubFinding
    asff: Json
    digest: str
    revision: int
    asked: int
    failed: bool = False

    @property
    def id(self) -> str:
        found: str = self.asff["Id"]
        return found

    @property
    def status(self) -> str:
        """ASFF's spelling of the workflow status."""
        return self.finding.workflow_status.upper()

    @property
    def is_unchanged(self) -> bool:
        return self.row.digest == self.digest and not self.row.is_forced

    def sent(self, now: datetime) -> None:
        """Note, in memory, that Security Hub took it."""
        row = self.row
        returns = row.record_state == "ARCHIVED" and self.asff["RecordState"] == "ACTIVE"
        if not row.told_status or (returns and row.hub_status in RESET_ON_RETURN):
            row.told_status = row.hub_status = NEW
        row.state, row.digest, row.revision, row.sent_at = SentState.SENT, self.digest, self.revision, now
        row.asff_id, row.record_state = self.id, self.asff["RecordState"]
        self.settle()

    def settle(self) -> None:
        row = self.row
        row.attempts, row.next_attempt_at, row.failed_at, row.error_code, row.error_message = 0, None, None, "", ""

    def fail(self, code: str, message: str, now: datetime, *, for_good: bool = False) -> None:
        row = self.row
        self.failed = True
        row.attempts = 1 if row.is_forced else row.attempts + 1
        row.answered = self.asked
        row.failed_at, row.error_code, row.error_message = now, code[:128], message[:2000]
        if for_good or row.attempts >= MOST_TRIES:
            row.state, row.next_attempt_at = SentState.FAILED, None
        else:
            row.state = SentState.RETRYING
            row.next_attempt_at = now + FIRST_RETRY * 2 ** (row.attempts - 1)

    def told(self) -> None:
        """Note, in memory, that Security Hub has the finding's workflow status."""
        self.row.told_status = self.row.hub_status = self.status
        self.row.drifted_at = None


def mark_chosen(turn: Turn) -> bool:
    """Mark a page of the findings from before that were chosen when it was switched on; returns whether there was work."""
    row = turn.row
    if row.mark_from is None:
        return False
    chosen = Finding.objects.open().filter(
        account=row.account_id, region=row.region, event_time__gte=row.mark_from, pk__lte=row.after_finding
    )
    if row.mark_time is not None:
        chosen = chosen.filter(
            Q(event_time__lt=row.mark_time) | Q(event_time=row.mark_time, pk__lt=row.mark_id),
            event_time__lte=row.mark_time,
        )
    page = list(chosen.order_by("-event_time", "-pk").values_list("event_time", "pk")[:MARK_PAGE])
    if len(page) < MARK_PAGE:
        row.mark_from = row.mark_time = row.mark_id = None
    else:
        row.mark_time, row.mark_id = page[-1]
    ids = [pk for _, pk in page]
    with transaction.atomic():
        turn.renew(mark_from=row.mark_from, mark_time=row.mark_time, mark_id=row.mark_id)
        lock(ids)
        Finding.objects.filter(pk__in=ids).update(hub_is_stale=True)
        HubFinding.objects.bulk_create((HubFinding(finding_id=pk, hub_region=row) for pk in ids), ignore_conflicts=True)
    return True


def lock(finding_ids: Sequence[int]) -> dict[int, int]:
    """Lock these findings, in one order for everybody; returns id → revision."""
    rows = Finding.objects.select_for_update(no_key=True).filter(pk__in=finding_ids).order_by("pk")
    return dict(rows.values_list("pk", "revision"))


def send_batch(turn: Turn, hub: SecurityHub) -> bool:
    """Tell Security Hub about at most 100 findings, newest first; returns whether there was work."""
    left_out, wanted = look(turn)
    if left_out:
        leave_out(turn, left_out)
    if not wanted:
        return bool(left_out)
    drafts = prepare(turn, wanted)
    for batch in batches([draft for draft in drafts if not draft.failed and not draft.is_unchanged]):
        failures = import_batch(turn, hub, batch)
        note_import(turn, batch, failures)
    tell_statuses(turn, hub, [draft for draft in drafts if not draft.failed])
    finish(turn, drafts)
    return True


def look(turn: Turn) -> tuple[dict[int, int], list[int]]:
    """Those to leave out (id → revision), and the ids of those to send: changed ones, then those to try again."""
    row = turn.row
    stale = Finding.objects.filter(account=row.account_id, region=row.region, hub_is_stale=True)
    left_out: dict[int, int] = {}
    wanted: list[int] = []
    for pk, revision, hub_id in stale.order_by("-pk").values_list("pk", "revision", "hub__pk")[:LOOK]:
        if pk <= row.after_finding and hub_id is None:
            left_out[pk] = revision
        else:
            wanted.append(pk)
    due = HubFinding.objects.filter(
        hub_region=row, state=SentState.RETRYING, next_attempt_at__lte=turn.clock.now()
    ).order_by("next_attempt_at")
    again = due.values_list("finding_id", flat=True)[:MOST_FINDINGS]
    return left_out, list(dict.fromkeys([*wanted[:MOST_FINDINGS], *again]))[:MOST_FINDINGS]


def leave_out(turn: Turn, revisions: dict[int, int]) -> None:
    with transaction.atomic():
        turn.renew()
        now = lock(list(revisions))
        same = [pk for pk, revision in revisions.items() if now.get(pk) == revision]
        # Somebody may have chosen it in the meantime.
        Finding.objects.filter(pk__in=same, hub__isnull=True).update(hub_is_stale=False)


def prepare(turn: Turn, finding_ids: Sequence[int]) -> list[Draft]:
    """Build and check; write down the UpdatedAt of what will leave, and what the check found wrong."""
    row, now = turn.row, turn.clock.now()
    findings = Finding.objects.filter(pk__in=finding_ids).select_related(
        "account", "event", "event__body", "session", "tag_set"
    )
    present = HubFinding.objects.in_bulk(finding_ids, field_name="finding_id")
    drafts, made = [], []
    for finding in findings.order_by("pk"):
        told = present.get(finding.pk)
        if told is None:
            told = HubFinding(finding=finding, hub_region=row)
            made.append(told)
        drafts.append(draft_of(finding, told))
    leaving = [draft for draft in drafts if not draft.is_unchanged]
    for draft in leaving:
        if problems := check(draft.asff):
            draft.fail(IN_THE_CHECK, "; ".join(problems[:5]), now, for_good=True)
    stored = [draft.row for draft in leaving if draft.row.pk is not None]
    with transaction.atomic():
        turn.renew()
        HubFinding.objects.bulk_create(made)
        note_rows(stored, "updated_at")
    return drafts


def draft_of(finding: Finding, row: HubFinding) -> Draft:
    """The finding as it is now. What is sent gets an UpdatedAt that is newer than any before, to the millisecond."""
    facts = facts_of(finding, base_url())
    updated_at = max(finding.updated_at, facts.created_at)
    if row.updated_at is not None:
        updated_at = max(updated_at, row.updated_at + TICK)
    built = asff(facts, updated_at)
    draft = Draft(finding, row, built, digest(built), finding.revision, row.asked)
    if not draft.is_unchanged:
        row.updated_at = datetime.fromisoformat(built["UpdatedAt"])
    return draft


def base_url() -> str:
    """Where people reach this installation; empty where nobody set it, because a link to localhost helps no reader."""
    url: str = settings.PUBLIC_URL
    return "" if urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1") else url


def batches(drafts: Sequence[Draft]) -> Iterator[list[Draft]]:
    """In calls of at most 100 findings and 6 MB."""
    batch: list[Draft] = []
    bytes_ = 1_000
    for draft in drafts:
        more = size(draft.asff) + 2
        if batch and (len(batch) == MOST_FINDINGS or bytes_ + more > LARGEST_BATCH):
            yield batch
            batch, bytes_ = [], 1_000
        batch.append(draft)
        bytes_ += more
    if batch:
        yield batch


def import_batch(turn: Turn, hub: SecurityHub, batch: Sequence[Draft]) -> Failures:
    """Import; a batch that is refused as a whole is halved until the finding that is wrong stands alone."""
    turn.pace(IMPORT)
    try:
        return hub.import_findings([draft.asff for draft in batch])
    except BatchRefused as refused:
        if len(batch) == 1:
            return {batch[0].id: (refused.code, refused.message)}
    middle = len(batch) // 2
    return import_batch(turn, hub, batch[:middle]) | import_batch(turn, hub, batch[middle:])


def note_import(turn: Turn, batch: Sequence[Draft], failures: Failures) -> None:
    now = turn.clock.now()
    for draft in batch:
        if draft.id in failures:
            # So that it is sent again, even if a person had sent again what was unchanged.
            draft.row.digest = ""
            draft.fail(*failures[draft.id], now)
        else:
            draft.sent(now)
    taken = len(batch) - len(failures)
    with transaction.atomic():
        turn.row.imported += taken
        turn.renew(imported=turn.row.imported, last_import_at=now)
        note_rows([draft.row for draft in batch])


def note_rows(rows: Sequence[HubFinding], *more: str) -> None:
    """Write down what is noted on these rows; an upsert, because bulk_update takes ten times as long."""
    HubFinding.objects.bulk_create(rows, update_conflicts=True, update_fields=[*NOTED, *more], unique_fields=["id"])


def tell_statuses(turn: Turn, hub: SecurityHub, drafts: Sequence[Draft]) -> None:
    """Send the statuses that changed here; one that somebody changed in Security Hub stays, as a difference to settle."""
    now = turn.clock.now()
    changed = []
    for draft in drafts:
        if draft.status == draft.row.hub_status:
            draft.told()
        elif draft.status == draft.row.told_status and not draft.row.is_forced:
            draft.row.drifted_at = draft.row.drifted_at or now
        else:
            changed.append(draft)
    for (status, text), alike in alike_of(changed).items():
        try:
            turn.pace(UPDATE)
            failures = hub.set_status([draft.id for draft in alike], status, json.loads(text))
        except BatchRefused as refused:
            failures = {draft.id: (refused.code, refused.message) for draft in alike}
        note_statuses(turn, alike, failures)


def alike_of(drafts: Sequence[Draft]) -> dict[tuple[str, str], list[Draft]]:
    """Drafts by their status and note (as JSON): those that one call can tell."""
    notes = notes_of([draft.finding for draft in drafts])
    found: defaultdict[tuple[str, str], list[Draft]] = defaultdict(list)
    for draft in drafts:
        found[draft.status, json.dumps(notes[draft.finding.pk])].append(draft)
    return found


def notes_of(findings: Sequence[Finding]) -> dict[int, Json]:
    """By the finding's id: who gave it the workflow status that it has, and why."""
    lines: dict[int, Activity] = {}
    for line in Activity.objects.filter(finding__in=findings).select_related("by").order_by("pk"):
        if "workflow_status" in line.after:
            lines[line.finding_id] = line
    notes = {}
    for finding in findings:
        last = lines.get(finding.pk)
        reason = CloseReason(finding.close_reason).label if finding.close_reason else ""
        text = ": ".join(filter(None, (reason, last.text if last else "")))
        notes[finding.pk] = note(text, last.by.username if last and last.by else "")
    return notes


def note_statuses(turn: Turn, drafts: Sequence[Draft], failures: Failures) -> None:
    now = turn.clock.now()
    for draft in drafts:
        if draft.id in failures:
            code, message = failures[draft.id]
            # Security Hub forgets a finding 90 days after its last update; then it is imported anew.
            if code == "FindingNotFound":
                draft.row.digest = draft.row.told_status = draft.row.hub_status = ""
            draft.fail(code, message, now)
        else:
            draft.told()
            draft.row.told_at = now
    with transaction.atomic():
        turn.renew()
        note_rows([draft.row for draft in drafts])


def finish(turn: Turn, drafts: Sequence[Draft]) -> None:
    """The findings are told, or wait for their next try: unless they changed, or a person asked again, in the meantime."""
    for draft in drafts:
        draft.row.answered = draft.asked
        if not draft.failed:
            draft.row.state = SentState.SENT
            draft.settle()
    with transaction.atomic():
        turn.renew()
        revisions = lock([draft.finding.pk for draft in drafts])
        asked = dict(HubFinding.objects.filter(pk__in=[draft.row.pk for draft in drafts]).values_list("pk", "asked"))
        same = [
            draft.finding.pk
            for draft in drafts
            if revisions.get(draft.finding.pk) == draft.revision and asked.get(draft.row.pk) == draft.asked
        ]
        note_rows([draft.row for draft in drafts])
        Finding.objects.filter(pk__in=same).update(hub_is_stale=False)
