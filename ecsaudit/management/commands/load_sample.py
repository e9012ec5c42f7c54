from typing import Any

from django.core.management.base import BaseCommand

from ecsaudit.demo import services


class Command(BaseCommand):
    help = "Add the sample accounts. A running `manage.py start` then serves and reads their 90 days of made-up events."

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = services.load()
        names = ", ".join(f"{account.alias} ({account.account_id})" for account in accounts)
        self.stdout.write(f"sample accounts: {names}; `manage.py start` reads them")
