"""Findings, to be looked at."""

from django.contrib import admin

from ecsaudit.cloudtrail.admin import ReadOnly
from ecsaudit.findings.models import Finding


@admin.register(Finding)
class FindingAdmin(ReadOnly):
    list_display = ("event_time", "priority", "rule", "account", "region")
    list_select_related = ("account",)
    list_filter = ("priority",)
    search_fields = ("=rule",)
