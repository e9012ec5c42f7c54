"""How often a key may ask: counted in its row, so that all web workers count together. A browser's session is not counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from ecsaudit.people import api_keys
from ecsaudit.people.models import ApiKey

if TYPE_CHECKING:
    # DRF's views import these classes by their names in the settings.
    from rest_framework.views import APIView


class KeyThrottle(BaseThrottle):
    def allow_request(self, request: Request, view: APIView) -> bool:
        return not isinstance(request.auth, ApiKey) or api_keys.count_use(key=request.auth, now=timezone.now())

    def wait(self) -> float:
        """Seconds after which it is allowed again in any case."""
        return api_keys.MINUTE.total_seconds()
