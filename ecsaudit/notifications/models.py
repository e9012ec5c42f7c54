"""Whom findings are told to, and the outbox: every message that must go out is a row, written with the findings it is about.

Channel ─< Message (one message to one channel) ─< Attempt (each try, with its answer)
Finding ─< Delivery >─ Channel: once for each pair; leads to its Message, is held back by a Throttle, or says why not
Throttle (an open window of one channel and policy: what comes meanwhile is held back and goes out together)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.urls import reverse

from ecsaudit.findings.models import Finding
from ecsaudit.findings.severity import Severity
from ecsaudit.notifications.answer import Outcome

# A channel fails, for people, after so many failures in a row or after this time.
FAILING_AFTER = 3
FAILING_AFTER_TIME = timedelta(minutes=5)
# No screen counts a channel's findings further than this.
COUNTED = 1_000


class Purpose(models.TextChoices):
    FINDING = "finding", "Finding"
    DIGEST = "digest", "What was held back"
    TEST = "test", "Test"


class State(models.TextChoices):
    """Of a message. From `calling` on it may have arrived."""

    PENDING = "pending", "Pending"
    CLAIMED = "claimed", "Being prepared"
    CALLING = "calling", "Being sent"
    SENT = "sent", "Sent"
    RETRYING = "retrying", "Failed for now"
    FAILED = "failed", "Failed for good"
    UNCERTAIN = "uncertain", "Uncertain"
    WITHDRAWN = "withdrawn", "Withdrawn"


# It waits to be sent; a worker has it; a person may send it again.
WAITING = (State.PENDING, State.RETRYING)
HELD = (State.CLAIMED, State.CALLING)
SENDABLE_AGAIN = (State.FAILED, State.UNCERTAIN)
# Outcomes of tries that may have arrived: none that was noted, and one that nobody knows.
LOST = ("", Outcome.UNKNOWN)


class CountOf(Subquery):
    """How many rows a query has; bound it with a slice."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = models.IntegerField()


@dataclass(frozen=True, slots=True)
class Numbers:
    """Findings that a channel was to be told (COUNTED + 1 when there are more), and those held back at the moment."""

    findings: int
    held: int


class ChannelQuerySet(QuerySet["Channel"]):
    def numbers(self, now: datetime, since: datetime | None) -> dict[int, Numbers]:
        """By channel id, in one query."""
        deliveries = Delivery.objects.filter(channel=OuterRef("pk"))
        if since is not None:
            deliveries = deliveries.filter(created_at__gte=since)
        windows = Throttle.objects.filter(channel=OuterRef("pk"), until_at__gt=now)
        counted = self.annotate(
            findings=CountOf(deliveries.order_by().values("pk")[: COUNTED + 1]),
            held=Subquery(windows.order_by().values("channel").annotate(sum=Sum("held")).values("sum")),
        )
        return {
            pk: Numbers(findings, held or 0) for pk, findings, held in counted.values_list("pk", "findings", "held")
        }

    def failing(self, now: datetime) -> ChannelQuerySet:
        """Those in use that people must hear of."""
        return self.filter(enabled=True).filter(
            Q(failures_in_a_row__gte=FAILING_AFTER) | Q(failing_since__lte=now - FAILING_AFTER_TIME)
        )

    def free(self, now: datetime) -> ChannelQuerySet:
        """Those that nobody holds and that are not left alone after a failure."""
        unheld = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=now)
        rested = Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now)
        return self.filter(unheld, rested)

    def due(self, now: datetime) -> ChannelQuerySet:
        """Those with something to do that a worker should turn to now.

        One that is off sends nothing, but what it was sending when it was switched off must be seen to.
        """
        messages = Message.objects.filter(channel=OuterRef("pk"))
        return self.free(now).filter(
            Q(Exists(messages.due(now)), enabled=True) | Exists(messages.abandoned(now)) | Exists(messages.unnoted())
        )


class Channel(models.Model):
    """A way to tell people, such as a Slack channel. `kind` is a key of notifications.channels.CHANNELS.

    Secrets are sealed (notifications.sealing). One worker at a time sends: the lease is a row changed by compare-and-set.
    `next_attempt_at`: after a failure nothing is sent before.
    """

    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=128, unique=True)
    enabled = models.BooleanField(default=True)
    settings = models.JSONField(default=dict)
    sealed_secrets = models.TextField(blank=True)
    title_template = models.TextField(blank=True, help_text="Empty: the kind's own")
    body_template = models.TextField(blank=True, help_text="Empty: the kind's own")

    failures_in_a_row = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    last_answer_code = models.CharField(max_length=64, blank=True)
    last_answer_text = models.TextField(blank=True)
    last_accepted_at = models.DateTimeField(null=True)
    last_tried_at = models.DateTimeField(null=True)
    tested_at = models.DateTimeField(null=True)

    next_attempt_at = models.DateTimeField(null=True)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def is_failing(self, now: datetime) -> bool:
        """The same as failing()."""
        since = self.failing_since
        return self.enabled and (
            self.failures_in_a_row >= FAILING_AFTER or (since is not None and since <= now - FAILING_AFTER_TIME)
        )


class MessageQuerySet(QuerySet["Message"]):
    def due(self, now: datetime) -> MessageQuerySet:
        return self.filter(state__in=WAITING, next_attempt_at__lte=now)

    def abandoned(self, now: datetime) -> MessageQuerySet:
        """Those whose worker went silent."""
        return self.filter(state__in=HELD, lease_expires_at__lte=now)

    def unnoted(self) -> MessageQuerySet:
        """Those that were accepted, which their findings were not yet told."""
        return self.filter(state=State.SENT, findings_noted=False)

    def for_detail(self) -> MessageQuerySet:
        return self.select_related("channel", "asked_by")


class Message(models.Model):
    """One message to one channel: a row of the outbox. Its text is made when it is sent.

    `key` is the same at every try, so that the other side can drop a second one; `about` is the same for all messages about
    findings of one group. `count` are the findings that it was made for, `attempts` the times that a worker took it.
    `sent_title` and `sent_body` are the text of the last try. Of several recipients, `taken_by` have it and are sent no second
    one; `not_taken_by` got nothing by the last try. `asked_by` wanted it sent again, at `asked_at`.
    """

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="messages")
    purpose = models.CharField(max_length=8, choices=Purpose, default=Purpose.FINDING)
    key = models.CharField(max_length=64, unique=True)
    about = models.CharField(max_length=128)
    policy = models.CharField(max_length=256, blank=True)
    severity = models.CharField(max_length=16, choices=Severity)
    runbook_url = models.CharField(max_length=2000, blank=True)
    count = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()

    state = models.CharField(max_length=12, choices=State, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    give_up_at = models.DateTimeField()
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    answer_code = models.CharField(max_length=64, blank=True)
    answer_text = models.TextField(blank=True)
    accepted_at = models.DateTimeField(null=True)
    taken_by = models.JSONField(default=list)
    not_taken_by = models.JSONField(default=list)
    findings_noted = models.BooleanField(default=False)
    sent_title = models.TextField(blank=True)
    sent_body = models.TextField(blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(null=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        indexes = [
            # the next to be sent, and whether there is one
            models.Index(
                fields=["channel", "id", "next_attempt_at"], name="message_due", condition=Q(state__in=WAITING)
            ),
            # those whose worker went silent
            models.Index(fields=["channel", "lease_expires_at"], name="message_held", condition=Q(state__in=HELD)),
            # those that nobody tries any longer
            models.Index(fields=["give_up_at"], name="message_overdue", condition=Q(state__in=WAITING)),
            models.Index(
                fields=["channel", "id"],
                name="message_unnoted",
                condition=Q(state=State.SENT, findings_noted=False),
            ),
            # the few that were not sent, for the list of deliveries in one state
            models.Index(fields=["state", "id"], name="message_not_sent", condition=~Q(state=State.SENT)),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("message", args=[self.pk])

    @property
    def can_be_sent_again(self) -> bool:
        return self.state in SENDABLE_AGAIN and self.purpose != Purpose.TEST


class Attempt(models.Model):
    """One try to send a message, written before the call. An empty `outcome` is an answer that was never noted.

    `outcome` is one of notifications.answer.Outcome. `asked_by` is the person who wanted it sent again.
    """

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    owner = models.CharField(max_length=64)
    answered_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, blank=True)
    code = models.CharField(max_length=64, blank=True)
    text = models.TextField(blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.outcome or 'no answer'} {self.code}"


class Throttle(models.Model):
    """A window of one channel, policy and key that is open until `until_at`; `held` findings wait for its end.

    `digest` stands for channel, policy and key: the one order in which windows are locked. `until_at` is null only within the
    transaction that makes the row.
    """

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="throttles")
    policy = models.CharField(max_length=256, blank=True)
    key = models.TextField(blank=True)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of channel, policy and key as JSON")
    length = models.DurationField()
    until_at = models.DateTimeField(null=True)
    first_message = models.OneToOneField(Message, on_delete=models.SET_NULL, null=True, related_name="throttle")
    held = models.PositiveIntegerField(default=0)
    runbook_url = models.CharField(max_length=2000, blank=True)

    class Meta:
        indexes = [
            # windows whose time is over, asked for every few seconds
            models.Index(fields=["until_at"], name="throttle_over"),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.policy} {self.key}"


class DeliveryQuerySet(QuerySet["Delivery"]):
    def for_message(self) -> DeliveryQuerySet:
        """With all that a message tells of a finding, in the order in which they came."""
        return self.select_related(
            "finding__account", "finding__group", "finding__session", "finding__tag_set"
        ).order_by("pk")

    def for_finding(self, finding: Finding) -> DeliveryQuerySet:
        """What became of one finding in each channel."""
        return self.filter(finding=finding).select_related("channel", "message").order_by("channel__name")


class Delivery(models.Model):
    """One finding and one channel that shall hear of it: once, however many policies say so.

    Either `message` has it, or `throttle` holds it back until `held_until`, or `not_sent` says why nothing is sent.
    """

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="deliveries")
    message = models.ForeignKey(Message, on_delete=models.CASCADE, null=True, related_name="deliveries")
    throttle = models.ForeignKey(
        Throttle, on_delete=models.RESTRICT, null=True, related_name="deliveries", db_index=False
    )
    held_until = models.DateTimeField(null=True)
    not_sent = models.CharField(max_length=256, blank=True)
    policy = models.CharField(max_length=256, blank=True)
    severity = models.CharField(max_length=16, choices=Severity)
    created_at = models.DateTimeField()

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["finding", "channel"], name="delivery_once_per_finding_and_channel"),
            models.CheckConstraint(
                condition=Q(message__isnull=True) | Q(throttle__isnull=True), name="delivery_sent_or_held"
            ),
        ]
        indexes = [
            # the list, filtered in each way, continued by the keyset
            models.Index(fields=["-created_at", "-id"], name="delivery_newest"),
            models.Index(fields=["channel", "-created_at", "-id"], name="delivery_by_channel"),
            models.Index(fields=["policy", "-created_at", "-id"], name="delivery_by_policy"),
            # what a window holds back; few among many
            models.Index(fields=["throttle", "id"], name="delivery_held", condition=Q(throttle__isnull=False)),
            models.Index(
                fields=["-created_at", "-id"], name="delivery_without_message", condition=Q(message__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.finding_id} → {self.channel_id}"

    def get_absolute_url(self) -> str:
        """The message's page; without a message that of the finding."""
        return reverse("message", args=[self.message_id]) if self.message_id else self.finding.get_absolute_url()
