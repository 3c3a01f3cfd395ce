"""Text of a certain form, for pydantic: ``Annotated[str, Matching(pattern, words)]``; and the forms that stack files
and DAG configs share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class Matching:
    """The whole text matches ``pattern``; ``words`` say what that means, and stand in the error."""

    pattern: str
    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}

    def _checked(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(self.words)
        return value


def without_nul(text: str) -> str:
    """The text; what goes into an environment cannot hold a NUL."""
    if "\0" in text:
        raise ValueError("text without NUL")
    return text


EnvironmentVariable = Annotated[
    str,
    Matching(
        "(?!TASK_|AWS_|OBJECT_STORE_|AIRFLOW)[A-Za-z_][A-Za-z0-9_]*",
        "letters, digits and underscores, and no name that starts with TASK_, AWS_, OBJECT_STORE_ or AIRFLOW",
    ),
]
PoolName = Annotated[str, Matching("[A-Za-z0-9_.-]{1,63}", "the name of a pool: at most 63 letters, digits, . _ and -")]
SecretName = Annotated[
    str,
    Matching(
        "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
        "the name of a Secret: at most 63 lower-case letters, digits and hyphens",
    ),
]
