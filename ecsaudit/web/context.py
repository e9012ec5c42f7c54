"""What base.html needs on every page."""

from typing import Any

from django.http import HttpRequest

from ecsaudit.demo import services as demo


def installation(request: HttpRequest) -> dict[str, Any]:
    """Whether sample data is present, so that every screen says so."""
    if not request.user.is_authenticated:
        return {}
    return {"sample_is_loaded": demo.is_loaded()}
