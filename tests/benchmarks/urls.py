"""The product's addresses, and a view that only answers "ok" to compare with."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from ecsaudit.urls import urlpatterns as product


def ok(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


urlpatterns = [*product, path("ok/", ok)]
