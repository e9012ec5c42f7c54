"""The sample's life in the database: loaded once, removable with everything that came from it."""

from datetime import datetime

from django.db import transaction

from ecsaudit.cloudtrail.models import Account
from ecsaudit.demo.access_keys import access_key_for
from ecsaudit.demo.story import ACCOUNTS


def load() -> list[Account]:
    """Make the sample accounts where they are missing; the collector then fetches their events like any others'."""
    made = []
    with transaction.atomic():
        for sample in ACCOUNTS:
            account, _ = Account.objects.get_or_create(
                account_id=sample.id,
                defaults={
                    "alias": sample.alias,
                    "regions": list(sample.regions),
                    "is_sample": True,
                    "sample_access_key": access_key_for(sample.id),
                },
            )
            made.append(account)
    return made


def is_loaded() -> bool:
    return Account.objects.filter(is_sample=True).exists()


def anchor() -> datetime | None:
    """The moment around which the story is told: when the sample was loaded, so that a restart tells the same one."""
    oldest = Account.objects.filter(is_sample=True).order_by("created_at").first()
    return oldest.created_at if oldest else None


def note_endpoint(url: str) -> None:
    """Tell the collector where the sample's CloudTrail listens now."""
    Account.objects.filter(is_sample=True).update(endpoint_url=url)


def remove() -> int:
    """Delete the sample accounts and, with them, every event, session and finding that came from them."""
    with transaction.atomic():
        accounts = Account.objects.filter(is_sample=True)
        removed = accounts.count()
        accounts.delete()
    return removed
