"""The page for an address that was asked in a way that it doesn't take: one for all, instead of an empty answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string
from django.urls import is_valid_path


class MethodNotAllowedMiddleware:
    """Puts a page into answers with status 405 to whoever reads HTML; status and the Allow header stay as they are.

    Mostly somebody opens an address that only takes what a form sends, as after a log-in that came in between.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and request.accepts("text/html"):
            context = {"allowed": response.headers["Allow"], "back": next(pages_above(request.path))}
            response.content = render_to_string("405.html", context, request).encode()
        return response


def pages_above(path: str) -> Iterator[str]:
    """The addresses that exist above this one, the nearest first, the overview last: `/findings/7/change/` has `/findings/7/`."""
    parts = path.strip("/").split("/")
    for length in range(len(parts) - 1, 0, -1):
        above = f"/{'/'.join(parts[:length])}/"
        if is_valid_path(above):
            yield above
    yield "/"
