"""One Salesforce object into one table of the warehouse, in one transaction: a run that is repeated changes nothing."""

from __future__ import annotations

import json

import bucket
import entities
import session
import warehouse

DAG_ID = "salesforce_extraction"


def extract(run_id: str, entity: str) -> dict[str, object]:
    """Load every record of ``entity`` and write ``<table>.json``, what was seen and done. Returns the same."""
    # Only this task's own image has the provider.
    from airflow.providers.salesforce.hooks.salesforce import SalesforceHook

    described = entities.ENTITIES[entity]
    log_in = session.log_in("salesforce")
    client = SalesforceHook("salesforce", session_id=log_in.token, session=log_in.session).get_conn()
    pages, rows = 0, []
    page = client.query(described.query, headers={"Sforce-Query-Options": f"batchSize={entities.BATCH}"})
    while True:
        pages += 1
        rows += [described.row(record) for record in page["records"]]
        if page["done"]:
            break
        page = client.query_more(page["nextRecordsUrl"], identifier_is_url=True)
    if len(rows) != page["totalSize"]:
        raise RuntimeError(f"Salesforce tells of {page['totalSize']} records of {entity} and gave {len(rows)}")
    before, after = warehouse.upsert("warehouse", described, rows)
    summary = {
        "table": described.table,
        "pages": pages,
        "refused": log_in.refused,
        "read": len(rows),
        "rows_before": before,
        "rows_after": after,
    }
    key = f"{bucket.run_prefix(DAG_ID, run_id)}/{entity.lower()}.json"
    bucket.put(key, json.dumps(summary, indent=2).encode(), "application/json")
    return summary
