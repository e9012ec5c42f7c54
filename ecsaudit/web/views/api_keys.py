"""The API for people: how it is used, and their keys. Administrators see everybody's keys, and may revoke them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from ecsaudit.people import api_keys
from ecsaudit.people.models import ApiKey, ApiKeyQuerySet, User
from ecsaudit.web import exports
from ecsaudit.web.access import person
from ecsaudit.web.api_key_form import ApiKeyForm

# Of the keys that open nothing any longer; those in force are shown all.
NEWEST = 50
EXPORT = (
    exports.column("id", "pk"),
    exports.column("name"),
    exports.column("prefix"),
    exports.column("owner", "owner__username"),
    exports.column("read_only"),
    exports.column("created_at"),
    exports.column("last_used_at"),
    exports.column("expires_at"),
    exports.column("revoked_at"),
    exports.column("revoked_by", "revoked_by__username"),
)
COLUMNS = [column.path for column in EXPORT]


def explained(request: HttpRequest) -> HttpResponse:
    """What the API can do, with examples."""
    return render(
        request, "api/show.html", {"address": request.build_absolute_uri("/api/v1"), "a_minute": api_keys.A_MINUTE}
    )


@never_cache
@require_http_methods(["GET", "POST"])
def listing(request: HttpRequest) -> HttpResponseBase:
    """The keys. A post makes one, and shows its secret this once: it is kept nowhere, so there is no page to lead to."""
    user, now, secret = person(request), timezone.now(), ""
    if file := exports.asked(request):
        return exports.answer(file, "api-keys", EXPORT, exports.last_made_first(keys_seen_by(user).values(*COLUMNS)))
    form = ApiKeyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            _, secret = api_keys.create(
                owner=user,
                name=form.cleaned_data["name"],
                read_only=form.cleaned_data["may"] == "read",
                lifetime=form.lifetime,
                now=now,
            )
            form = ApiKeyForm()
        except api_keys.TooManyKeys as error:
            form.add_error(None, str(error))
    seen = keys_seen_by(user)
    context = {
        "form": form,
        "secret": secret,
        "in_force": seen.in_force(now).for_list(),
        "ended": seen.ended(now).for_list()[:NEWEST],
        "now": now,
        "limit": NEWEST,
        "exports": exports.links(),
    }
    return render(request, "api/keys.html", context, status=422 if form.errors else 200)


@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    user = person(request)
    key = get_object_or_404(keys_seen_by(user).select_related("owner"), pk=pk)
    if api_keys.revoke(key=key, by=user, now=timezone.now()):
        messages.success(request, f"The key {key.name} is revoked: it opens nothing from now on.")
    else:
        messages.info(request, "It was revoked already.")
    return redirect("api-keys")


def keys_seen_by(user: User) -> ApiKeyQuerySet:
    """Everybody's for administrators, else one's own."""
    return ApiKey.objects.all() if user.is_superuser else ApiKey.objects.filter(owner=user)
