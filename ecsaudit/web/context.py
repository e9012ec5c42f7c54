"""What base.html needs on every page."""

from typing import Any

from django.http import HttpRequest

from ecsaudit.demo import services as demo


def installation(request: HttpRequest) -> dict[str, Any]:
    """Whether sample data is present, so that every screen says so."""
    # A request that is refused before it is looked at, such as one for another host, has no user.
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {"sample_is_loaded": demo.is_loaded()}
