"""Fixtures that every package's tests share."""

import pytest
from django.test import Client

from ecsaudit.people.models import User
from tests import personas


@pytest.fixture
def vera(db: None) -> User:
    return personas.vera()


@pytest.fixture
def adam(db: None) -> User:
    return personas.adam()


@pytest.fixture
def as_vera(vera: User) -> Client:
    client = Client()
    client.force_login(vera)
    return client


@pytest.fixture
def as_adam(adam: User) -> Client:
    client = Client()
    client.force_login(adam)
    return client
