"""What base.html needs on every page."""

from typing import Any

from django.db.models import Count, Exists, Q
from django.http import HttpRequest

from ecsaudit.cloudtrail.models import Account
from ecsaudit.library.models import Library


def installation(request: HttpRequest) -> dict[str, Any]:
    """Whether sample data is present, and whether newer rules can't be used, so that every screen says so; one query.

    Without an account nothing is judged, so that only the Rules screen speaks of broken rules then.
    """
    # A request that is refused before it is looked at, such as one for another host, has no user.
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    found = Account.objects.aggregate(
        sample=Count("pk", filter=Q(is_sample=True)),
        broken=Count("pk", filter=Exists(Library.objects.exclude(problems=[]))),
    )
    return {"sample_is_loaded": found["sample"] > 0, "rules_are_broken": found["broken"] > 0}
