"""Another encryption key for all secrets."""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from ecsaudit import data_dir
from ecsaudit.notifications import sealing
from ecsaudit.notifications.models import Channel


@dataclass(frozen=True, slots=True)
class Rotated:
    channels: int
    what_next: str


def rotate() -> Rotated:
    """Seal every channel's secrets under the newest key; may be stopped anywhere and run again.

    With keys in a file, a new one is put first there. The one before it stays until the next rotation, for what a process
    may be sealing at this moment; older ones go. Raises CannotOpen, and then changes no secret, when one was sealed with a
    key that is missing.
    """
    if settings.ENCRYPTION_KEYS:
        done = seal_all_anew()
        return Rotated(done, "All are under the first of ECSAUDIT_ENCRYPTION_KEYS now; the others can be taken out.")
    # Of two at once, the second begins with the keys that the first leaves: otherwise its file would lose the first one's key.
    with data_dir.alone(sealing.key_file()):
        newest, before = sealing.new_key(), sealing.keys()
        sealing.write_keys([newest, *before])
        done = seal_all_anew()
        sealing.write_keys([newest, before[0]])
    return Rotated(
        done, f"{sealing.key_file()} begins with a new key; back it up. The one before it goes with the next rotation."
    )


@transaction.atomic
def seal_all_anew() -> int:
    """All or none, so that an error changes nothing; messages to the channels are written down meanwhile."""
    sealed = Channel.objects.exclude(sealed_secrets="").order_by("pk").only("name", "sealed_secrets")
    channels = list(sealed.select_for_update(no_key=True))
    for channel in channels:
        try:
            channel.sealed_secrets = sealing.sealed_anew(channel.sealed_secrets)
        except sealing.CannotOpen as error:
            raise sealing.CannotOpen(f"channel {channel.name!r}: {error}") from error
    Channel.objects.bulk_update(channels, ["sealed_secrets"])
    return len(channels)
