"""The people of every access test: Vera may view, Ann analyses, Adam administers; the stranger has no account."""

from ecsaudit.people.models import Role, User

PASSWORD = "correct horse battery staple"


def vera() -> User:
    return User.objects.create_user("vera", password=PASSWORD)


def ann() -> User:
    return User.objects.create_user("ann", password=PASSWORD, role=Role.ANALYST)


def adam() -> User:
    return User.objects.create_superuser("adam", password=PASSWORD)
