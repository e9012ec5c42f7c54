"""Fixtures that every package's tests share."""

import fcntl
from collections.abc import Callable, Iterator

import pytest
from django.apps import apps
from django.core import serializers
from django.test import Client
from hypothesis import settings
from pytest_django import DjangoDbBlocker

from ecsaudit.people.models import User
from tests import personas

# Machines that run other things as well are slow now and then; that is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# Puts back what migrations wrote into a database whose tables were emptied.
PUT_BACK = pytest.StashKey[Callable[[], None]]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with processes of their own mostly wait, so one of pytest-xdist's workers begins with them."""
    items.sort(key=lambda item: item.get_closest_marker("processes") is None)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker, request: pytest.FixtureRequest) -> None:
    with django_db_blocker.unblock():
        rows = [row for model in apps.get_app_config("policies").get_models() for row in model._default_manager.all()]
        text = serializers.serialize("json", rows)

    def put_back() -> None:
        with django_db_blocker.unblock():
            for row in serializers.deserialize("json", text):
                row.save()

    request.session.stash[PUT_BACK] = put_back


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Tests with transactions of their own empty all tables at their end; the next one finds what a new database holds."""
    yield
    marker = item.get_closest_marker("django_db")
    empties = "live_server" in getattr(item, "fixturenames", ()) or (marker and marker.kwargs.get("transaction"))
    # After the last test the database itself is gone.
    if nextitem is not None and empties and PUT_BACK in item.session.stash:
        item.session.stash[PUT_BACK]()


@pytest.fixture(autouse=True)
def one_at_a_time(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests with processes of their own keep a machine busy, and pytest-xdist would run several beside each other."""
    if request.node.get_closest_marker("processes") is None:
        yield
        return
    with (tmp_path_factory.getbasetemp().parent / "processes.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


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
