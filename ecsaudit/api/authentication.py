"""Keys: `Authorization: Bearer ecsaudit_…`. A browser's session is the other way, see settings.py."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from ecsaudit.people.models import ApiKey, User

SCHEME = "Bearer"


class KeyAuthentication(BaseAuthentication):
    """The owner of the key that comes with the request, and the key."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """None where no key is sent; AuthenticationFailed where one is sent that opens nothing."""
        scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != SCHEME.lower():
            return None
        key = ApiKey.objects.of_secret(secret.strip()).first()
        if key is None:
            raise AuthenticationFailed("there is no such API key")
        if key.revoked_at is not None:
            raise AuthenticationFailed("this API key is revoked")
        if key.expires_at <= timezone.now():
            raise AuthenticationFailed("this API key has expired")
        if not key.owner.is_active:
            raise AuthenticationFailed("the owner of this API key may no longer log in")
        return key.owner, key

    def authenticate_header(self, request: Request) -> str:
        return SCHEME
