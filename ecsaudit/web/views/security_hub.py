"""AWS Security Hub: how it stands in each account and Region, what it did not take, and where its statuses differ."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from ecsaudit.findings.triage import TriageError
from ecsaudit.securityhub import permissions, services
from ecsaudit.securityhub.models import HubFinding, HubRegion
from ecsaudit.securityhub.services import Past
from ecsaudit.web import exports, hub_grid, hub_lists
from ecsaudit.web.access import administrators_only, analysts_only, person


def show(request: HttpRequest) -> HttpResponseBase:
    rows = hub_grid.rows(HubRegion.objects.for_grid(), timezone.now())
    if form := exports.asked(request):
        return exports.answer(form, "security-hub", hub_grid.EXPORT, rows)
    context = {
        "rows": rows,
        "sentence": hub_grid.sentence(rows),
        "is_off": not any(row.hub.enabled for row in rows),
        "pasts": Past.choices,
        "policy": permissions.policy_text(),
        "exports": exports.links(),
    }
    return render(request, "securityhub/show.html", context)


@require_POST
@administrators_only
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    hub = get_object_or_404(HubRegion.objects.select_related("account"), pk=pk)
    wanted, now = request.POST.get("switch", ""), timezone.now()
    if wanted == "off":
        services.switch_off(hub_region=hub, by=person(request), now=now)
        messages.success(request, f"Security Hub is told nothing more of {hub}. What it has stays there.")
    elif wanted == "on":
        switch_on(request, hub)
    elif wanted == "again":
        services.try_again_now(hub_region=hub, now=now)
        messages.success(request, f"{hub} is tried again within seconds.")
    else:
        messages.error(request, "Say whether to switch on or off.")
    return redirect(f"{reverse('security-hub')}#hub-{hub.pk}")


def switch_on(request: HttpRequest, hub: HubRegion) -> None:
    chosen = request.POST.get("past", "")
    if chosen not in Past:
        return messages.error(request, "Choose which findings of the past go to Security Hub.")
    try:
        services.switch_on(hub_region=hub, past=Past(chosen), by=person(request), now=timezone.now())
    except services.SwitchRefused as refused:
        return messages.error(request, f"It was not switched on: {refused}.")
    messages.success(request, f"Findings of {hub} go to Security Hub now: {Past(chosen).label}.")


@require_POST
@administrators_only
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask AWS for each permission while the person waits."""
    hub = get_object_or_404(HubRegion.objects.select_related("account"), pk=pk)
    found = permissions.try_out(hub_region=hub, now=timezone.now())
    missing = [each.name for each in found if each.verdict != permissions.Verdict.ALLOWED]
    if missing:
        messages.error(request, f"{hub}: not allowed, or not known: {', '.join(missing)}. The grid says what AWS said.")
    else:
        messages.success(request, f"{hub}: every permission is there, and Security Hub is enabled.")
    return redirect(f"{reverse('security-hub')}#hub-{hub.pk}")


def failed(request: HttpRequest) -> HttpResponseBase:
    """What Security Hub did not take, with its reasons."""
    if form := exports.asked(request):
        columns = hub_lists.FAILED_EXPORT
        rows = hub_lists.exported(request.GET, HubFinding.objects.failed(), columns)
        return exports.answer(form, "security-hub-failed", columns, rows)
    found = hub_lists.read(request, HubFinding.objects.failed(), "failed_at")
    return render(request, "securityhub/failed.html", {"list": found})


@require_POST
@analysts_only
def send_again(request: HttpRequest) -> HttpResponse:
    ids = hub_lists.asked_ids(request.POST, HubFinding.objects.failed(), "failed_at")
    sent = services.send_again(hub_finding_ids=ids)
    if sent:
        messages.success(request, f"{plural(sent)} sent again within seconds.")
    else:
        messages.error(request, "Choose the findings to send again.")
    return redirect(back(request, "security-hub-failed"))


def differences(request: HttpRequest) -> HttpResponseBase:
    """Findings whose workflow status somebody changed in Security Hub."""
    if form := exports.asked(request):
        columns = hub_lists.DIFFERENCES_EXPORT
        rows = hub_lists.exported(request.GET, HubFinding.objects.drifted(), columns)
        return exports.answer(form, "security-hub-differences", columns, rows)
    found = hub_lists.read(request, HubFinding.objects.drifted(), "drifted_at")
    return render(request, "securityhub/differences.html", {"list": found})


@require_POST
@analysts_only
def settle(request: HttpRequest) -> HttpResponse:
    """Take over their status, or send ours."""
    ids = hub_lists.asked_ids(request.POST, HubFinding.objects.drifted(), "drifted_at")
    wanted = request.POST.get("take", "")
    if not ids or wanted not in ("theirs", "ours"):
        messages.error(request, "Choose findings, and whose status holds.")
        return redirect(back(request, "security-hub-differences"))
    if wanted == "ours":
        messages.success(request, f"{plural(services.send_again(hub_finding_ids=ids))} sent with the status from here.")
        return redirect(back(request, "security-hub-differences"))
    try:
        changed = services.take_theirs(hub_finding_ids=ids, by=person(request), now=timezone.now())
    except TriageError as error:
        messages.error(request, f"Nothing was changed: {error}.")
    else:
        messages.success(
            request, f"{changed:,} {'finding has' if changed == 1 else 'findings have'} the status from there."
        )
    return redirect(back(request, "security-hub-differences"))


def plural(number: int) -> str:
    return f"{number:,} {'finding is' if number == 1 else 'findings are'}"


def back(request: HttpRequest, name: str) -> str:
    """To the list, narrowed as it was."""
    hub = hub_lists.asked_hub(request.POST)
    return f"{reverse(name)}?{urlencode({'hub': hub.pk})}" if hub else reverse(name)
