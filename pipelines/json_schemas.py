"""JSON Schemas for editors, each beside the files whose form it tells. Run as a module, it writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from pipelines.dag_form import Dag
from pipelines.image_table import DagImageTable

#: File -> what it describes, and its title.
SCHEMAS: Mapping[Path, tuple[type[BaseModel], str]] = {
    Path("dags/schema.json"): (Dag, "DAG config"),
    Path("images/schema.json"): (DagImageTable, "[tool.dag-image] of an image's pyproject.toml"),
}


def schema_text(model: type[BaseModel], title: str) -> str:
    """The JSON Schema of a model as the text of a file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(),
        "title": title,
    }
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    for file, described in SCHEMAS.items():
        file.write_text(schema_text(*described), encoding="utf-8")
