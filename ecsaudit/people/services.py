"""Administrators, made with a password that works once."""

import secrets

from ecsaudit.people.models import User


class NameTaken(ValueError):
    """Somebody with this user name exists."""


def create_admin(*, username: str) -> tuple[User, str]:
    """Make an administrator with a random password that must be changed at the first log-in; returns both.

    The password exists nowhere else: show it once, to the person who asked.
    """
    if User.objects.filter(username=username).exists():
        raise NameTaken(f"a user named {username!r} exists already; choose another --username")
    password = secrets.token_urlsafe(15)
    user = User.objects.create_superuser(username, password=password, must_change_password=True)
    return user, password
