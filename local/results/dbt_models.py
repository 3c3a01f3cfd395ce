"""The two marts, worked out from the stand-in's records without SQL, and what dbt's artifacts say of itself."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal

from local.results import Run
from local.services.salesforce.records import records
from local.services.warehouse_rows import rows

AFTER = ("salesforce_extraction",)
MODELS = {"stg_accounts", "stg_opportunities", "pipeline_by_stage", "revenue_by_account"}
TESTS = 11
SHOWN = 3


def check(run: Run) -> list[str]:
    """Both marts row by row; every model built and every test passed, as the artifacts in the bucket tell."""
    stages = rows(run.client, "SELECT stage, opportunities, amount, without_amount FROM revenue.pipeline_by_stage")
    accounts = rows(run.client, "SELECT account_id, industry, won, revenue FROM revenue.revenue_by_account")
    return [
        *_differences("pipeline_by_stage", stages, by_stage()),
        *_differences("revenue_by_account", accounts, by_account()),
        *artifacts(
            json.loads(run.bucket.get(f"{run.prefix}manifest.json")),
            json.loads(run.bucket.get(f"{run.prefix}run_results.json")),
        ),
    ]


def artifacts(manifest: dict[str, dict[str, object]], results: dict[str, list[dict[str, str]]]) -> list[str]:
    """What is wrong with dbt's own account of the build."""
    states = {result["unique_id"]: result["status"] for result in results["results"]}
    built = {
        name.rpartition(".")[2] for name, state in states.items() if name.startswith("model.") and state == "success"
    }
    passed = [name for name, state in states.items() if name.startswith("test.") and state == "pass"]
    wrong = [] if built == MODELS else [f"dbt built {sorted(built)}, expected {sorted(MODELS)}"]
    wrong += (
        [] if len(passed) == TESTS == len(states) - len(built) else [f"{len(passed)} tests passed of {TESTS}: {states}"]
    )
    unknown = states.keys() - manifest["nodes"].keys()
    return wrong + [f"manifest.json does not know {name}" for name in sorted(unknown)]


def by_stage() -> list[tuple[object, ...]]:
    """Stage, number of opportunities, their amount, how many have none."""
    found: dict[str, list[object]] = defaultdict(list)
    for record in records()["Opportunity"]:
        found[str(record["StageName"])].append(record["Amount"])
    return [(stage, len(all_), _money(all_), all_.count(None)) for stage, all_ in found.items()]


def by_account() -> list[tuple[object, ...]]:
    """Account, industry, number of opportunities won, their amount."""
    won: dict[str, list[object]] = defaultdict(list)
    for record in records()["Opportunity"]:
        if record["StageName"] == "Closed Won":
            won[str(record["AccountId"])].append(record["Amount"])
    return [
        (account["Id"], account["Industry"] or "Unknown", len(won[str(account["Id"])]), _money(won[str(account["Id"])]))
        for account in records()["Account"]
    ]


def _money(amounts: list[object]) -> Decimal:
    return sum((Decimal(repr(amount)) for amount in amounts if amount is not None), Decimal(0))


def _differences(model: str, found: list[tuple[object, ...]], expected: list[tuple[object, ...]]) -> list[str]:
    extra, missing = set(found) - set(expected), set(expected) - set(found)
    wrong = [f"{model}: {len(found)} rows, expected {len(expected)}"] if len(found) != len(expected) else []
    wrong += [f"{model} has {row}, which should not be there" for row in sorted(extra, key=str)[:SHOWN]]
    return [*wrong, *(f"{model} has no {row}" for row in sorted(missing, key=str)[:SHOWN])]
