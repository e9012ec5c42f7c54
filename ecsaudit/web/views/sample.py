"""One click removes the sample."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from ecsaudit.demo import services as demo


@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    if not request.user.is_staff:
        raise PermissionDenied("Only administrators may remove the sample data.")
    removed = demo.remove()
    messages.success(
        request, f"The sample data is removed ({removed} accounts)." if removed else "There was no sample data."
    )
    return redirect("overview")
