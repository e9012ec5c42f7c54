"""Policies: the list, the editor with what it would come to, one policy, and which of them catch a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from ecsaudit.compliance.frameworks import FRAMEWORKS
from ecsaudit.findings.models import Finding, Priority
from ecsaudit.findings.severity import SEVERITIES
from ecsaudit.library.effective import Effective, RulesBroken, rules
from ecsaudit.notifications.models import Channel
from ecsaudit.policies import services
from ecsaudit.policies.in_force import policies as in_force
from ecsaudit.policies.models import FIELDS, Policy, PolicyVersion
from ecsaudit.policies.preview import DAYS, LOOKED_AT, recent_findings
from ecsaudit.policies.reading import facts_of
from ecsaudit.policies.verdicts import verdicts
from ecsaudit.web import exports, policy_forecast, policy_list, rule_list
from ecsaudit.web.access import analysts_only, person
from ecsaudit.web.asked import asked_number
from ecsaudit.web.control_filter import CONTROL_WORDS
from ecsaudit.web.filters import ListFilter
from ecsaudit.web.policy_form import PolicyForm
from ecsaudit.web.policy_list import PolicyRow
from ecsaudit.web.policy_words import lines_of

PAGE = 50
# Versions that a page shows.
VERSIONS = 50
SEVERITY_TABLE = [(value.label, SEVERITIES[value].label) for value in Priority]


def effective_rules() -> Effective | None:
    """The rules in force; None where there are no good ones, which policies do without."""
    try:
        return rules.current()
    except RulesBroken:
        return None


def listing(request: HttpRequest) -> HttpResponseBase:
    filter = ListFilter.read(policy_list.SPEC, request.GET)
    every = policy_list.rows(Policy.objects.in_order(), effective_rules())
    found = rule_list.apply(filter, every)
    if form := exports.asked(request):
        return exports.answer(form, "policies", policy_list.EXPORT, found)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    shown: list[PolicyRow] = list(page.object_list)
    recent = recent_findings(timezone.now(), with_roles=any("role" in row.terms.scope for row in shown))
    counts = policy_list.matches(shown, recent.findings)
    facets = [each for each in policy_list.SPEC.dimensions if each.name in policy_list.FACETS]
    return render(
        request,
        "policies/list.html",
        {
            "filter": filter,
            "chips": filter.chips(),
            "kept": [pair for pair in filter.pairs() if pair[0] != "q"],
            "problems": filter.problems,
            "rows": [(row, counts[row.policy.pk]) for row in shown],
            "recent": recent,
            "days": DAYS,
            "facets": [rule_list.facet(filter, dimension, found, dimension.word) for dimension in facets],
            "older": page.has_next() and filter.address(page=str(page.number + 1)),
            "newer": page.has_previous() and filter.address(page=str(page.number - 1)),
            "count": len(found),
            "total": len(every),
            "exports": exports.links(filter.pairs()),
            "without_channel": [row.policy for row in every if row.policy.enabled and not row.channels],
            "some_channels": list(Channel.objects.order_by("name")[:5]),
        },
    )


def detail(request: HttpRequest, pk: int) -> HttpResponse:
    policy = get_object_or_404(Policy.objects.in_order(), pk=pk)
    effective = effective_rules()
    (row,) = policy_list.rows([policy], effective)
    versions = list(policy.versions.for_list()[: VERSIONS + 1])
    return render(
        request,
        "policies/detail.html",
        {
            "policy": policy,
            "row": row,
            "shown": policy_forecast.shown(row.terms, effective, timezone.now(), caught=20),
            "severities": SEVERITY_TABLE,
            "versions": told(versions[:VERSIONS]),
            "more_versions": len(versions) > VERSIONS,
            "some_channels": [] if row.channels else list(Channel.objects.order_by("name")[:5]),
        },
    )


def told(versions: list[PolicyVersion]) -> list[tuple[PolicyVersion, list[str]]]:
    return [(version, lines_of(version)) for version in versions]


def history(request: HttpRequest) -> HttpResponseBase:
    """What was done to all policies, also to those that are gone."""
    found = PolicyVersion.objects.for_list()
    if form := exports.asked(request):
        values = found.select_related(None).values(*(column.path for column in policy_list.VERSION_EXPORT))
        return exports.answer(form, "policy-history", policy_list.VERSION_EXPORT, exports.last_made_first(values))
    page = Paginator(found, VERSIONS).get_page(request.GET.get("page"))
    return render(
        request,
        "policies/history.html",
        {
            "versions": told(list(page.object_list)),
            "older": page.has_next() and f"?page={page.number + 1}",
            "newer": page.has_previous() and f"?page={page.number - 1}",
            "exports": exports.links(),
        },
    )


@analysts_only
def new(request: HttpRequest) -> HttpResponse:
    """An empty policy, or one that begins with what the address names: framework, control, rule, tag, channel."""
    initial = {
        "frameworks": [key for key in request.GET.getlist("framework") if key in FRAMEWORKS],
        "chosen_controls": [key for key in request.GET.getlist("control") if key in CONTROL_WORDS],
        "rules": [name for name in request.GET.getlist("rule") if name.isprintable()],
        "tags": [tag for tag in request.GET.getlist("tag") if tag.isprintable()],
        "channels": [pk for pk in map(asked_number, request.GET.getlist("channel")) if pk is not None],
    }
    effective = effective_rules()
    return page(request, PolicyForm(effective=effective, initial=initial), effective, {})


@analysts_only
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    policy = get_object_or_404(Policy, pk=pk)
    effective = effective_rules()
    return page(request, PolicyForm(instance=policy, effective=effective), effective, {})


def posted(request: HttpRequest, pk: int | None, effective: Effective | None) -> PolicyForm:
    policy = get_object_or_404(Policy, pk=pk) if pk else Policy()
    return PolicyForm(request.POST, instance=policy, effective=effective)


@require_POST
@analysts_only
def check(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """What the policy would come to: the right rail as one types, or the whole page without a script."""
    effective = effective_rules()
    form = posted(request, pk, effective)
    context = {"shown": counted(form, effective)}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "policies/_forecast.html", context | {"form": form})
    return page(request, form, effective, context)


def counted(form: PolicyForm, effective: Effective | None) -> policy_forecast.Shown | None:
    """None where the form can't be understood, which its own messages say. A name is not needed to count."""
    if form.uncounted():
        return None
    return policy_forecast.shown(form.terms(), effective, timezone.now())


@require_POST
@analysts_only
def save(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    effective = effective_rules()
    form = posted(request, pk, effective)
    if not form.is_valid():
        return page(request, form, effective, {})
    policy: Policy = form.instance
    data = form.cleaned_data
    written = {"by": person(request), "reason": data["reason"].strip(), "now": timezone.now()}
    try:
        if pk is None:
            services.create(policy=policy, channels=data["channels"], **written)
            messages.success(request, f"Policy “{policy.name}” is saved.")
        else:
            expected = data["expected"] or 0
            changed = services.change(policy=policy, channels=data["channels"], expected=expected, **written)
            words = ", ".join(FIELDS[name] for name in changed)
            messages.success(request, f"Changed: {words}." if changed else "Nothing was changed.")
    except services.EditConflict as conflict:
        return over(request, conflict.current, data["expected"] or 0, effective)
    except services.PolicyError as error:
        form.add_error(None, f"{str(error)[0].upper()}{str(error)[1:]}.")
        return page(request, form, effective, {})
    return redirect(policy)


def over(request: HttpRequest, current: Policy, seen: int, effective: Effective | None) -> HttpResponse:
    """The page again after somebody else saved: with what they changed, and what was written here still in it."""
    values = request.POST.copy()
    values["expected"] = str(current.revision)
    form = PolicyForm(values, instance=current, effective=effective)
    theirs = list(current.versions.for_list().filter(revision__gt=seen)[:VERSIONS])
    return page(request, form, effective, {"conflict": told(theirs)})


def page(request: HttpRequest, form: PolicyForm, effective: Effective | None, context: dict[str, Any]) -> HttpResponse:
    """The editor. An unsent form shows what the policy comes to as it is."""
    if "shown" not in context:
        context["shown"] = (
            counted(form, effective)
            if form.is_bound
            else policy_forecast.shown(unsent(form), effective, timezone.now())
        )
    pk = form.instance.pk
    # A refused name is not the policy's name.
    policy = Policy.objects.filter(pk=pk).first() if pk else None
    return render(
        request,
        "policies/form.html",
        {"form": form, "policy": policy, "severities": SEVERITY_TABLE, "looked_at": LOOKED_AT, **context},
        status=422 if form.is_bound and form.errors and "conflict" not in context and request.method == "POST" else 200,
    )


def unsent(form: PolicyForm) -> Any:
    """What the form says before anybody sent it: the policy, or what the address of a new one names."""
    policy: Policy = form.instance
    if policy.pk:
        return policy.terms()
    initial = form.initial
    policy.rules, policy.tags = initial["rules"], initial["tags"]
    policy.controls = [*initial["frameworks"], *initial["chosen_controls"]]
    return policy.terms(list(initial["channels"]))


@require_POST
@analysts_only
def act(request: HttpRequest) -> HttpResponse:
    """What the list and a policy's page do with one press: on, off, up, down, add a channel, delete."""
    pk = asked_number(request.POST.get("policy", "")) or 0
    by, now, reason = person(request), timezone.now(), request.POST.get("reason", "").strip()[:500]
    back: Any = "policies"
    try:
        match request.POST.get("action", ""):
            case "on" | "off" as action:
                policy = services.switch(policy_id=pk, enabled=action == "on", by=by, reason=reason, now=now)
                messages.success(request, f"Policy “{policy.name}” is {action}.")
            case "up" | "down" as action:
                services.move(policy_id=pk, up=action == "up", by=by, now=now)
            case "channel":
                channel = get_object_or_404(Channel, pk=asked_number(request.POST.get("channel", "")) or 0)
                back = policy = services.add_channel(policy_id=pk, channel=channel, by=by, now=now)
                messages.success(request, f"Policy “{policy.name}” tells “{channel.name}” from now on.")
            case "delete":
                services.delete(policy_id=pk, by=by, reason=reason, now=now)
                messages.success(request, "The policy is deleted. What it did stands in the history.")
            case _:
                messages.error(request, "Choose what to do: on, off, up, down, channel or delete.")
    except services.PolicyError as error:
        messages.error(request, f"{str(error)[0].upper()}{str(error)[1:]}.")
    return redirect(back)


def of_channel(request: HttpRequest, pk: int) -> HttpResponse:
    """Which policies tell a channel, and those that have none yet and could: a page, or the part of the channel's page."""
    channel = get_object_or_404(Channel, pk=pk)
    context = {
        "channel": channel,
        "leading": Policy.objects.filter(channels=channel).order_by("position", "pk"),
        "without_channel": Policy.objects.filter(channels=None, enabled=True).order_by("position", "pk")[:5],
    }
    template = "policies/_leading.html" if request.htmx else "policies/of_channel.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def caught_by(request: HttpRequest, pk: int) -> HttpResponse:
    """Which policies catch a finding, and why the others don't: a page, or the part of the finding's page."""
    finding = get_object_or_404(Finding, pk=pk)
    every = in_force.current()
    with_roles = any("role" in policy.scope for policy in every)
    (facts,) = facts_of(Finding.objects.filter(pk=pk), with_roles=with_roles)
    names = dict(Channel.objects.values_list("pk", "name"))
    found = verdicts(facts, every)
    context = {
        "finding": finding,
        "catching": [
            (verdict, named(verdict.tells, names), named(verdict.already, names), named(verdict.about, names))
            for verdict in found
            if verdict.catches
        ],
        "others": [verdict for verdict in found if not verdict.catches],
    }
    template = "policies/_verdicts.html" if request.htmx else "policies/caught_by.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def named(ids: Sequence[int], names: Mapping[int, str]) -> list[str]:
    """The names of channels that are still there."""
    return [names[each] for each in ids if each in names]
