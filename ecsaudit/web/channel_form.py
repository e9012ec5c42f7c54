"""The form of a channel, made of its kind's fields. Secrets are only ever written: an empty one keeps what is there."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from ecsaudit.notifications import sealing
from ecsaudit.notifications.channels import Field, Kind
from ecsaudit.notifications.managing import save
from ecsaudit.notifications.models import Channel
from ecsaudit.visible import visible
from ecsaudit.web.forms import RowNumber

KEPT = "Kept and not shown; leave it empty to keep it."
LONGEST = 4_000


class ChannelForm(forms.Form):
    """Name and the kind's fields, checked by the kind."""

    name = forms.CharField(max_length=128, help_text="As policies and the list of deliveries name it.")

    def __init__(self, kind: Kind, channel: Channel | None, data: Any = None) -> None:
        values = {"name": channel.name, **channel.settings} if channel else {}
        super().__init__(data, initial=values)
        self.kind, self.channel = kind, channel
        for field in kind.fields:
            self.fields[field.name] = input_of(field, is_kept=bool(field.secret and channel and channel.sealed_secrets))

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if visible(name) != name:
            raise ValidationError("The name holds characters that can't be seen.", code="invisible")
        others = Channel.objects.exclude(pk=self.channel.pk) if self.channel else Channel.objects.all()
        if others.filter(name=name).exists():
            raise ValidationError("Another channel has this name.", code="name_taken")
        return name

    def clean(self) -> dict[str, Any]:
        """The kind looks at everything together, with the secrets that are kept."""
        if self.errors:
            return self.cleaned_data
        kept: dict[str, str] = {}
        if self.channel and len(self.secrets) < sum(field.secret for field in self.kind.fields):
            try:
                kept = sealing.unseal(self.channel.sealed_secrets)
            except sealing.CannotOpen as error:
                raise ValidationError(f"The secrets that are kept can't be opened: {error}.", code="sealed") from error
        for problem in self.kind.check(self.settings, {**kept, **self.secrets}):
            self.add_error(problem.field, problem.text)
        return self.cleaned_data

    @property
    def settings(self) -> dict[str, str]:
        return {field.name: self.cleaned_data[field.name] for field in self.kind.fields if not field.secret}

    @property
    def secrets(self) -> dict[str, str]:
        """Those that were entered."""
        entered = {field.name: self.cleaned_data[field.name] for field in self.kind.fields if field.secret}
        return {name: value for name, value in entered.items() if value}

    def save(self) -> Channel:
        return save(
            channel=self.channel,
            kind=self.kind.key,
            name=self.cleaned_data["name"],
            settings=self.settings,
            secrets=self.secrets,
        )


class TextsForm(forms.Form):
    """The templates of a channel, and the finding of the preview (empty: a made-up one)."""

    title = forms.CharField(required=False, strip=False, max_length=10_000)
    body = forms.CharField(required=False, strip=False, max_length=20_000, widget=forms.Textarea)
    finding = RowNumber(required=False)


def input_of(field: Field, *, is_kept: bool) -> forms.Field:
    options: dict[str, Any] = {
        "label": field.label,
        "help_text": f"{field.help} {KEPT}" if is_kept else field.help,
        "required": field.required and not is_kept,
    }
    if field.choices:
        return forms.ChoiceField(choices=field.choices, **options)
    widget: forms.Widget = forms.TextInput()
    if field.secret:
        widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"})
    elif field.lines > 1:
        widget = forms.Textarea(attrs={"rows": field.lines})
    return forms.CharField(max_length=LONGEST, widget=widget, **options)
