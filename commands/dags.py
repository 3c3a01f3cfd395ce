"""``dags``: the DAG configs of this repository."""

from __future__ import annotations

from commands.verbs import lazy_group

app = lazy_group(
    {
        "new": ("dag_new", "new"),
        "build": ("dag_build", "build"),
        "list": ("dag_table", "list_dags"),
        "check": ("dag_check", "check"),
        "adopt": ("dag_adopt", "adopt"),
    },
    "DAG configs: dags/<dag_id>.yaml, and the Airflow DAG files made of them; DAG files that teams bring.",
)
