"""How AWS Security Hub stands in each account and Region, and what it was told about each finding.

Account ─< HubRegion (account × Region: switched on or off, holds the lease) ─< HubFinding ── Finding
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from ecsaudit.cloudtrail.models import Account
from ecsaudit.findings.models import Finding

COUNTED = 1_000


class HubState(models.TextChoices):
    WAITING = "waiting", "Working"
    SENDING = "sending", "Sending"
    THROTTLED = "throttled", "Throttled"
    FAILING = "failing", "Failing"
    DENIED = "denied", "Access denied"
    NOT_ENABLED = "not_enabled", "Not enabled in AWS"


class SentState(models.TextChoices):
    """What became of the newest try to tell Security Hub about a finding."""

    WAITING = "waiting", "Waiting"
    SENT = "sent", "Sent"
    RETRYING = "retrying", "Failed for now"
    FAILED = "failed", "Failed for good"


FAILED = (SentState.RETRYING, SentState.FAILED)


class Counted(Subquery):
    """How many rows a subquery has, counted up to COUNTED, so that no screen counts a whole table."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"

    def __init__(self, rows: QuerySet[Any]) -> None:
        super().__init__(rows.order_by().values("pk")[:COUNTED], output_field=models.IntegerField())


class HubRegionQuerySet(QuerySet["HubRegion"]):
    def due(self, now: datetime) -> HubRegionQuerySet:
        """Those that are switched on, that nobody holds, and where there is something to send, to mark or to read."""
        stale = Finding.objects.filter(account=OuterRef("account"), region=OuterRef("region"), hub_is_stale=True)
        retries = HubFinding.objects.filter(
            hub_region=OuterRef("pk"), state=SentState.RETRYING, next_attempt_at__lte=now
        )
        work = Q(mark_from__isnull=False) | Q(next_read_at__lte=now) | Exists(stale) | Exists(retries)
        free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=now)
        return self.filter(free, work, enabled=True, account__enabled=True, next_attempt_at__lte=now)

    def for_grid(self) -> HubRegionQuerySet:
        """With `waiting_count`, `failed_count` and `drift_count`, each counted up to COUNTED, in one query."""
        stale = Finding.objects.filter(account=OuterRef("account"), region=OuterRef("region"), hub_is_stale=True)
        told = HubFinding.objects.filter(hub_region=OuterRef("pk"))
        found = self.annotate(
            waiting_count=Counted(stale), failed_count=Counted(told.failed()), drift_count=Counted(told.drifted())
        )
        return found.select_related("account", "switched_by").order_by("account__account_id", "region")


class HubRegion(models.Model):
    """Security Hub of one account in one Region. AWS counts its requests by these, so one worker at a time holds the lease.

    `after_finding`: findings up to this id, from before it was switched on, are left out, but those that were chosen then.
    They are marked page by page: open ones whose event is not older than `mark_from` (null: all are marked), down from
    `mark_time` and `mark_id`. `tokens` (at `tokens_at`) are the requests that may be made at once.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="hub_regions")
    region = models.CharField(max_length=32)
    enabled = models.BooleanField(default=False)
    switched_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    switched_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=12, choices=HubState, default=HubState.WAITING)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Turns in a row that ended without a result")
    next_attempt_at = models.DateTimeField()
    tokens = models.FloatField(default=0)
    tokens_at = models.DateTimeField(null=True)
    after_finding = models.BigIntegerField(default=0)
    mark_from = models.DateTimeField(null=True)
    mark_time = models.DateTimeField(null=True)
    mark_id = models.BigIntegerField(null=True)
    imported = models.PositiveBigIntegerField(default=0, help_text="Imports that Security Hub took")
    last_import_at = models.DateTimeField(null=True)
    last_read_at = models.DateTimeField(null=True)
    next_read_at = models.DateTimeField(null=True)
    read_token = models.TextField(blank=True, help_text="Where reading the statuses goes on")
    throttles = models.PositiveBigIntegerField(default=0)
    errors = models.PositiveBigIntegerField(default=0)
    failures_in_a_row = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=128, blank=True)
    error_message = models.TextField(blank=True)
    tested_at = models.DateTimeField(null=True)
    test_result = models.JSONField(default=list, help_text="[permission, outcome, what AWS said] of each")

    objects = HubRegionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "region"], name="hub_region_once_per_account_and_region")
        ]
        # for due(), asked every few seconds: few are switched on
        indexes = [models.Index(fields=["next_attempt_at"], name="hub_region_due", condition=Q(enabled=True))]

    def __str__(self) -> str:
        return f"{self.account} {self.region}"


class HubFindingQuerySet(QuerySet["HubFinding"]):
    def failed(self) -> HubFindingQuerySet:
        return self.filter(state__in=FAILED)

    def of_region(self, hub_region_id: int | None) -> HubFindingQuerySet:
        """Of one account and Region, or of all."""
        return self if hub_region_id is None else self.filter(hub_region=hub_region_id)

    def drifted(self) -> HubFindingQuerySet:
        """Those whose status somebody changed in Security Hub, and which is still another one here."""
        return self.filter(drifted_at__isnull=False)


class HubFinding(models.Model):
    """What Security Hub was told about a finding, and what it answered.

    `digest` is that of the finding as it was last taken, without its UpdatedAt; `updated_at` the newest UpdatedAt that may
    have been sent: written down before each call, so that a later one is always newer, even where an answer was lost.
    `told_status` is ASFF's workflow status as ecsaudit last told it, `hub_status` as Security Hub has it as far as is known.
    `asked` counts the times that a person wanted it sent again, `answered` up to which of them was done.
    """

    finding = models.OneToOneField(Finding, on_delete=models.CASCADE, related_name="hub")
    hub_region = models.ForeignKey(HubRegion, on_delete=models.CASCADE, related_name="findings")
    state = models.CharField(max_length=8, choices=SentState, default=SentState.WAITING)
    asff_id = models.CharField(max_length=512, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    updated_at = models.DateTimeField(null=True)
    revision = models.PositiveBigIntegerField(default=0, help_text="The finding's, as it was last taken")
    record_state = models.CharField(max_length=8, blank=True)
    sent_at = models.DateTimeField(null=True)
    told_status = models.CharField(max_length=12, blank=True)
    told_at = models.DateTimeField(null=True)
    hub_status = models.CharField(max_length=12, blank=True)
    status_read_at = models.DateTimeField(null=True)
    drifted_at = models.DateTimeField(null=True)
    asked = models.PositiveIntegerField(default=0)
    answered = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=128, blank=True)
    error_message = models.TextField(blank=True)

    objects = HubFindingQuerySet.as_manager()

    class Meta:
        indexes = [
            # those to try again now
            models.Index(
                fields=["hub_region", "next_attempt_at"],
                name="hub_finding_due",
                condition=Q(state=SentState.RETRYING),
            ),
            # the list of failed ones, and that of one account and Region, continued by the keyset
            models.Index(fields=["-failed_at", "-id"], name="hub_finding_failed", condition=Q(state__in=FAILED)),
            models.Index(
                fields=["hub_region", "-failed_at", "-id"],
                name="hub_finding_failed_by_region",
                condition=Q(state__in=FAILED),
            ),
            # the drift list, alike
            models.Index(
                fields=["-drifted_at", "-id"], name="hub_finding_drifted", condition=Q(drifted_at__isnull=False)
            ),
            models.Index(
                fields=["hub_region", "-drifted_at", "-id"],
                name="hub_finding_drifted_by_region",
                condition=Q(drifted_at__isnull=False),
            ),
            # whose status a page of GetFindings tells
            models.Index(fields=["asff_id"], name="hub_finding_by_asff_id", condition=~Q(asff_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()}: {self.asff_id}"

    @property
    def is_forced(self) -> bool:
        """Whether a person wants it sent again, changed or not."""
        return self.asked > self.answered
