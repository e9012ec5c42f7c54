"""Who may do what on a screen."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from ecsaudit.people.models import User
from ecsaudit.visible import shortened

View = Callable[..., HttpResponse]


def analysts_only(view: View) -> View:
    """For analysts and administrators; others get the page that says who can give them the role."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not getattr(request.user, "is_analyst", False):
            raise PermissionDenied("your account may look, not change; an administrator can give it the analyst role")
        return view(request, *args, **kwargs)

    return checked


def administrators_only(view: View) -> View:
    """For administrators; others get the page that says so, and whom to ask."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not getattr(request.user, "is_superuser", False):
            raise PermissionDenied(f"only administrators may open or change this; ask {administrators()}")
        return view(request, *args, **kwargs)

    return checked


def administrators() -> str:
    """Some of those who may, by name."""
    names = (
        User.objects.filter(is_superuser=True, is_active=True).order_by("username").values_list("username", flat=True)
    )
    return " or ".join(shortened(name, 40) for name in names[:3]) or "whoever installed ecsaudit to make one"


def person(request: HttpRequest) -> User:
    """Who is logged in; every screen but the log-in has somebody."""
    assert isinstance(request.user, User)
    return request.user
