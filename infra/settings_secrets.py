"""Secret parts of the settings: connections of Airflow's, and Secrets for task pods.

Each may stand in the stack file as a mapping, or, so that one secret value holds all of it, as JSON text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from infra import names
from pipelines import text_forms
from pipelines.text_forms import EnvironmentVariable, without_nul

LARGEST_PORT = 65535
# airflow.models.connection.Connection.from_json of Airflow 3.2 hands every other key to the constructor.
CONNECTION_KEYS = frozenset(("conn_type", "description", "host", "login", "password", "schema", "port", "extra", "uri"))
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
NUL = "\0"
WHAT = "a URI (type://login:password@host:port/schema), or a JSON object with conn_type and Airflow's other keys"


def _json_object(text: str, expected: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise ValueError(expected) from None
    if not isinstance(found, dict):
        raise ValueError(expected)
    return found


def _connection(value: object) -> str:
    """The text of ``AIRFLOW_CONN_<ID>``: a URI as it is, an object as JSON."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        return _uri(value)
    found = _json_object(value, WHAT) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        raise ValueError(WHAT)
    if unknown := sorted(map(str, found.keys() - CONNECTION_KEYS)):
        raise ValueError(
            f"only keys of Airflow's connections, not {', '.join(unknown)}: what else there is goes to extra"
        )
    if not isinstance(found.get("conn_type"), str) or not found["conn_type"]:
        raise ValueError("a JSON object that names its conn_type")
    port = found.get("port")
    if port is not None and not (type(port) is int and 0 < port <= LARGEST_PORT):
        raise ValueError(f"a port that is a number up to {LARGEST_PORT}")
    text = json.dumps(found, sort_keys=True)
    if "\\u0000" in text:
        raise ValueError("text without NUL")
    return text


def _uri(text: str) -> str:
    if not SCHEME.match(text) or NUL in text:
        raise ValueError(WHAT)
    try:
        _ = urlsplit(text).port
    except ValueError:
        raise ValueError("a URI whose port is a number; @ : / # in a password are written %40 %3A %2F %23") from None
    return text


def _values(value: object) -> object:
    return (
        _json_object(value, "a mapping, or a JSON object, of environment variables")
        if isinstance(value, str)
        else value
    )


def _fit_for_environment(secret: SecretStr) -> SecretStr:
    without_nul(secret.get_secret_value())
    return secret


def _free(name: str) -> str:
    if name in (names.REGISTRY_SECRET, names.STORE_TASKS_SECRET):
        raise ValueError(f"another name: the program has a Secret {name} of its own")
    return name


ConnectionText = Annotated[SecretStr, BeforeValidator(_connection)]
TaskSecret = Annotated[
    Mapping[EnvironmentVariable, Annotated[SecretStr, AfterValidator(_fit_for_environment)]],
    BeforeValidator(_values),
    Field(min_length=1),
]
SecretName = Annotated[text_forms.SecretName, AfterValidator(_free)]
