from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ecsaudit.people import api_keys
from ecsaudit.people.models import ApiKey, User

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def create(owner: User, name: str = "report") -> tuple[ApiKey, str]:
    return api_keys.create(owner=owner, name=name, read_only=True, lifetime=DAY, now=NOW)


def test_a_secret_is_kept_only_as_its_hash(ann: User) -> None:
    key, secret = create(ann)
    assert secret.startswith("ecsaudit_")
    # 256 bits in base64
    assert len(secret) == len("ecsaudit_") + 43
    assert secret.startswith(key.prefix)
    assert len(key.prefix) == 15
    assert not any(secret in str(value) for value in ApiKey.objects.values().get().values())
    assert ApiKey.objects.of_secret(secret).get() == key
    assert create(ann)[1] != secret


def test_a_key_is_in_force_until_it_expires_is_revoked_or_its_owner_is_gone(ann: User, adam: User) -> None:
    key, _ = create(ann)
    keys = ApiKey.objects.all()

    def is_in_force(now: datetime = NOW) -> bool:
        assert keys.in_force(now).exists() != keys.ended(now).exists()
        return keys.in_force(now).exists()

    assert is_in_force()
    assert not is_in_force(NOW + DAY)
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert not is_in_force()
    User.objects.filter(pk=ann.pk).update(is_active=True)
    assert api_keys.revoke(key=key, by=adam, now=NOW)
    assert not is_in_force()
    key.refresh_from_db()
    assert (key.revoked_at, key.revoked_by) == (NOW, adam)
    # Once; who did it first stands.
    assert not api_keys.revoke(key=key, by=ann, now=NOW + DAY)
    key.refresh_from_db()
    assert (key.revoked_at, key.revoked_by) == (NOW, adam)


def test_making_and_revoking_stand_in_the_log_without_the_secret(
    ann: User, adam: User, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        key, secret = create(ann)
        api_keys.revoke(key=key, by=adam, now=NOW)
    lines = [(record.message, record.owner, getattr(record, "by", "")) for record in caplog.records]
    assert lines == [("API key made", "ann", ""), ("API key revoked", "ann", "adam")]
    assert not any(secret in str(record.__dict__) for record in caplog.records)


def test_nobody_has_more_keys_in_force_than_so_many(ann: User, adam: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "MOST_IN_FORCE", 2)
    key, _ = create(ann)
    create(ann)
    with pytest.raises(api_keys.TooManyKeys, match="you have 2 keys in force; revoke one"):
        create(ann)
    create(adam)
    api_keys.revoke(key=key, by=ann, now=NOW)
    create(ann)


def test_uses_are_counted_by_the_minute_and_the_last_is_noted_once_a_minute(
    ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "A_MINUTE", 2)
    key, _ = create(ann)
    other, _ = create(ann)

    def use(seconds: int) -> tuple[bool, datetime | None, int]:
        allowed = api_keys.count_use(key=key, now=NOW + timedelta(seconds=seconds))
        key.refresh_from_db()
        return allowed, key.last_used_at, key.used

    assert use(0) == (True, NOW, 1)
    assert use(30) == (True, NOW, 2)
    assert use(59) == (False, NOW, 2)
    assert use(60) == (True, NOW + timedelta(seconds=60), 1)
    other.refresh_from_db()
    assert (other.last_used_at, other.used) == (None, 0)
