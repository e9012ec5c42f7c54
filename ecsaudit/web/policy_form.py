"""The form of the policy editor: one page, five blocks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from ecsaudit.compliance.frameworks import FRAMEWORKS, controls_of
from ecsaudit.findings.models import Priority
from ecsaudit.findings.severity import Severity
from ecsaudit.library.effective import Effective
from ecsaudit.notifications.models import Channel
from ecsaudit.policies.decide import control_in_words
from ecsaudit.policies.hours import DAYS, UTC, zones
from ecsaudit.policies.models import HoursMode, Policy
from ecsaudit.policies.patterns import PatternError, lines_of
from ecsaudit.policies.terms import SCOPE, Grouping, Terms
from ecsaudit.visible import shortened, visible
from ecsaudit.web.forms import RowNumber

# Offered while one types; every other name of a zone does as well.
COMMON_ZONES = (
    "UTC", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "Europe/Madrid", "Europe/Paris", "Europe/Berlin",
    "Europe/Warsaw", "Europe/Helsinki", "Europe/Kyiv", "Africa/Johannesburg", "Asia/Dubai", "Asia/Kolkata",
    "Asia/Singapore", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland", "America/Sao_Paulo",
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
)  # fmt: skip
# Ticked until somebody chooses.
WORKING_DAYS = list(range(5))
HOURS = ("hours_days", "hours_from", "hours_to", "hours_zone")
# Fields that are not needed to count.
NOT_COUNTED = frozenset({"name", "runbook_url", "reason", "owner", "description"})
PLACEHOLDERS = {
    "account": "111122223333, or its alias",
    "region": "eu-*",
    "cluster": "prod-*",
    "service": "payments-*",
    "container": "web",
    "person": "not ci-*",
    "role": "Admin*",
}
HELP = {
    "service": "CloudTrail names a service only where somebody changes one, such as with UpdateService, and never for exec "
    "sessions: with a service here, no exec session is caught.",
    "role": "Of Identity Center's roles, the permission set's name does as well.",
}


class ChannelsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Channels by their names, which anybody may have written."""

    def label_from_instance(self, obj: Channel) -> str:
        return f"{shortened(obj.name, 60)}{'' if obj.enabled else ' (off)'}"


class PatternsField(forms.CharField):
    """Lines of policies.patterns; the value is the list of them."""

    def __init__(self, **options: Any) -> None:
        rows = options.pop("rows", 2)
        placeholder = options.pop("placeholder", "")
        attributes = {"rows": rows, "placeholder": placeholder, "spellcheck": "false", "autocapitalize": "off"}
        super().__init__(required=False, strip=False, widget=forms.Textarea(attrs=attributes), **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        try:
            return lines_of(super().clean(value))
        except PatternError as error:
            raise ValidationError(f"{str(error)[0].upper()}{str(error)[1:]}.", code="pattern") from error


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A policy that is new or changed. `expected` is the revision that its author saw."""

    rules = PatternsField(label="By name", rows=3, placeholder="one a line; * is any text; not … leaves out")
    tags = PatternsField(label="By tag", placeholder="aws_ecs_exec")
    frameworks = forms.MultipleChoiceField(label="By framework", required=False, widget=forms.CheckboxSelectMultiple)
    chosen_controls = forms.MultipleChoiceField(
        label="By control", required=False, widget=forms.SelectMultiple(attrs={"size": 8})
    )
    priority = forms.TypedChoiceField(
        label="Priority", required=False, coerce=int, empty_value=None, choices=[("", "Any"), *Priority.choices]
    )
    severity = forms.ChoiceField(
        label="Severity", required=False, choices=[("", "As the rule's priority says"), *Severity.choices]
    )
    hours = forms.ChoiceField(label="Hours", choices=HoursMode.choices, widget=forms.RadioSelect)
    hours_days = forms.TypedMultipleChoiceField(
        label="Days", required=False, coerce=int, choices=list(enumerate(DAYS)), widget=forms.CheckboxSelectMultiple
    )
    hours_from = forms.TimeField(
        label="From", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    hours_to = forms.TimeField(
        label="To", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    hours_zone = forms.CharField(
        label="Time zone", required=False, widget=forms.TextInput(attrs={"list": "zones", "placeholder": UTC})
    )
    channels = ChannelsField(
        label="Channels", required=False, queryset=Channel.objects.all(), widget=forms.CheckboxSelectMultiple
    )
    grouping = forms.ChoiceField(label="Together", choices=Grouping.choices, widget=forms.RadioSelect)
    enabled = forms.BooleanField(label="On from the start", required=False)
    expected = RowNumber(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(
        label="Why",
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "stands in the history"}),
    )

    class Meta:
        model = Policy
        fields = ("name", "description", "rules", "tags", "priority", "hours", "hours_days", "hours_from", "hours_to",
                  "hours_zone", "severity", "channels", "throttle_minutes", "grouping", "runbook_url", "owner",
                  "enabled")  # fmt: skip
        labels = {"runbook_url": "Runbook"}
        help_texts = {"runbook_url": "Goes along with every message."}
        widgets = {
            "description": forms.Textarea(attrs={"rows": 2}),
            "runbook_url": forms.URLInput(attrs={"placeholder": "https://…"}),
        }

    def __init__(self, *arguments: Any, effective: Effective | None, **options: Any) -> None:
        # Only of an instance does a new form take the model's defaults.
        options.setdefault("instance", Policy())
        super().__init__(*arguments, **options)
        policy: Policy = self.instance
        # A character that can't be seen stands there as its mark, also where somebody can change it.
        self.initial = {name: seen(value) for name, value in self.initial.items()}
        for name, word in SCOPE.items():
            self.fields[f"scope_{name}"] = PatternsField(
                label=word[0].upper() + word[1:], placeholder=PLACEHOLDERS[name], help_text=HELP.get(name, ""),
                initial=seen(policy.scope.get(name, [])),
            )  # fmt: skip
        used = (
            sorted({control.key for rule in effective.rules for control in controls_of(rule.tags)}) if effective else []
        )
        self.controls_offered = control_choices([*used, *policy.controls, *self.initial.get("chosen_controls", ())])
        self.choices_of("frameworks", [(key, framework.name) for key, framework in FRAMEWORKS.items()])
        self.choices_of("chosen_controls", self.controls_offered)
        self.initial.setdefault("frameworks", [key for key in policy.controls if key in FRAMEWORKS])
        self.initial.setdefault("chosen_controls", [key for key in policy.controls if key not in FRAMEWORKS])
        if not self.initial.get("hours_days"):
            self.initial["hours_days"] = WORKING_DAYS
        if policy.pk:
            self.initial["expected"] = policy.revision
        self.common_zones = COMMON_ZONES

    def choices_of(self, name: str, choices: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    @property
    def scope_fields(self) -> list[forms.BoundField]:
        return [self[f"scope_{name}"] for name in SCOPE]

    def clean_hours_zone(self) -> str:
        zone: str = self.cleaned_data["hours_zone"].strip() or UTC
        if zone not in zones():
            raise ValidationError(
                f"There is no time zone “{zone[:60]}”; write one like Europe/Berlin or UTC.", code="zone"
            )
        return zone

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not name.isprintable():
            raise ValidationError("The name holds a character that can't be seen; type it anew.", code="name")
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("hours") == HoursMode.ALWAYS:
            # What stands in fields that don't apply says nothing, and can't be wrong.
            for name in HOURS:
                self.errors.pop(name, None)
            data |= {"hours_days": [], "hours_from": None, "hours_to": None, "hours_zone": UTC}
        if data.get("hours") in (HoursMode.INSIDE, HoursMode.OUTSIDE):
            if not data.get("hours_days") and "hours_days" not in self.errors:
                self.add_error("hours_days", "Choose the days on which the hours begin.")
            for name in ("hours_from", "hours_to"):
                if data.get(name) is None and name not in self.errors:
                    self.add_error(name, "Write a time like 08:00.")
        return data

    def _post_clean(self) -> None:
        # What stands in several fields of the form is one column each.
        data = self.cleaned_data
        self.instance.scope = {name: lines for name in SCOPE if (lines := data.get(f"scope_{name}"))}
        self.instance.controls = [*data.get("frameworks", ()), *data.get("chosen_controls", ())]
        super()._post_clean()  # type: ignore[misc]

    def uncounted(self) -> list[tuple[str, str]]:
        """(label, what is wrong) of what keeps the policy from being counted."""
        wrong = [
            (str(self[name].label), str(error))
            for name in self.errors
            if name in self.fields
            for error in self.errors[name]
        ]
        return wrong if set(self.errors) - NOT_COUNTED else []

    def terms(self) -> Terms:
        """What the policy would say; only of a form that can be counted."""
        policy: Policy = self.instance
        return policy.terms([channel.pk for channel in self.cleaned_data["channels"]])


def seen(value: Any) -> Any:
    """A text, or a list of texts, with every invisible character in a line as a mark; anything else as it is."""
    if isinstance(value, list):
        return [seen(each) for each in value]
    return "\n".join(map(visible, value.splitlines())) if isinstance(value, str) else value


def control_choices(keys: Iterable[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Controls by framework, as a select groups them."""
    found: dict[str, list[tuple[str, str]]] = {framework.name: [] for framework in FRAMEWORKS.values()}
    for key in dict.fromkeys(keys):
        framework = FRAMEWORKS.get(key.partition(":")[0].partition("@")[0])
        if framework is not None and ":" in key:
            title = framework.controls.get(key.partition(":")[2], "")
            found[framework.name].append((key, f"{control_in_words(key)} {title}".rstrip()))
    return [(name, choices) for name, choices in found.items() if choices]
