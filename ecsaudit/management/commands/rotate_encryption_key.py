from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ecsaudit.environment import BadSetting
from ecsaudit.notifications import rotation
from ecsaudit.notifications.sealing import CannotOpen


class Command(BaseCommand):
    help = (
        "Seal the secrets of all channels under the newest encryption key; without ECSAUDIT_ENCRYPTION_KEYS, a new one."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = rotation.rotate()
        except (CannotOpen, BadSetting) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"channels sealed anew: {done.channels}")
        self.stdout.write(done.what_next)
