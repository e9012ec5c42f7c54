"""Tests of rules, made from events that were collected or from a record that somebody pastes."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from ecsaudit import engine
from ecsaudit.cloudtrail.models import Event
from ecsaudit.library import rule_tests
from ecsaudit.library.effective import rules
from ecsaudit.library.models import Kind, RuleTest
from ecsaudit.visible import json_escaped
from ecsaudit.web.access import analysts_only, person
from ecsaudit.web.asked import asked_number
from ecsaudit.web.in_force import needs_rules
from ecsaudit.web.rule_list import item_address


class TestForm(forms.Form):
    """A record, the rule to try with it, and what is expected."""

    rule = forms.CharField(max_length=256, strip=False)
    # Not called matches: in a browser a form's fields hide its own functions of the same name.
    expected = forms.TypedChoiceField(
        label="The rule",
        choices=[("yes", "must match it"), ("no", "must not match it")],
        coerce=lambda word: word == "yes",
        initial="yes",
        widget=forms.RadioSelect,
    )
    why = forms.CharField(label="In a few words", max_length=200, required=False)
    record = forms.CharField(strip=False, widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false"}))


@analysts_only
@needs_rules
def new(request: HttpRequest) -> HttpResponse:
    """Keep a record as a test: that of an event (`event`), or one to paste."""
    names = sorted(rule.name for rule in rules.current().rules)
    if request.method != "POST":
        text = event_text(request)
        initial = {"rule": request.GET.get("rule", ""), "record": text, "expected": request.GET.get("expected", "yes")}
        return page(request, TestForm(initial=initial), names)
    form = TestForm(request.POST)
    if form.is_valid() and form.cleaned_data["rule"] not in names:
        form.add_error("rule", "There is no such rule; choose one of the list.")
    if not form.is_valid():
        return page(request, form, names)
    try:
        test = rule_tests.keep(
            rule=form.cleaned_data["rule"],
            matches=form.cleaned_data["expected"],
            why=form.cleaned_data["why"],
            record=form.cleaned_data["record"],
            author=person(request),
        )
    except rule_tests.TestRefused as refused:
        form.add_error("record", f"{refused}.")
        return page(request, form, names)
    messages.success(request, "The test is kept; it runs whenever the rule is about to be changed.")
    return redirect(f"{item_address(Kind.RULE, test.rule)}#tests")


def page(request: HttpRequest, form: TestForm, names: list[str]) -> HttpResponse:
    return render(request, "library/test.html", {"form": form, "names": names, "result": tried(form)})


def tried(form: TestForm) -> engine.Explanation | None:
    """What the rule says to the record today."""
    values = form.data if form.is_bound else form.initial
    rule = next((rule for rule in rules.current().rules if rule.name == values.get("rule")), None)
    record = values.get("record", "")
    return engine.explain(rule, record) if rule and record else None


def event_text(request: HttpRequest) -> str:
    pk = asked_number(request.GET.get("event", ""))
    return json_escaped(get_object_or_404(Event.objects.select_related("body"), pk=pk).raw_text) if pk else ""


@require_POST
@analysts_only
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    test = get_object_or_404(RuleTest, pk=pk)
    test.delete()
    messages.success(request, "The test is removed.")
    return redirect(f"{item_address(Kind.RULE, test.rule)}#tests")
