"""The form of the rule editor."""

from __future__ import annotations

from django import forms

from ecsaudit.library.models import Kind, Layer, Mode
from ecsaudit.library.texts import name_in
from ecsaudit.replay.models import Scope
from ecsaudit.web.forms import RowNumber


class RuleForm(forms.Form):
    """One text of an item. `expected` is the id of the version that the author saw; `name` is empty for a new item.

    `beneath` is the id of the shipped version that an overlay was written for.
    """

    kind = forms.ChoiceField(choices=Kind.choices, widget=forms.HiddenInput)
    name = forms.CharField(required=False, max_length=256, strip=False, widget=forms.HiddenInput)
    layer = forms.ChoiceField(
        choices=[(layer.value, layer.label) for layer in (Layer.OWN, Layer.OVERLAY)], widget=forms.HiddenInput
    )
    expected = RowNumber(required=False, widget=forms.HiddenInput)
    beneath = RowNumber(required=False, widget=forms.HiddenInput)
    event = RowNumber(required=False, widget=forms.HiddenInput)
    text = forms.CharField(
        strip=False,
        required=False,
        widget=forms.Textarea(attrs={"rows": 20, "spellcheck": "false", "autocapitalize": "off", "wrap": "off"}),
    )
    mode = forms.ChoiceField(
        label="Begins", choices=Mode.choices, required=False, initial=Mode.SHADOW, widget=forms.RadioSelect
    )
    message = forms.CharField(
        label="Why",
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "what changed, and why"}),
    )
    past = forms.ChoiceField(
        label="The past",
        choices=[
            ("", "stays as it is"),
            (Scope.OPEN.value, "findings that no longer match are archived"),
            (Scope.ALL.value, "that, and findings are made for stored events that match"),
        ],
        required=False,
        widget=forms.RadioSelect,
    )
    despite = forms.BooleanField(label="Save although tests fail", required=False)

    def item_name(self) -> str:
        """The name of the item; a new one is called as its text says. Raises TextRefused where the text can't tell."""
        return str(self.cleaned_data["name"]) or name_in(self.cleaned_data["kind"], self.cleaned_data["text"])
