"""Channels: the list, their forms and texts, tests. Everybody may look at the list; administrators change channels."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from ecsaudit.findings.models import Finding
from ecsaudit.notifications import managing, telling
from ecsaudit.notifications.channels import CHANNELS
from ecsaudit.notifications.models import Channel, Message, Purpose
from ecsaudit.notifications.notice import Notice
from ecsaudit.notifications.texts import compose, default_template, problems_of, table
from ecsaudit.visible import shortened
from ecsaudit.web import channel_list, exports
from ecsaudit.web.access import administrators_only, person
from ecsaudit.web.channel_form import ChannelForm, TextsForm
from ecsaudit.web.times import minute

FINDINGS_OFFERED = 15


def listing(request: HttpRequest) -> HttpResponseBase:
    now = timezone.now()
    numbers = Channel.objects.numbers(now, since=channel_list.week_before(now))
    found = Channel.objects.filter(pk__in=numbers)
    policies = dict(found.order_by().values_list("pk", Count("policies")))
    rows = channel_list.rows(found, numbers, now, policies)
    if form := exports.asked(request):
        return exports.answer(form, "channels", channel_list.EXPORT, rows)
    return render(request, "channels/list.html", {"rows": rows, "exports": exports.links()})


@require_http_methods(["GET", "POST"])
@administrators_only
def new(request: HttpRequest) -> HttpResponse:
    """Choose a kind, then fill in its form."""
    kind = CHANNELS.get(request.GET.get("kind", ""))
    if kind is None:
        return render(request, "channels/kinds.html", {"kinds": CHANNELS.values()})
    form = ChannelForm(kind, None, request.POST or None)
    if request.method == "POST" and form.is_valid():
        channel = form.save()
        messages.success(request, f"{channel.name} is there. Send a test to see whether messages arrive.")
        return redirect("channel", channel.pk)
    return render(request, "channels/form.html", {"kind": kind, "form": form})


@require_http_methods(["GET", "POST"])
@administrators_only
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One channel: its form, how it stands, the last test."""
    channel = one(pk)
    form = ChannelForm(CHANNELS[channel.kind], channel, request.POST or None)
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        messages.success(request, f"{saved.name} is saved.")
        return redirect("channel", pk)
    tests = Message.objects.filter(channel=channel, purpose=Purpose.TEST).select_related("asked_by")
    context = {
        "kind": CHANNELS[channel.kind],
        "form": form,
        "channel": channel,
        "standing": channel_list.standing_of(channel, timezone.now()),
        "test": tests.order_by("-pk").first(),
        "links_are_local": telling.is_local(),
    }
    return render(request, "channels/form.html", context)


@require_POST
@administrators_only
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a made-up finding while the person waits; the channel's page shows the answer."""
    try:
        managing.send_test(channel=one(pk), by=person(request), now=timezone.now())
    except managing.TestTakenAway:
        messages.error(request, "The test took so long to begin that it was given up; nothing was sent.")
    return redirect("channel", pk)


@require_POST
@administrators_only
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    channel, enabled = one(pk), request.POST.get("switch") == "on"
    managing.switch(channel=channel, enabled=enabled)
    what = "is on: messages go out" if enabled else "is off: nothing goes out until it is on again"
    messages.success(request, f"{channel.name} {what}.")
    return redirect("channel", pk)


@require_http_methods(["GET", "POST"])
@administrators_only
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """What goes with a channel, to be confirmed."""
    channel = get_object_or_404(Channel, pk=pk)
    if request.method == "POST":
        managing.delete(channel=channel)
        messages.success(request, f"{channel.name} is deleted.")
        return redirect("channels")
    numbers = Channel.objects.filter(pk=pk).numbers(timezone.now(), since=None)[pk]
    context = {"channel": channel, "findings": channel_list.count_word(numbers.findings), "held": numbers.held}
    return render(request, "channels/delete.html", context)


@require_http_methods(["GET", "POST"])
@administrators_only
def texts(request: HttpRequest, pk: int) -> HttpResponse:
    """The templates, with a preview on a finding; a post with do=save keeps them, without problems only."""
    channel = one(pk)
    initial = {"title": channel.title_template, "body": channel.body_template, "finding": request.GET.get("finding")}
    form = TextsForm(request.POST if request.method == "POST" else initial)
    form.is_valid()
    title, body = (form.cleaned_data.get(name, "").replace("\r", "") for name in ("title", "body"))
    problems = [(part, each) for part, text in (("Title", title), ("Text", body)) for each in problems_of(text)]
    if request.POST.get("do") == "save" and form.is_valid() and not problems:
        managing.save_texts(channel=channel, title_template=title.strip(), body_template=body.strip())
        messages.success(request, f"The texts of {channel.name} are saved.")
        return redirect("channel", pk)
    finding = chosen(form.cleaned_data.get("finding"))
    notice = notice_of(finding)
    context = {
        "channel": channel,
        "form": form,
        "title": title,
        "body": body,
        "default": default_template(channel.kind),
        "problems": problems,
        "is_refused": request.POST.get("do") == "save",
        "text": compose(channel.kind, title, body, notice),
        "placeholders": table(notice),
        "chosen": finding,
        "offered": offered(finding),
    }
    partial = request.headers.get("HX-Request") == "true"
    return render(request, "channels/_preview.html" if partial else "channels/texts.html", context)


def one(pk: int) -> Channel:
    channel = get_object_or_404(Channel, pk=pk)
    if channel.kind not in CHANNELS:
        raise Http404(f"this ecsaudit knows no channels of the kind {channel.kind}")
    return channel


def chosen(pk: int | None) -> Finding | None:
    """The finding that a preview is about: the one asked for, else the newest; None where there is none."""
    findings = telling.tellable(Finding.objects.all())
    asked = findings.filter(pk=pk).first() if pk else None
    return asked or findings.order_by("-event_time", "-pk").first()


def notice_of(finding: Finding | None) -> Notice:
    if finding is None:
        return telling.sample(key="preview", about="preview", now=timezone.now())
    return telling.notice_about([finding])


def offered(finding: Finding | None) -> list[tuple[int, str]]:
    """The newest findings, and the chosen one, to choose from."""
    newest = list(Finding.objects.order_by("-event_time", "-pk")[:FINDINGS_OFFERED])
    if finding is not None and finding not in newest:
        newest.append(finding)
    return [(each.pk, f"{minute(each.event_time)}  {shortened(each.rule, 60)}") for each in newest]
