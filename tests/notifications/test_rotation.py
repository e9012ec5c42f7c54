import threading
from io import StringIO
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django import Settings

from ecsaudit.notifications import rotation, sealing
from ecsaudit.notifications.models import Channel
from tests import factories

pytestmark = pytest.mark.django_db
SECRETS = {"secret": "a signing secret"}


@pytest.fixture(autouse=True)
def own_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.ENCRYPTION_KEYS = tmp_path, ()


def rotate() -> str:
    out = StringIO()
    call_command("rotate_encryption_key", stdout=out)
    return out.getvalue()


def test_a_new_key_seals_everything_anew_and_the_old_one_goes_with_the_next(tmp_path: Path) -> None:
    channel = factories.channel(sealed_secrets=sealing.seal(SECRETS))
    factories.channel(name="Without secrets")
    before, (first,) = channel.sealed_secrets, sealing.keys()
    assert "channels sealed anew: 1\n" in rotate()
    channel.refresh_from_db()
    second, kept = sealing.keys()
    assert (kept, channel.sealed_secrets != before) == (first, True)
    (tmp_path / "encryption_keys").write_text(second)
    assert sealing.unseal(channel.sealed_secrets) == SECRETS
    rotate()
    _, kept = sealing.keys()
    assert kept == second


def test_keys_of_the_environment_are_used_in_their_order(settings: Settings) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = (old,)
    channel = factories.channel(sealed_secrets=sealing.seal(SECRETS))
    settings.ENCRYPTION_KEYS = (new, old)
    assert "the others can be taken out" in rotate()
    settings.ENCRYPTION_KEYS = (new,)
    channel.refresh_from_db()
    assert sealing.unseal(channel.sealed_secrets) == SECRETS


def test_with_a_missing_key_nothing_changes_and_the_channel_is_named(settings: Settings) -> None:
    good = factories.channel(name="A good one", sealed_secrets=sealing.seal(SECRETS))
    factories.channel(name="Another", sealed_secrets="gAAAAA")
    with pytest.raises(CommandError, match="channel 'Another': sealed with a key that is not in"):
        rotate()
    assert Channel.objects.get(pk=good.pk).sealed_secrets == good.sealed_secrets
    assert sealing.unseal(good.sealed_secrets) == SECRETS


@pytest.mark.django_db(transaction=True)
def test_two_rotations_at_once_lose_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = factories.channel(sealed_secrets=sealing.seal(SECRETS))

    def second() -> None:
        try:
            rotate()
        finally:
            connection.close()

    other, seal_all_anew = threading.Thread(target=second), rotation.seal_all_anew

    def interrupted() -> int:
        """In the middle of the first one the second begins, and ends if nothing keeps it from it."""
        monkeypatch.setattr(rotation, "seal_all_anew", seal_all_anew)
        other.start()
        other.join(timeout=0.5)
        return seal_all_anew()

    monkeypatch.setattr(rotation, "seal_all_anew", interrupted)
    rotate()
    other.join()
    channel.refresh_from_db()
    assert sealing.unseal(channel.sealed_secrets) == SECRETS


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks no rows")
def test_messages_are_written_down_during_a_rotation() -> None:
    channel = factories.channel(sealed_secrets=sealing.seal(SECRETS))

    def write() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '1s'")
            factories.message(channel=channel)
        finally:
            connection.close()

    with transaction.atomic():
        assert rotation.seal_all_anew() == 1
        other = threading.Thread(target=write)
        other.start()
        other.join()
    assert channel.messages.count() == 1
