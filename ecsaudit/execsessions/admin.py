"""Sessions, to be looked at."""

from django.contrib import admin

from ecsaudit.cloudtrail.admin import ReadOnly
from ecsaudit.execsessions.models import ExecSession


@admin.register(ExecSession)
class ExecSessionAdmin(ReadOnly):
    list_display = ("started_at", "person", "cluster", "container", "kind", "mode", "outcome", "account", "region")
    list_select_related = ("account",)
    search_fields = ("=task_id", "=ssm_session_id", "=person")
