"""AWS accounts, what is asked of CloudTrail for each of their Regions, and every record that came back.

Account ─< Feed (account × Region, holds the lease) ─< Query (one event name: what is covered, the window being read)
Feed ─< UnreadableRecord
Account ─< Event ── EventBody (CloudTrail's exact text, compressed)
"""

from __future__ import annotations

import zlib
from datetime import datetime

from django.db import models
from django.db.models import Q, QuerySet


class Account(models.Model):
    """One AWS account that is read."""

    account_id = models.CharField("AWS account ID", max_length=12, unique=True)
    alias = models.CharField(max_length=100, blank=True)
    is_sample = models.BooleanField(default=False, editable=False)
    regions = models.JSONField(default=list, help_text='AWS Regions to read, for example ["eu-west-1", "us-east-1"]')
    profile_name = models.CharField(
        "AWS profile",
        max_length=100,
        blank=True,
        help_text="Profile of the AWS configuration; empty: the environment's",
    )
    role_arn = models.CharField(
        "Role ARN", max_length=2048, blank=True, help_text="Role to assume in this account before reading; empty: none"
    )
    external_id = models.CharField("External ID", max_length=1224, blank=True)
    endpoint_url = models.URLField("Endpoint", blank=True, editable=False)
    sample_access_key = models.CharField(max_length=32, blank=True, editable=False)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["account_id"]

    def __str__(self) -> str:
        return self.alias or self.account_id


class FeedState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    COLLECTING = "collecting", "Collecting"
    THROTTLED = "throttled", "Throttled"
    FAILING = "failing", "Failing"
    DENIED = "denied", "Access denied"


class FeedQuerySet(QuerySet["Feed"]):
    def due(self, now: datetime) -> FeedQuerySet:
        """Feeds that somebody should work on: time has come, no live worker holds them, a sample's endpoint runs."""
        free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=now)
        unserved = Q(account__is_sample=True, account__endpoint_url="")
        return self.filter(free, ~unserved, account__enabled=True, next_attempt_at__lte=now)

    def for_collection_screen(self) -> FeedQuerySet:
        return self.select_related("account").prefetch_related("queries").order_by("account__account_id", "region")


class Feed(models.Model):
    """One account in one Region. AWS counts its 2 requests a second by these, so one worker at a time holds the lease."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="feeds")
    region = models.CharField(max_length=32)
    state = models.CharField(max_length=12, choices=FeedState, default=FeedState.WAITING)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField()
    last_request_at = models.DateTimeField(null=True)
    last_polled_at = models.DateTimeField(null=True)
    last_event_at = models.DateTimeField(null=True)
    requests = models.PositiveBigIntegerField(default=0)
    throttles = models.PositiveBigIntegerField(default=0)
    errors = models.PositiveBigIntegerField(default=0)
    failures_in_a_row = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=128, blank=True)
    error_message = models.TextField(blank=True)

    objects = FeedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "region"], name="feed_once_per_account_and_region")]
        # for due(), asked every few seconds
        indexes = [models.Index(fields=["next_attempt_at"], name="feed_due")]

    def __str__(self) -> str:
        return f"{self.account} {self.region}"


class WindowKind(models.TextChoices):
    TAIL = "tail", "New events"
    BACKFILL = "backfill", "Backfill"
    SWEEP = "sweep", "Late events"


class Query(models.Model):
    """One event name asked of one feed: the time already read to its last page, and the window being read now.

    covered_from … covered_to has no gap: windows are read one at a time and each touches what is covered.
    """

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="queries")
    event_name = models.CharField(max_length=128)
    backfill_from = models.DateTimeField()
    covered_from = models.DateTimeField(null=True)
    covered_to = models.DateTimeField(null=True)
    swept_at = models.DateTimeField(null=True)
    window_kind = models.CharField(max_length=8, choices=WindowKind, blank=True)
    window_from = models.DateTimeField(null=True)
    window_to = models.DateTimeField(null=True)
    window_reached_at = models.DateTimeField(null=True)
    pages = models.PositiveBigIntegerField(default=0)
    events_seen = models.PositiveBigIntegerField(default=0)
    events_new = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "queries"
        constraints = [
            models.UniqueConstraint(fields=["feed", "event_name"], name="query_once_per_feed_and_event_name")
        ]

    def __str__(self) -> str:
        return f"{self.feed} {self.event_name}"


class Event(models.Model):
    """One CloudTrail record that was read. The columns are what the product searches by; EventBody has every byte."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="events")
    event_id = models.CharField(max_length=128)
    event_name = models.CharField(max_length=128)
    event_source = models.CharField(max_length=128)
    event_time = models.DateTimeField()
    region = models.CharField(max_length=32)
    ssm_session_id = models.CharField(max_length=128, blank=True)
    collected_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "event_id"], name="event_once_per_account")]
        indexes = [
            # events of one SSM session, to join them
            models.Index(
                fields=["account", "region", "ssm_session_id"],
                name="event_of_ssm_session",
                condition=~Q(ssm_session_id=""),
            ),
            # events that rules ask for, newest first, to judge them again
            models.Index(fields=["event_name", "-event_time", "-id"], name="event_by_name"),
        ]

    def __str__(self) -> str:
        return f"{self.event_name} {self.event_id}"

    @property
    def raw_text(self) -> str:
        """The exact text of CloudTrailEvent; costs a query unless the body was selected with the event."""
        return self.body.text


class EventBody(models.Model):
    """The exact text of CloudTrailEvent in a table of its own, compressed: it is most of the space and seldom read."""

    event = models.OneToOneField(Event, on_delete=models.CASCADE, primary_key=True, related_name="body")
    compressed = models.BinaryField()

    def __str__(self) -> str:
        return f"body of event {self.event_id}"

    @staticmethod
    def compress(text: str) -> bytes:
        # CloudTrail text may hold lone surrogates, which plain UTF-8 refuses.
        return zlib.compress(text.encode("utf-8", "surrogatepass"), level=1)

    @staticmethod
    def decompress(compressed: bytes | memoryview) -> str:
        return zlib.decompress(bytes(compressed)).decode("utf-8", "surrogatepass")

    @property
    def text(self) -> str:
        return self.decompress(self.compressed)


class UnreadableRecord(models.Model):
    """A record that could not be read, kept as it came, with the reason."""

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="unreadable_records")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the bytes")
    event_id = models.CharField(max_length=128, blank=True)
    event_name = models.CharField(max_length=128, blank=True)
    reason = models.TextField()
    body = models.BinaryField()
    first_seen_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["feed", "digest"], name="unreadable_record_once_per_feed")]

    def __str__(self) -> str:
        return f"{self.event_name or 'record'}: {self.reason}"

    @property
    def text(self) -> str:
        return bytes(self.body).decode("utf-8", "replace")
