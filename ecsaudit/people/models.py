"""Who may log in."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Role(models.TextChoices):
    """What somebody may do. Administrators (`is_superuser`) may do all, and manage accounts."""

    VIEWER = "viewer", "May view"
    ANALYST = "analyst", "May view, work on findings and change rules"


class User(AbstractUser):
    """A person who may log in. A password that somebody else chose must be changed at the first log-in."""

    must_change_password = models.BooleanField(default=False)
    role = models.CharField(max_length=16, choices=Role, default=Role.VIEWER)

    @property
    def is_analyst(self) -> bool:
        """Whether the person may work on findings and change rules."""
        return self.is_superuser or self.role == Role.ANALYST
