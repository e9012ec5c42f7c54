"""Programs: what asks the API with the key of a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ecsaudit.people import api_keys
from ecsaudit.people.models import User

Program = Callable[..., Client]


@pytest.fixture
def program_of() -> Program:
    """`program_of(ann)`: a client with a key of Ann's."""

    def made(owner: User, read_only: bool = False) -> Client:
        now, day = timezone.now(), timedelta(days=1)
        _, secret = api_keys.create(owner=owner, name="program", read_only=read_only, lifetime=day, now=now)
        return Client(headers={"Authorization": f"Bearer {secret}"})

    return made
