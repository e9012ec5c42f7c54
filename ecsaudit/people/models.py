"""Who may log in, and the keys by which their programs use the API.

User ─< ApiKey
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q, QuerySet


class Role(models.TextChoices):
    """What somebody may do. Administrators (`is_superuser`) may do all, and manage accounts."""

    VIEWER = "viewer", "May view"
    ANALYST = "analyst", "May view, work on findings and change rules"


class User(AbstractUser):
    """A person who may log in. A password that somebody else chose must be changed at the first log-in."""

    must_change_password = models.BooleanField(default=False)
    role = models.CharField(max_length=16, choices=Role, default=Role.VIEWER)

    @property
    def is_analyst(self) -> bool:
        """Whether the person may work on findings and change rules."""
        return self.is_superuser or self.role == Role.ANALYST


class ApiKeyQuerySet(QuerySet["ApiKey"]):
    def in_force(self, now: datetime) -> ApiKeyQuerySet:
        """Those that open something: neither revoked nor expired, and their owner may log in."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=now, owner__is_active=True)

    def ended(self, now: datetime) -> ApiKeyQuerySet:
        """The others."""
        return self.filter(Q(revoked_at__isnull=False) | Q(expires_at__lte=now) | Q(owner__is_active=False))

    def for_list(self) -> ApiKeyQuerySet:
        """Newest first, with their owners, and who revoked them."""
        return self.select_related("owner", "revoked_by").order_by("-pk")

    def of_secret(self, secret: str) -> ApiKeyQuerySet:
        """The key with this secret, with its owner."""
        return self.filter(digest=ApiKey.digest_of(secret)).select_related("owner")


class ApiKey(models.Model):
    """A secret by which a program does what its owner may do, or only reads. Never deleted: the list tells what there was.

    The secret has 256 random bits, so its plain SHA-256 is kept; `prefix` are its first characters, to recognise it by.
    `last_used_at` is written at most once a minute: it is when the minute of the last use began, and `used` counts the
    requests since.
    """

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the secret")
    prefix = models.CharField(max_length=24)
    read_only = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    used = models.PositiveIntegerField(default=0)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = ApiKeyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}"

    @staticmethod
    def digest_of(secret: str) -> str:
        return sha256(secret.encode()).hexdigest()
