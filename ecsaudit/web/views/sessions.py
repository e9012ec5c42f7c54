"""Sessions: the list, its facets, one session."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render

from ecsaudit.cloudtrail.models import Event
from ecsaudit.execsessions.models import ExecSession
from ecsaudit.web import lists, session_list
from ecsaudit.web.raw import Raw
from ecsaudit.web.sentences import session_sentence
from ecsaudit.web.timeline import timeline


def listing(request: HttpRequest) -> HttpResponseBase:
    return lists.show(request, session_list.LISTING)


def facets(request: HttpRequest) -> HttpResponse:
    return lists.show_facets(request, session_list.LISTING)


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
            "findings": session.findings.order_by("record_state", "priority", "pk"),
        },
    )
