"""The two tasks: run the notebook, then read its models back and hold them to a floor."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import bucket

DAG_ID = "ml_training"
NOTEBOOK = Path(__file__).with_name("training.ipynb")
EXECUTED = "executed.ipynb"
CONTENT_TYPES = {".ipynb": "application/x-ipynb+json", ".json": "application/json", ".csv": "text/csv"}
LARGEST_DIFFERENCE = 1e-6


def train(run_id: str, epochs: int, seed: int) -> dict[str, object]:
    """Run the notebook and keep all that it leaves. Where it fails, it is kept as far as it came."""
    import papermill

    prefix = bucket.run_prefix(DAG_ID, run_id)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            papermill.execute_notebook(
                NOTEBOOK,
                folder / EXECUTED,
                parameters={"folder": scratch, "epochs": epochs, "seed": seed},
                kernel_name="python3",
                cwd=NOTEBOOK.parent,
                progress_bar=False,
            )
        finally:
            files = sorted(folder.iterdir())
            for file in files:
                kind = CONTENT_TYPES.get(file.suffix, "application/octet-stream")
                bucket.put(f"{prefix}/{file.name}", file.read_bytes(), kind)
        metrics = json.loads((folder / "metrics.json").read_text())
    return {"prefix": prefix, "files": [file.name for file in files], **metrics}


def evaluate(run_id: str, prefix: str, floor: float) -> dict[str, object]:
    """Read the models back and name them as the latest. Raises ValueError when one predicts otherwise than in the
    notebook, or the network gets no larger share of the held-out digits right than ``floor`` and the linear model."""
    import digits
    import models
    import numpy

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in ("digits.csv", "predictions.json", "linear.json", "network.keras"):
            (folder / name).write_bytes(bucket.get(f"{prefix}/{name}"))
        pixels, labels = digits.read((folder / "digits.csv").read_text()).part(held_out=True)
        told = json.loads((folder / "predictions.json").read_text())
        read_back = {
            "linear": models.read_linear(folder / "linear.json"),
            "network": models.read_network(folder / "network.keras"),
        }
    accuracies, differences = {}, {}
    for name, model in read_back.items():
        found, before = models.probabilities(model, pixels), numpy.asarray(told[name])
        differences[name] = float(abs(found - before).max())
        if differences[name] > LARGEST_DIFFERENCE or (found.argmax(axis=1) != before.argmax(axis=1)).any():
            raise ValueError(f"the {name} model that was read back differs by {differences[name]:.2g} in a prediction")
        accuracies[name] = models.accuracy(found, labels)
    beaten = max(floor, accuracies["linear"])
    if accuracies["network"] <= beaten:
        raise ValueError(f"the network gets {accuracies['network']:.4f} right, no more than {beaten:.4f}")
    report = {"run_id": run_id, "prefix": prefix, "floor": floor, "accuracy": accuracies, "difference": differences}
    for key in (f"{bucket.run_prefix(DAG_ID, run_id)}/evaluation.json", f"data/{DAG_ID}/latest.json"):
        bucket.put(key, json.dumps(report, indent=2).encode(), "application/json")
    return report
