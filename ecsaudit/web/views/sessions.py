"""Sessions: the list, its facets, one session."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from ecsaudit.cloudtrail.models import Event
from ecsaudit.execsessions.models import ExecSession
from ecsaudit.web import lists, session_list
from ecsaudit.web.raw import Raw
from ecsaudit.web.sentences import session_sentence
from ecsaudit.web.timeline import timeline


def listing(request: HttpRequest) -> HttpResponse:
    context = lists.context(request, session_list.SPEC)
    page, problems = lists.read_page(request, context["filter"], session_list.rows())
    base = reverse("sessions")
    context |= {
        "rows": [session_list.shown(row, base) for row in page.rows],
        "older": page.older and context["filter"].address(after=page.older),
        "newer": page.newer and context["filter"].address(before=page.newer),
        "problems": problems,
        "facets_address": reverse("session-facets") + context["here"],
    }
    if "facets" in request.GET:
        context["facets"] = lists.read_facets(context["filter"], session_list.FACETS, ExecSession.objects.all())
    if not page.rows:
        context["is_empty_altogether"] = not ExecSession.objects.exists()
    return render(request, "sessions/list.html", context)


def facets(request: HttpRequest) -> HttpResponse:
    context = lists.context(request, session_list.SPEC)
    context["facets"] = lists.read_facets(context["filter"], session_list.FACETS, ExecSession.objects.all())
    context["list_address"] = reverse("sessions")
    return render(request, "lists/_facets.html", context)


def detail(request: HttpRequest, pk: int) -> HttpResponse:
    session = get_object_or_404(ExecSession.objects.for_detail(), pk=pk)
    events = list(
        Event.objects.filter(session_event__session=session).select_related("body").order_by("event_time", "pk")
    )
    return render(
        request,
        "sessions/detail.html",
        {
            "session": session,
            "sentence": session_sentence(session),
            "timeline": timeline(session, events),
            "events": [(event, Raw.of(event.raw_text)) for event in events],
            "findings": session.findings.order_by("priority", "pk"),
        },
    )
