"""Who may do what: everybody who is logged in may look; to change, one must be an analyst, and a key must not be read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from ecsaudit.people.models import ApiKey, User

if TYPE_CHECKING:
    # DRF's views import these classes by their names in the settings.
    from rest_framework.views import APIView


class MayUse(BasePermission):
    """As on the screens."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        if not isinstance(user, User):
            return False
        if user.must_change_password:
            raise PermissionDenied("choose a password of your own first, on the screen “Change password”")
        if request.method in SAFE_METHODS:
            return True
        if isinstance(request.auth, ApiKey) and request.auth.read_only:
            raise PermissionDenied("this API key may only read")
        if not user.is_analyst:
            raise PermissionDenied("your account may look, not change; an administrator can give it the analyst role")
        return True
