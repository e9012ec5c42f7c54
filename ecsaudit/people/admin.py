"""Who may log in, and who administers."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from ecsaudit.people.models import User

if TYPE_CHECKING:
    Base = UserAdmin[User]
else:
    Base = UserAdmin

OURS: tuple[str, Any] = ("In ecsaudit", {"fields": ("role", "must_change_password")})


@admin.register(User)
class PersonAdmin(Base):
    """A password set here is known to whoever set it: tick “must change password” so that it works only once."""

    list_display = ("username", "email", "is_active", "role", "is_staff", "must_change_password", "last_login")
    fieldsets = (*(UserAdmin.fieldsets or ()), OURS)
    add_fieldsets = (*UserAdmin.add_fieldsets, OURS)
