"""Forms that belong to no single screen's package."""

from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.core.exceptions import ValidationError

# The largest number that every database has room for.
LARGEST = 2**63 - 1


class RowNumber(forms.IntegerField):
    """The id of a row, as a form carries it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=LARGEST, **options)


class OwnPasswordForm(PasswordChangeForm):
    """A new password that is not the old one: a one-time password must not become a lasting one."""

    def clean_new_password1(self) -> str:
        password: str = self.cleaned_data["new_password1"]
        if self.user.check_password(password):
            raise ValidationError("Choose a password that you don't have already.", code="password_unchanged")
        return password
