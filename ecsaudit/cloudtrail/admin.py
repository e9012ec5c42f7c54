"""Accounts are edited here; what was collected can be looked at but not changed."""

import re
from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from ecsaudit.cloudtrail.models import Account, Event, Feed, Query, UnreadableRecord

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Account]
    ModelForm = forms.ModelForm[Account]
else:
    ModelAdmin = admin.ModelAdmin
    ModelForm = forms.ModelForm

ACCOUNT_ID = re.compile(r"\d{12}", re.ASCII)
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}", re.ASCII)


class ReadOnly(ModelAdmin):
    """Evidence: nobody adds, changes or deletes it by hand."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class AccountForm(ModelForm):
    class Meta:
        model = Account
        fields = ("account_id", "alias", "regions", "profile_name", "role_arn", "external_id", "enabled")

    def clean_account_id(self) -> str:
        account_id: str = self.cleaned_data["account_id"]
        if not ACCOUNT_ID.fullmatch(account_id):
            raise ValidationError("An AWS account ID has 12 digits.")
        return account_id

    def clean_regions(self) -> list[str]:
        regions = self.cleaned_data["regions"]
        if not isinstance(regions, list) or not regions:
            raise ValidationError('Write a list of Regions, for example ["eu-west-1", "us-east-1"].')
        wrong = [each for each in regions if not isinstance(each, str) or not REGION.fullmatch(each)]
        if wrong:
            raise ValidationError(f"{wrong[0]!r} is not an AWS Region.")
        return list(dict.fromkeys(regions))


@admin.register(Account)
class AccountAdmin(ModelAdmin):
    form = AccountForm
    list_display = ("account_id", "alias", "regions", "role_arn", "enabled", "is_sample")
    search_fields = ("account_id", "alias")

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Everything read from the account would go with it; switch it off instead."""
        return False


@admin.register(Feed)
class FeedAdmin(ReadOnly):
    list_display = ("account", "region", "state", "last_polled_at", "last_event_at", "requests", "throttles", "errors")
    list_select_related = ("account",)
    list_filter = ("state",)


@admin.register(Query)
class QueryAdmin(ReadOnly):
    list_display = (
        "feed",
        "event_name",
        "covered_from",
        "covered_to",
        "window_kind",
        "pages",
        "events_seen",
        "events_new",
    )
    list_select_related = ("feed__account",)
    list_filter = ("event_name", "window_kind")


@admin.register(Event)
class EventAdmin(ReadOnly):
    list_display = ("event_time", "event_name", "event_source", "account", "region", "event_id")
    list_select_related = ("account",)
    search_fields = ("=event_id", "=ssm_session_id")


@admin.register(UnreadableRecord)
class UnreadableRecordAdmin(ReadOnly):
    list_display = ("first_seen_at", "feed", "event_name", "reason")
    list_select_related = ("feed__account",)
    exclude = ("body",)
