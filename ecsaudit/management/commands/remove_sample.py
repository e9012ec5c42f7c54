from typing import Any

from django.core.management.base import BaseCommand

from ecsaudit.demo import services


class Command(BaseCommand):
    help = "Remove the sample accounts with every event, session and finding that came from them."

    def handle(self, *args: Any, **options: Any) -> None:
        removed = services.remove()
        self.stdout.write(f"{removed} sample accounts removed" if removed else "there is no sample data")
