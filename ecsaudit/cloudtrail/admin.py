"""Accounts are edited here; what was collected can be looked at but not changed."""

from django.contrib import admin
from django.http import HttpRequest

from ecsaudit.cloudtrail.models import Account, Event, Feed, Query, UnreadableRecord


class ReadOnly(admin.ModelAdmin):
    """Evidence: nobody adds, changes or deletes it by hand."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Account)
class AccountAdmin(admin.ModelAdmin):
    list_display = ("account_id", "alias", "regions", "role_arn", "enabled", "is_sample")
    search_fields = ("account_id", "alias")


@admin.register(Feed)
class FeedAdmin(ReadOnly):
    list_display = ("account", "region", "state", "last_polled_at", "last_event_at", "requests", "throttles", "errors")
    list_select_related = ("account",)
    list_filter = ("state",)


@admin.register(Query)
class QueryAdmin(ReadOnly):
    list_display = ("feed", "event_name", "covered_from", "covered_to", "window_kind", "pages", "events_seen", "events_new")
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
