"""The rule editor: customise, new, clone, edit; checked as one types, tested before it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from ecsaudit import engine, tasks
from ecsaudit.cloudtrail.models import Event
from ecsaudit.compliance.frameworks import other_tags
from ecsaudit.engine import reference
from ecsaudit.library import services, updates
from ecsaudit.library.drafts import changed_rules
from ecsaudit.library.effective import Effective, RulesBroken, rules
from ecsaudit.library.models import MADE_LAYERS, Kind, Layer, Library, Mode, Version
from ecsaudit.library.starting_points import copied, new_text, overlay_starts
from ecsaudit.library.texts import TextRefused
from ecsaudit.people.models import User
from ecsaudit.replay import services as replays
from ecsaudit.replay.models import Replay, Scope
from ecsaudit.web.access import analysts_only, person
from ecsaudit.web.asked import asked_item, asked_number
from ecsaudit.web.in_force import from_when
from ecsaudit.web.rule_check import Checked, Told, checked, told
from ecsaudit.web.rule_form import RuleForm
from ecsaudit.web.rule_list import item_address
from ecsaudit.web.text_diff import side_by_side


@dataclass(frozen=True, slots=True)
class Target:
    """What is edited: the texts of the item in force, and which of them it is (None for one that isn't there yet)."""

    kind: str
    name: str
    layer: Layer
    texts: dict[str, Version]

    @property
    def version(self) -> Version | None:
        return self.texts.get(self.layer)

    @property
    def beneath(self) -> Version | None:
        """The shipped text that an overlay stands on."""
        return self.texts.get(Layer.SHIPPED) if self.layer == Layer.OVERLAY else None

    @property
    def overlay(self) -> Version | None:
        """The overlay that stands on an own text."""
        return self.texts.get(Layer.OVERLAY) if self.layer == Layer.OWN else None


def target_of(kind: str, name: str, layer: str = "") -> Target:
    """An item to edit: own ones as they are, shipped ones by an overlay. Http404 where there is none.

    An import can bring an overlay on an own item; with `layer` that is edited.
    """
    texts = texts_of(kind, name)
    if not texts:
        raise Http404(f"there is no {kind} “{name}”")
    is_own = Layer.OWN in texts and not (layer == Layer.OVERLAY and Layer.OVERLAY in texts)
    return Target(kind, name, Layer.OWN if is_own else Layer.OVERLAY, texts)


def texts_of(kind: str, name: str) -> dict[str, Version]:
    found = Version.objects.current().filter(kind=kind, name=name).exclude(layer__in=MADE_LAYERS)
    return {version.layer: version for version in found}


@analysts_only
def edit(request: HttpRequest) -> HttpResponse:
    """Edit an own item, or customise a shipped one; `start` chooses how an overlay begins."""
    target = target_of(*asked_item(request.GET), request.GET.get("layer", ""))
    beneath = target.beneath
    # An update of the shipped text goes on waiting until it was compared.
    if target.version and target.version.based_on and "compared" not in request.GET:
        beneath = target.version.based_on
    starts = overlay_starts(target.kind, target.name, live_rule(target.name)) if target.version is None else []
    chosen = next((start for start in starts if start.key == request.GET.get("start")), starts[0] if starts else None)
    return page(
        request,
        RuleForm(
            initial={
                "kind": target.kind,
                "name": target.name,
                "layer": target.layer,
                "expected": target.version.pk if target.version else None,
                "beneath": beneath.pk if beneath else None,
                "event": asked_number(request.GET.get("event", "")),
                "text": target.version.text if target.version else chosen.text if chosen else "",
            }
        ),
        {"target": target, "starts": starts, "chosen": chosen, "update": updates.waiting(target.kind, target.name)},
    )


@analysts_only
def new(request: HttpRequest) -> HttpResponse:
    """A new item, or one that begins as a copy of another (`from`)."""
    kind, source = request.GET.get("kind", Kind.RULE), request.GET.get("from", "")
    if kind not in Kind.values:
        raise Http404("there are rules, macros and lists")
    if source:
        kind, source = asked_item(request.GET, "from")
    text = copied(list(target_of(kind, source).texts.values()), kind, source) if source else new_text(kind)
    event = asked_number(request.GET.get("event", ""))
    initial = {"kind": kind, "layer": Layer.OWN, "event": event, "text": text, "mode": Mode.SHADOW}
    return page(request, RuleForm(initial=initial), {"source": source})


@require_POST
@analysts_only
def check(request: HttpRequest) -> HttpResponse:
    """What is to be said of the text: the part of the page that changes as one types, or the page without a script."""
    form = RuleForm(request.POST)
    result = result_of(form) if form.is_valid() else Checked(problems=form_problems(form))
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "library/_checked.html", {"checked": result})
    return page(request, form, {"checked": result})


@require_POST
@analysts_only
def save(request: HttpRequest) -> HttpResponse:
    """Test the text and put it in force; else the page again, with what keeps it from being saved."""
    form = RuleForm(request.POST)
    if not form.is_valid():
        return page(request, form, {})
    if not form.cleaned_data["message"].strip():
        form.add_error("message", "Say what changed and why; it stands in the history.")
    if not form.cleaned_data["text"].strip():
        form.add_error(None, "There is no text. To end an item, take it away.")
    if form.errors:
        return page(request, form, {"checked": result_of(form)})
    result = result_of(form)
    if result.failed and not form.cleaned_data["despite"]:
        return page(request, form, {"checked": result, "tests_failed": True})
    return put(request, form, result)


def put(request: HttpRequest, form: RuleForm, result: Checked) -> HttpResponse:
    data = form.cleaned_data
    kind, name = data["kind"], data["name"]
    try:
        name = form.item_name()
        replay = saved(form, name, data["text"], person(request))
    except services.EditConflict as conflict:
        context = {"checked": result, "conflict": Conflict.of(data["text"], conflict)}
        return page(request, over(request, conflict.current), context)
    except services.RulesRefused as refused:
        problems = told(refused.problems, [], kind, name, data["text"])
        return page(request, form, {"checked": Checked(problems=problems)})
    except TextRefused as refused:
        return page(request, form, {"checked": Checked(problems=refusal(form, refused))})
    except services.LibraryError as error:
        form.add_error(None, f"{error}.")
        return page(request, form, {"checked": result})
    messages.success(request, f"{Kind(kind).label} “{name}” is saved. {from_when()}")
    return redirect(replay or item_address(kind, name))


@transaction.atomic
def saved(form: RuleForm, name: str, text: str, author: User) -> Replay | None:
    """Put a text in force, and ask for what it changes to be applied to the past where that is wanted."""
    data = form.cleaned_data
    # Nobody else's change may come between the rules before and after.
    Library.locked()
    before = live()
    is_new_rule = data["kind"] == Kind.RULE and not data["name"]
    services.save(
        kind=data["kind"],
        name=name,
        layer=Layer(data["layer"]),
        text=text,
        author=author,
        message=data["message"].strip(),
        expected=data["expected"],
        mode=Mode(data["mode"] or Mode.SHADOW) if is_new_rule else None,
        beneath=data["beneath"],
    )
    after = live()
    names = changed_rules(before.rules if before else (), after.rules if after else ())
    if not data["past"] or not names:
        return None
    replay = replays.apply(rules=names, scope=Scope(data["past"]), author=author)
    transaction.on_commit(partial(tasks.replay_soon, replay.pk))
    return replay


@require_POST
@analysts_only
def take_away(request: HttpRequest) -> HttpResponse:
    """Take an own item or an overlay out of force; its versions stay."""
    form = RuleForm(request.POST)
    if not form.is_valid() or not form.cleaned_data["name"]:
        raise Http404("there is nothing to take away")
    kind, name = form.cleaned_data["kind"], form.cleaned_data["name"]
    form.cleaned_data["message"] = form.cleaned_data["message"].strip() or "Taken away"
    replay = None
    try:
        replay = saved(form, name, "", person(request))
    except services.LibraryError as error:
        messages.error(request, f"It is still in force: {error}.")
    else:
        messages.success(request, "It is no longer in force; its versions stay here, and any of them can be restored.")
    return redirect(replay or item_address(kind, name))


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody saved in the meantime: their version (None: they took it away), and how the text at hand differs."""

    theirs: Version | None
    rows: list[Any]

    @classmethod
    def of(cls, text: str, conflict: services.EditConflict) -> Conflict:
        theirs = conflict.current
        return cls(theirs, side_by_side(theirs.text if theirs else "", text.replace("\r\n", "\n")))


def over(request: HttpRequest, theirs: Version | None) -> RuleForm:
    """The form as it was sent, but ready to be saved over what is in force now: sending it again is a decision."""
    data = request.POST.copy()
    data["expected"] = str(theirs.pk) if theirs and theirs.text else ""
    return RuleForm(data)


def page(request: HttpRequest, form: RuleForm, context: dict[str, Any]) -> HttpResponse:
    """The editor around a form that was filled in, or with which it begins."""
    values = form.data if form.is_bound else form.initial
    kind, name = str(values.get("kind") or Kind.RULE), str(values.get("name") or "")
    if name and "target" not in context:
        # Somebody may have taken the item away meanwhile; the text at hand must not be lost with it.
        context["target"] = Target(kind, name, Layer(str(values.get("layer"))), texts_of(kind, name))
    if "checked" not in context and not form.is_bound:
        context["checked"] = result_for(
            kind, name, str(form.initial["layer"]), form.initial["text"], form.initial["event"]
        )
    context |= {
        "form": form,
        "kind": kind,
        "name": name,
        "is_new_rule": kind == Kind.RULE and not name,
        "fields": [
            (reference.signature(each), reference.type_word(each), each.description)
            for each in reference.field_reference()
        ],
        "operators": reference.OPERATOR_WORDS.items(),
        "transformers": reference.TRANSFORMER_WORDS.items(),
    }
    return render(request, "library/editor.html", context)


def result_of(form: RuleForm) -> Checked:
    data = form.cleaned_data
    try:
        name = form.item_name()
    except TextRefused as refused:
        return Checked(problems=refusal(form, refused))
    return result_for(data["kind"], name, data["layer"], data["text"], data["event"])


def result_for(kind: str, name: str, layer: str, text: str, event: int | None) -> Checked:
    at_hand = Event.objects.filter(pk=event).select_related("body").first() if event else None
    if not name:
        return result_of_new(kind, layer, text, at_hand)
    return checked(kind=kind, name=name, layer=layer, text=text, effective=live(), event=at_hand)


def result_of_new(kind: str, layer: str, text: str, event: Event | None) -> Checked:
    """A text with which a new item begins; it is ours, so it names the item."""
    return checked(
        kind=kind, name=engine.item_texts(text)[0].name, layer=layer, text=text, effective=live(), event=event
    )


def form_problems(form: RuleForm) -> list[Told]:
    """Errors of the form's fields as problems of the text."""
    text = str(form.data.get("text", ""))
    rows = [services.file_problem(field, str(each)) for field, found in form.errors.items() for each in found]
    return told(rows, [], "", "", text)


def refusal(form: RuleForm, error: TextRefused) -> list[Told]:
    kind, name = form.cleaned_data["kind"], form.cleaned_data["name"]
    return told([services.refusal(kind, name, error)], [], kind, name, form.cleaned_data["text"])


def live() -> Effective | None:
    """The rules that judge; None while there are none, which must not keep anybody from mending them."""
    try:
        return rules.current()
    except RulesBroken:
        return None


def live_rule(name: str) -> engine.Rule | None:
    effective = live()
    return next((rule for rule in effective.rules if rule.name == name), None) if effective else None


def words(request: HttpRequest) -> HttpResponse:
    """What can be completed while one types: fields, operators, macros, lists and tags."""
    effective = live()
    tags = {tag for rule in effective.rules for tag in rule.tags} if effective else set()
    plain = set(other_tags(tags))
    return JsonResponse(
        {
            "fields": [
                {"name": reference.signature(each), "meta": reference.type_word(each), "help": each.description}
                for each in reference.field_reference()
            ],
            "operators": {word: told for word, (told, _) in reference.OPERATOR_WORDS.items()},
            "transformers": {word: told for word, (told, _) in reference.TRANSFORMER_WORDS.items()},
            "macros": effective.loaded.macros if effective else {},
            "lists": {name: ", ".join(items[:20]) for name, items in effective.loaded.lists.items()}
            if effective
            else {},
            "tags": sorted(tags, key=lambda tag: (tag in plain, tag)),
            "keys": reference.KEYS,
            "priorities": [priority.name for priority in engine.Priority],
        }
    )
