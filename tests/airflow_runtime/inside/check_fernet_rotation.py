"""A new Fernet key while a task is deferred, whose trigger is stored as the task has handed it over."""

import json

import pytest
from airflow import settings
from airflow.cli.commands.rotate_fernet_key_command import rotate_items_in_batches
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.crypto import get_fernet
from airflow.models.trigger import Trigger
from airflow.sdk.serde import serialize
from airflow.utils.session import create_session
from cryptography.fernet import Fernet, InvalidToken

from airflow_runtime.fernet_rotation import encrypt_triggers

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
KWARGS = {"seconds": 600, "names": ["a", "b"]}


@pytest.fixture(scope="module", autouse=True)
def database():
    import_all_models()
    Base.metadata.create_all(settings.engine, checkfirst=True)


@pytest.fixture
def keys(monkeypatch):
    """Have Airflow encrypt with the first of these, and read with all."""

    def use(*given):
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", ",".join(given))
        get_fernet.cache_clear()

    yield use
    get_fernet.cache_clear()


@pytest.fixture
def triggers(keys):
    """One as the execution API stores it, one as the scheduler does; their numbers."""
    keys(OLD)
    with create_session() as session:
        session.query(Trigger).delete()
        deferred, other = Trigger("a.Trigger", {}), Trigger("a.Trigger", KWARGS)
        deferred.encrypted_kwargs = json.dumps(serialize(KWARGS))
        session.add_all((deferred, other))
        session.flush()
        return deferred.id, other.id


def rotate():
    """What the command does with triggers."""
    with create_session() as session:
        rotate_items_in_batches(session, Trigger)


def held():
    with create_session() as session:
        return {one.id: (one.encrypted_kwargs, one.kwargs) for one in session.query(Trigger)}


def test_airflow_s_own_still_needs_it(keys, triggers):
    keys(NEW, OLD)
    with pytest.raises(InvalidToken):
        rotate()


def test_all_is_encrypted_with_the_new_key_and_means_the_same(keys, triggers):
    keys(NEW, OLD)
    assert encrypt_triggers() == 1
    assert encrypt_triggers() == 0
    rotate()
    keys(NEW)
    found = held()
    assert found.keys() == set(triggers)
    for text, kwargs in found.values():
        assert json.loads(Fernet(NEW).decrypt(text.encode()))
        assert kwargs == KWARGS
