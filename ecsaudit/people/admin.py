from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from ecsaudit.people.models import User


@admin.register(User)
class PersonAdmin(UserAdmin):
    list_display = ("username", "email", "is_active", "is_staff", "must_change_password", "last_login")
    fieldsets = (*UserAdmin.fieldsets, ("One-time password", {"fields": ("must_change_password",)}))
