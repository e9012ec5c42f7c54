"""Who may do what on a screen."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from ecsaudit.people.models import User

View = Callable[..., HttpResponse]


def analysts_only(view: View) -> View:
    """For analysts and administrators; others get the page that says who can give them the role."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not getattr(request.user, "is_analyst", False):
            raise PermissionDenied(
                "your account may look at rules, not change them; an administrator can give it the role"
            )
        return view(request, *args, **kwargs)

    return checked


def administrators_only(view: View) -> View:
    """For administrators; others get the page that says so."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not getattr(request.user, "is_superuser", False):
            raise PermissionDenied("only administrators may change this; ask one of them")
        return view(request, *args, **kwargs)

    return checked


def person(request: HttpRequest) -> User:
    """Who is logged in; every screen but the log-in has somebody."""
    assert isinstance(request.user, User)
    return request.user
