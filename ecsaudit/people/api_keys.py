"""API keys: made, used, revoked. What was done stands in the keys' rows and in the log.

TooManyKeys             somebody has as many keys in force as one may have; revoke one first
"""

from __future__ import annotations

import logging
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, F, Q, Value, When

from ecsaudit.people.models import ApiKey, User

logger = logging.getLogger(__name__)
# Begins every secret, so that it is recognised where it was left lying about.
BEGINNING = "ecsaudit_"
# Characters after it that are kept to recognise a key by; the other 37 are more than enough to stay secret.
RECOGNISED_BY = 6
MOST_IN_FORCE = 20
MINUTE = timedelta(minutes=1)
A_MINUTE = 300


class TooManyKeys(ValueError):
    """Somebody has as many keys in force as one may have."""


def create(*, owner: User, name: str, read_only: bool, lifetime: timedelta, now: datetime) -> tuple[ApiKey, str]:
    """Make a key; returns it and its secret, which exists nowhere else: show it once, to the owner."""
    secret = f"{BEGINNING}{secrets.token_urlsafe(32)}"
    with transaction.atomic():
        # Whoever makes a key for the same owner at this moment waits here.
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)
        if ApiKey.objects.in_force(now).filter(owner=owner).count() >= MOST_IN_FORCE:
            raise TooManyKeys(f"you have {MOST_IN_FORCE} keys in force; revoke one that nobody needs any longer")
        key = ApiKey.objects.create(
            owner=owner,
            name=name,
            digest=ApiKey.digest_of(secret),
            prefix=secret[: len(BEGINNING) + RECOGNISED_BY],
            read_only=read_only,
            created_at=now,
            expires_at=now + lifetime,
        )
    logger.info("API key made", extra={"api_key": key.pk, "owner": owner.username, "read_only": read_only})
    return key, secret


def revoke(*, key: ApiKey, by: User, now: datetime) -> bool:
    """End a key for good; returns whether it was not revoked already."""
    unrevoked = ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True)
    if not unrevoked.update(revoked_at=now, revoked_by=by):
        return False
    logger.info("API key revoked", extra={"api_key": key.pk, "owner": key.owner.username, "by": by.username})
    return True


def count_use(*, key: ApiKey, now: datetime) -> bool:
    """Count one request; returns whether the key may make it, for it may make so many a minute.

    One statement, so that requests to several web workers at once are all counted.
    """
    is_new = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - MINUTE)
    allowed = ApiKey.objects.filter(is_new | Q(used__lt=A_MINUTE), pk=key.pk)
    counted = allowed.update(
        used=Case(When(is_new, then=Value(1)), default=F("used") + 1),
        last_used_at=Case(When(is_new, then=Value(now)), default=F("last_used_at")),
    )
    return bool(counted)
