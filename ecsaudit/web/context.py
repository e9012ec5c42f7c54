"""What base.html needs on every page."""

from typing import Any

from django.db.models import BooleanField, Exists, ExpressionWrapper, Subquery
from django.http import HttpRequest
from django.utils import timezone

from ecsaudit.cloudtrail.models import Account
from ecsaudit.library.models import Library
from ecsaudit.notifications.models import Channel
from ecsaudit.people.models import User


def installation(request: HttpRequest) -> dict[str, Any]:
    """What every screen says: that sample data is present, that newer rules can't be used, and to those who work on findings
    that messages don't arrive, through the channel that failed first; one query.

    Without an account nothing is judged, so that only the Rules screen speaks of broken rules then.
    """
    # A request that is refused before it is looked at, such as one for another host, has no user.
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    failing = Channel.objects.failing(timezone.now()).order_by("failing_since", "pk")
    broken = Exists(Account.objects.all()) & Exists(Library.objects.exclude(problems=[]))
    # Asked of a row that is there in any case.
    found = User.objects.filter(pk=user.pk).values(
        sample=Exists(Account.objects.filter(is_sample=True)),
        broken=ExpressionWrapper(broken, output_field=BooleanField()),
        failing=Subquery(failing.values("name")[:1]),
    )
    row = found.get()
    return {
        "sample_is_loaded": row["sample"],
        "rules_are_broken": row["broken"],
        "failing_channel": (row["failing"] or "") if user.is_analyst else "",
    }
