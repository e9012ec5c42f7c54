"""One worker at a time for each account × Region: send what Security Hub wasn't told yet, then read back its statuses.

A turn may end at any line. What was sent is noted after each call; a call whose answer was lost is made again, which
changes nothing: Security Hub keeps one finding for each Id, and every UpdatedAt is newer than the one before.
"""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from threading import Event as StopEvent

from django.db.models import F

from ecsaudit.securityhub import reading, sending
from ecsaudit.securityhub.client import BatchRefused, HubTrouble, SecurityHub
from ecsaudit.securityhub.lease import Clock, Turn, TurnLost, take
from ecsaudit.securityhub.models import HubState

logger = logging.getLogger(__name__)
# A turn ends after this, so that no busy account keeps the others waiting; it goes on when the next tick finds a worker.
TURN = timedelta(seconds=60)
# After a failure the next try waits this long, doubled for each further one, up to the longest.
FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=10)
# So many turns in a row may end without a result, because their workers were killed.
MOST_ATTEMPTS = 5


def run(hub_region_id: int, stop: StopEvent, clock: Clock | None = None) -> None:
    """Take a turn. Does nothing when it isn't due or somebody holds it."""
    turn = take(hub_region_id, clock or Clock())
    if turn is None:
        return
    if turn.row.attempts > MOST_ATTEMPTS:
        return note_trouble(
            turn,
            HubTrouble(HubState.FAILING, "WorkersKilled", "every worker that took it was killed; it is tried again"),
        )
    try:
        go_on(turn, stop)
    except HubTrouble as trouble:
        note_trouble(turn, trouble)
    except TurnLost as lost:
        logger.info("turn ended", extra={"reason": str(lost)})
        turn.release()
    except Exception as error:
        # Whatever it is, the screen must show that this one stands still, and it must not be tried without a pause.
        note_trouble(turn, HubTrouble(HubState.FAILING, type(error).__name__, str(error)))
        raise


def go_on(turn: Turn, stop: StopEvent) -> None:
    """Send, mark and read until nothing is left or the time is up. What can't be read doesn't keep anything from being sent."""
    hub = SecurityHub(turn.row.account, turn.row.region)
    until = turn.clock.now() + TURN
    turn.renew(state=HubState.SENDING)
    working, unread = True, None
    while working and not stop.is_set() and turn.clock.now() < until:
        working = any([sending.mark_chosen(turn), sending.send_batch(turn, hub)])
        try:
            working = read_page(turn, hub) or working
        except HubTrouble as trouble:
            unread = trouble
            reading.put_off(turn)
        turn.row.failures_in_a_row = 0
        turn.renew(attempts=0)
    if unread is not None:
        raise unread
    note_success(turn)


def read_page(turn: Turn, hub: SecurityHub) -> bool:
    """Read a page of statuses when it is time; a page token that is refused means: from the first page again."""
    try:
        return reading.read_page(turn, hub)
    except BatchRefused as refused:
        turn.row.read_token = ""
        turn.renew(read_token="")
        raise HubTrouble(HubState.FAILING, refused.code, refused.message) from refused


def note_success(turn: Turn) -> None:
    turn.release(
        state=HubState.WAITING, next_attempt_at=turn.clock.now(), failures_in_a_row=0, error_code="", error_message=""
    )


def note_trouble(turn: Turn, trouble: HubTrouble) -> None:
    """Give it back until later: what was to be sent still is, and the screen says what is wrong."""
    row = turn.row
    wait = min(FIRST_WAIT * 2 ** min(row.failures_in_a_row, 16), LONGEST_WAIT)
    counted = "throttles" if trouble.state == HubState.THROTTLED else "errors"
    turn.release(
        state=trouble.state,
        error_code=trouble.code[:128],
        error_message=trouble.message,
        failures_in_a_row=row.failures_in_a_row + 1,
        # Jitter, so that Regions that failed together don't come back together.
        next_attempt_at=turn.clock.now() + wait * random.uniform(0.75, 1.25),
        tokens=0.0,
        **{counted: F(counted) + 1},
    )
    logger.warning(
        "telling Security Hub failed",
        extra={
            "account": row.account.account_id,
            "region": row.region,
            "code": trouble.code,
            "wait_seconds": wait.seconds,
        },
    )
