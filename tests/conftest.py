"""Fixtures that every package's tests share."""

import pytest
from django.test import Client
from hypothesis import settings

from ecsaudit.people.models import User
from tests import personas

# Machines that run other things as well are slow now and then; that is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def vera(db: None) -> User:
    return personas.vera()


@pytest.fixture
def ann(db: None) -> User:
    return personas.ann()


@pytest.fixture
def adam(db: None) -> User:
    return personas.adam()


@pytest.fixture
def as_vera(vera: User) -> Client:
    client = Client()
    client.force_login(vera)
    return client


@pytest.fixture
def as_ann(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


@pytest.fixture
def as_adam(adam: User) -> Client:
    client = Client()
    client.force_login(adam)
    return client
