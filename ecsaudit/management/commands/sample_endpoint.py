import signal
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ecsaudit.demo import services
from ecsaudit.demo.endpoint import CloudTrailEndpoint
from ecsaudit.demo.story import Story


class Command(BaseCommand):
    help = "Serve the sample's events as CloudTrail would, on this machine only. `manage.py start` runs this by itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
        anchor = services.anchor()
        if anchor is None:
            raise CommandError("there is no sample data; `manage.py load_sample` adds it")
        # Twice what the collector allows itself: its pace may waver, and the sample should not punish that.
        endpoint = CloudTrailEndpoint(Story(anchor), port=port, requests_per_second=2.0 * settings.LOOKUPS_PER_SECOND)
        services.note_endpoint(endpoint.url)
        self.stdout.write(f"the sample's CloudTrail listens on {endpoint.url}")
        endpoint.serve_forever()
