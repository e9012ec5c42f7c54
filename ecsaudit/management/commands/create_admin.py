from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ecsaudit.people import services


class Command(BaseCommand):
    help = "Make an administrator and print a one-time password, which must be changed at the first log-in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", default="admin", help="name to log in with (default: admin)")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        try:
            _, password = services.create_admin(username=username)
        except services.NameTaken as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"user name:         {username}\none-time password: {password}")
