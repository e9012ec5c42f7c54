"""Read CloudTrail once, here and now, with progress on the terminal."""

import signal
from argparse import ArgumentParser
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ecsaudit import pipeline
from ecsaudit.cloudtrail.models import Feed, Query
from ecsaudit.cloudtrail.progress import progress


class Command(BaseCommand):
    help = (
        "Read what is due of every account and Region once, without a Celery worker. Safe beside running workers: "
        "an account and Region that a worker holds is passed over."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", help="only this AWS account ID")
        parser.add_argument("--region", help="only this AWS Region")

    def handle(self, *args: Any, account: str | None, region: str | None, **options: Any) -> None:
        stop = Event()
        signal.signal(signal.SIGINT, lambda *_: stop.set())
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        pipeline.due_feeds()
        feeds = Feed.objects.select_related("account").order_by("account__account_id", "region")
        feeds = feeds.filter(account__account_id=account) if account else feeds
        feeds = feeds.filter(region=region) if region else feeds
        if not feeds:
            raise CommandError(
                "no account and Region to read; `manage.py load_sample` or `manage.py start --aws` adds some"
            )
        failed = [feed for feed in feeds if not self.read(feed, stop)]
        if failed:
            raise CommandError(f"{len(failed)} of {len(feeds)} could not be read: see above")

    def read(self, feed: Feed, stop: Event) -> bool:
        """Turn at one feed until nothing is due; False when it failed."""
        # A person asks: a wait after a failure, or for the next poll, ends here.
        Feed.objects.filter(pk=feed.pk, lease_owner="").update(next_attempt_at=timezone.now())
        while not stop.is_set() and feed.pk in pipeline.due_feeds():
            pipeline.collect(feed.pk, stop)
            try:
                feed.refresh_from_db()
            except Feed.DoesNotExist:
                self.stderr.write(f"{feed}: removed while it was read")
                return True
            now = timezone.now()
            state = progress(Query.objects.filter(feed=feed), now)
            self.stdout.write(f"{feed}: {state.fraction:.0%} read, {state.pages} pages, {state.events_new} new events")
            if feed.error_code:
                self.stderr.write(f"{feed}: {feed.error_code}: {feed.error_message}")
                return False
        return True
