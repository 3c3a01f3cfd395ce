"""A folder of DAG files, loaded whole by one fresh process: ``parse_fresh.py FOLDER COUNT``."""

from __future__ import annotations

import logging
import sys

if __name__ == "__main__":
    from airflow.dag_processing.dagbag import DagBag

    logging.disable(logging.CRITICAL)
    bag = DagBag(sys.argv[1], include_examples=False)
    if bag.import_errors or len(bag.dags) != int(sys.argv[2]):
        sys.exit(f"{len(bag.dags)} DAGs of {sys.argv[2]}, {bag.import_errors}")
