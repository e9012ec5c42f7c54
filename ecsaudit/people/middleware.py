"""A password that was handed out must be replaced before anything else can be done."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

# Answers for itself, in JSON: see api.permissions.
API = "/api/v1/"


class PasswordChangeMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated or not request.user.must_change_password:
            return self.get_response(request)
        if request.path.startswith(API) or request.path in (reverse("change-password"), reverse("logout")):
            return self.get_response(request)
        return redirect("change-password")
