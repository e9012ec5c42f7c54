"""Who may log in."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person who may log in. A password that somebody else chose must be changed at the first log-in."""

    must_change_password = models.BooleanField(default=False)
