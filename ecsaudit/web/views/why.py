"""Why (not)? One event before all rules: which match, and what keeps the others from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from ecsaudit import engine
from ecsaudit.cloudtrail.models import Event
from ecsaudit.execsessions.models import ExecSession
from ecsaudit.library.effective import Effective, rules
from ecsaudit.library.models import Mode
from ecsaudit.web.in_force import needs_rules
from ecsaudit.web.raw import Raw


@dataclass(frozen=True, slots=True)
class Answer:
    """A rule and the event: whether it matches, and, if not, the parts of its condition that failed."""

    rule: engine.Rule
    state: str
    matches: bool
    failed: tuple[str, ...] = ()

    @property
    def state_word(self) -> str:
        return str(Mode(self.state).label)


@needs_rules
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """The rules that ask for events of this name, those that match first; `rule` opens the tree of one."""
    event = get_object_or_404(Event.objects.select_related("body", "account"), pk=pk)
    effective = rules.current()
    text = event.raw_text
    answers = sorted(
        asked(effective, event.event_name, text), key=lambda each: (not each.matches, len(each.failed), each.rule.name)
    )
    name = request.GET.get("rule", "")
    chosen = next((rule for rule in effective.rules if rule.name == name), None)
    return render(
        request,
        "library/why.html",
        {
            "event": event,
            "session": ExecSession.objects.filter(session_events__event=event).first(),
            "raw": Raw.of(text),
            "answers": answers,
            "matching": sum(answer.matches for answer in answers),
            "others": len(effective.rules) - len(answers),
            "chosen": chosen,
            "asked": name,
            "explanation": engine.explain(chosen, text) if chosen else None,
        },
    )


def asked(effective: Effective, event_name: str, record: str) -> Iterator[Answer]:
    """An answer of each rule that events of this name concern."""
    for rule in effective.rules:
        if rule.event_names is not None and event_name not in rule.event_names:
            continue
        state = effective.mode_of(rule)
        if rule.condition.matches(record):
            yield Answer(rule, state, True)
        else:
            yield Answer(rule, state, False, tuple(failures(engine.explain(rule, record))))


def failures(node: engine.Explanation) -> Iterator[str]:
    """What would have to be otherwise, as far as evaluation came: the checks that failed, or held under a `not`."""
    if node.result is None:
        return
    if node.kind == engine.Kind.EXCEPTION:
        if node.result:
            yield f"exception {node.text} applies"
        return
    if node.kind == engine.Kind.NOT:
        if not node.result:
            yield f"not {first_text(node.children[0])}"
        return
    if node.result:
        return
    if node.kind == engine.Kind.CHECK:
        yield node.text
        return
    for child in node.children:
        yield from failures(child)


def first_text(node: engine.Explanation) -> str:
    """The part of a condition in few words: itself, or the macro it is, or what it begins with."""
    if node.kind in (engine.Kind.CHECK, engine.Kind.MACRO):
        return node.text
    return f"({first_text(node.children[0])} {node.kind} …)"
