import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import OperationalError, connection, transaction
from pytest_django import Settings

from ecsaudit.notifications import managing, sealing, sending, services
from ecsaudit.notifications.answer import Answer, Outcome
from ecsaudit.notifications.models import Attempt, Channel, Delivery, Message, Throttle
from ecsaudit.notifications.sending import recover
from ecsaudit.notifications.texts import Text
from ecsaudit.people.models import User
from tests import factories
from tests.notifications.other_sides import http_side, raw_side, request_of
from tests.processes import wait_until

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("this_machine_is_allowed")]
SECRETS = {"secret": "a signing secret for tests"}


@pytest.fixture(autouse=True)
def own_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.ENCRYPTION_KEYS = tmp_path, ()


def make(**fields: Any) -> Channel:
    given = {"channel": None, "kind": "webhook", "name": "Hook", "settings": {"url": "https://x/"}, "secrets": SECRETS}
    return managing.save(**given | fields)


def test_secrets_are_sealed_and_stay_when_none_is_given() -> None:
    channel = make()
    assert "signing" not in channel.sealed_secrets + str(channel.settings)
    changed = make(channel=channel, name="Renamed", settings={"url": "https://y/"}, secrets={})
    channel.refresh_from_db()
    assert (changed.pk, channel.name, channel.settings) == (channel.pk, "Renamed", {"url": "https://y/"})
    assert sealing.unseal(channel.sealed_secrets) == SECRETS


def test_secrets_that_can_not_be_opened_are_replaced_when_all_are_entered_again(settings: Settings) -> None:
    channel = make()
    settings.ENCRYPTION_KEYS = (Fernet.generate_key().decode(),)
    make(channel=channel, secrets={"secret": "another signing secret"})
    channel.refresh_from_db()
    assert sealing.unseal(channel.sealed_secrets) == {"secret": "another signing secret"}


def test_a_change_leaves_the_channel_s_health_alone() -> None:
    channel = make()
    Channel.objects.update(failures_in_a_row=4, last_answer_code="500")
    make(channel=channel, name="Renamed", secrets={})
    managing.switch(channel=channel, enabled=False)
    managing.save_texts(channel=channel, title_template="t", body_template="b")
    found = Channel.objects.get()
    assert (found.failures_in_a_row, found.last_answer_code, found.enabled) == (4, "500", False)


def test_a_test_is_sent_at_once_and_leaves_a_message_with_its_answer(adam: User) -> None:
    with http_side(body=b"thank you") as side:
        channel = make(settings={"url": side.url()})
        managing.send_test(channel=channel, by=adam, now=factories.NOW)
    message = Message.objects.get()
    assert (message.purpose, message.state, message.answer_code, message.answer_text) == (
        "test",
        "sent",
        "200",
        "thank you",
    )
    assert (message.asked_by, message.findings_noted, message.lease_expires_at) == (adam, True, None)
    assert side.got[0].json["is_test"] is True
    assert side.got[0].headers["Idempotency-Key"] == message.key
    assert message.sent_title == side.got[0].json["text"]["title"]
    (attempt,) = message.tries.all()
    assert (attempt.outcome, attempt.code, attempt.asked_by) == ("accepted", "200", adam)


def test_an_accepted_test_ends_a_failure(adam: User) -> None:
    with http_side() as side:
        channel = make(settings={"url": side.url()})
        Channel.objects.update(failures_in_a_row=9, failing_since=factories.NOW, next_attempt_at=factories.NOW)
        managing.send_test(channel=channel, by=adam, now=factories.NOW)
    found = Channel.objects.get()
    assert (found.failures_in_a_row, found.failing_since, found.next_attempt_at) == (0, None, None)
    assert found.last_accepted_at == found.tested_at == found.last_tried_at


@pytest.mark.parametrize(("status", "state"), [(500, "failed"), (429, "failed"), (400, "failed"), (302, "failed")])
def test_a_refused_test_shows_what_was_said(adam: User, status: int, state: str) -> None:
    with http_side(status=status, body=b"not now") as side:
        channel = make(settings={"url": side.url()})
        managing.send_test(channel=channel, by=adam, now=factories.NOW)
    message = Message.objects.get()
    assert (message.state, message.answer_code, message.accepted_at) == (state, str(status), None)
    found = Channel.objects.get()
    assert (found.last_answer_code, found.last_accepted_at, found.failures_in_a_row) == (str(status), None, 0)


def test_a_test_whose_answer_is_lost_is_uncertain(adam: User) -> None:
    with raw_side(lambda connection: request_of(connection) and None) as address:
        managing.send_test(channel=make(settings={"url": address}), by=adam, now=factories.NOW)
    message = Message.objects.get()
    assert (message.state, message.answer_code) == ("uncertain", "closed")


def test_the_row_says_calling_while_the_other_side_is_called(adam: User) -> None:
    states: list[str] = []

    def act(connection: Any) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with raw_side(act) as address:
        channel = make(settings={"url": address})
        kind_send = managing.CHANNELS["webhook"].send

        def watched(*args: Any) -> Any:
            states.append(Message.objects.get().state)
            *rest, before_call = args

            def before() -> None:
                before_call()
                states.append(Message.objects.get().state)

            return kind_send(*rest, before)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(managing.CHANNELS["webhook"], "send", watched)
            managing.send_test(channel=channel, by=adam, now=factories.NOW)
    assert [*states, Message.objects.get().state] == ["claimed", "calling", "sent"]


def test_a_test_that_a_worker_took_over_is_not_sent(adam: User) -> None:
    def take_over(connection: Any) -> None:
        got.append(connection.recv(1))

    got: list[bytes] = []
    with raw_side(take_over) as address, pytest.MonkeyPatch.context() as patch:
        channel = make(settings={"url": address})
        # Before the call is made, the lease runs out and a worker takes the row.
        patch.setattr(managing, "TEST_LEASE", -managing.TEST_LEASE)
        send = managing.CHANNELS["webhook"].send

        def late(*args: Any) -> Any:
            recover(channel, factories.NOW)
            return send(*args)

        patch.setattr(managing.CHANNELS["webhook"], "send", late)
        with pytest.raises(managing.TestTakenAway):
            managing.send_test(channel=channel, by=adam, now=factories.NOW)
    assert got in ([], [b""])


@pytest.mark.parametrize(("is_called", "state"), [(False, "failed"), (True, "uncertain")])
def test_an_error_of_our_own_is_told_as_the_answer_and_logged(
    adam: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, is_called: bool, state: str
) -> None:
    def fail(settings: Any, secrets: Any, notice: Any, text: Any, before_call: Any) -> Answer:
        if is_called:
            before_call()
        raise KeyError("region")

    monkeypatch.setattr(managing.CHANNELS["webhook"], "deliver", fail)
    managing.send_test(channel=make(), by=adam, now=factories.NOW)
    message = Message.objects.get()
    assert (message.state, message.answer_code, message.lease_expires_at) == (state, "KeyError", None)
    assert message.answer_text == "an error in ecsaudit; the web server's log has it"
    assert "KeyError: 'region'" in caplog.text


def test_without_the_key_a_test_says_so_and_nothing_is_called(adam: User, settings: Settings) -> None:
    with http_side() as side:
        channel = make(settings={"url": side.url()})
        settings.ENCRYPTION_KEYS = (Fernet.generate_key().decode(),)
        managing.send_test(channel=channel, by=adam, now=factories.NOW)
        assert side.got == []
    message = Message.objects.get()
    assert (message.state, message.answer_code) == ("failed", "secrets")
    assert "put that key back" in message.answer_text


def test_a_channel_takes_what_is_known_of_its_messages_with_it() -> None:
    channel = make()
    finding = factories.finding()
    message = factories.message(channel=channel, findings=[finding])
    window = Throttle.objects.create(
        channel=channel, digest="d", length=factories.timedelta(hours=1), until_at=factories.NOW, first_message=message
    )
    factories.delivery(finding=factories.finding(), channel=channel, throttle=window, held_until=factories.NOW)
    managing.delete(channel=channel)
    assert (Channel.objects.count(), Message.objects.count(), Delivery.objects.count()) == (0, 0, 0)


def test_a_channel_of_which_much_is_known_is_deleted_page_by_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(managing, "PAGE", 2)
    channel, other = make(), make(name="Other")
    kept = factories.message(channel=other, findings=[factories.finding()])
    for number in range(5):
        message = factories.message(channel=channel, findings=[factories.finding()])
        Attempt.objects.create(message=message, at=factories.NOW, owner="x")
        window = Throttle.objects.create(
            channel=channel, digest=str(number), length=factories.timedelta(hours=1), until_at=factories.NOW
        )
        factories.delivery(finding=factories.finding(), channel=channel, throttle=window, held_until=factories.NOW)
    managing.delete(channel=channel)
    assert (Channel.objects.get(), Message.objects.get(), Delivery.objects.count()) == (other, kept, 1)
    assert (Throttle.objects.count(), Attempt.objects.count()) == (0, 0)


def test_a_worker_whose_channel_is_deleted_in_the_middle_of_a_call_ends_quietly() -> None:
    channel = make(settings={"url": "http://127.0.0.1:9/hook"})
    message = factories.message(channel=channel, findings=[factories.finding()])
    turn = sending.take(channel.pk, factories.NOW)
    assert turn is not None
    managing.delete(channel=channel)
    sending.note(sending.Call(turn, message, Text("t", "b")), Answer(Outcome.UNSENT, "no connection"))
    assert not Attempt.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks no rows")
def test_a_channel_is_deleted_while_messages_are_written_down_for_it() -> None:
    """Who writes them down holds a window and comes for the channel last; who deletes must not hold it and wait."""
    channel = make()
    routings = [
        factories.routing(factories.finding(), channel, throttle=factories.timedelta(hours=1), throttle_key="k")
        for _ in range(3)
    ]
    services.enqueue(routings[:2], factories.NOW)
    failed: list[Exception] = []

    def delete() -> None:
        try:
            managing.delete(channel=channel)
        except OperationalError as error:
            failed.append(error)
        finally:
            connection.close()

    deleting = threading.Thread(target=delete)
    with transaction.atomic():
        list(Throttle.objects.select_for_update())
        deleting.start()
        wait_until(somebody_waits_for_a_lock, seconds=10, what="the deletion to reach the window")
        services.enqueue(routings[2:], factories.NOW)
    deleting.join()
    assert failed == []
    assert (Channel.objects.count(), Delivery.objects.count(), Throttle.objects.count()) == (0, 0, 0)


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
