"""The notebook's models, run once more by plain arithmetic: no scikit-learn, no TensorFlow, none of the DAG's code."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy

from local.results import Run

# Of the rows "label,pixel,...,pixel" of the 1,797 digits that scikit-learn has from the UCI repository (Optical
# Recognition of Handwritten Digits, its test part), in their order.
DIGITS_SHA256 = "bdf4fbb6843ad0c90db70fb50a5e602721b752566792039d5f4613b9697ab7d4"
DIGITS, HELD_OUT = 1797, 360
BRIGHTEST = 16
FLOOR = 0.95
# TensorFlow computes in single precision, this in double.
TOLERANCE = 1e-4
Matrix = numpy.ndarray[Any, Any]


@dataclass(frozen=True)
class Digits:
    """``learnt`` and ``held_out``: (rows, 65) of whole numbers, the label first."""

    learnt: Matrix
    held_out: Matrix

    @property
    def labels(self) -> Matrix:
        return self.held_out[:, 0]

    @property
    def pixels(self) -> Matrix:
        return self.held_out[:, 1:] / BRIGHTEST


def check(run: Run) -> list[str]:
    """The data, both models' predictions and accuracies, the floor, and the executed notebook."""
    digits, wrong = read_digits(run.bucket.get(f"{run.prefix}digits.csv").decode())
    if digits is None:
        return wrong
    told = json.loads(run.bucket.get(f"{run.prefix}predictions.json"))
    metrics = json.loads(run.bucket.get(f"{run.prefix}metrics.json"))["accuracy"]
    evaluation = json.loads(run.bucket.get(f"{run.prefix}evaluation.json"))["accuracy"]
    computed = {
        "linear": linear(json.loads(run.bucket.get(f"{run.prefix}linear.json")), digits.pixels),
        "network": network(run.bucket.get(f"{run.prefix}network.keras"), digits.pixels),
    }
    for name, found in computed.items():
        right = accuracy(found, digits.labels)
        wrong += wrong_predictions(name, numpy.asarray(told[name]), found)
        reported = {"metrics.json": metrics[name], "evaluation.json": evaluation[name]}
        wrong += [
            f"{file}: accuracy of {name} is {was}, expected {right}" for file, was in reported.items() if was != right
        ]
    beaten = max(FLOOR, nearest_mean(digits), accuracy(computed["linear"], digits.labels))
    if accuracy(computed["network"], digits.labels) <= beaten:
        wrong.append(f"the network gets no more than {beaten} right")
    return [*wrong, *wrong_notebook(json.loads(run.bucket.get(f"{run.prefix}executed.ipynb")))]


def read_digits(text: str) -> tuple[Digits | None, list[str]]:
    """The two parts of the data, or what is wrong with them."""
    rows = [[int(value) for value in row] for row in list(csv.reader(io.StringIO(text)))[1:]]
    lines = "".join(",".join(map(str, row[1:])) + "\n" for row in rows)
    if hashlib.sha256(lines.encode()).hexdigest() != DIGITS_SHA256:
        return None, [f"digits.csv has {len(rows)} rows that are not the {DIGITS} digits"]
    table = numpy.array(rows)
    digits = Digits(table[table[:, 0] == 0, 1:], table[table[:, 0] == 1, 1:])
    if len(digits.held_out) != HELD_OUT:
        return None, [f"{len(digits.held_out)} digits held out, expected {HELD_OUT}"]
    return digits, []


def linear(learnt: dict[str, Any], pixels: Matrix) -> Matrix:
    """Class probabilities of multinomial logistic regression: (rows, 10)."""
    return softmax(pixels @ numpy.array(learnt["coef"]).T + numpy.array(learnt["intercept"]))


def network(model: bytes, pixels: Matrix) -> Matrix:
    """Class probabilities out of the weights in a ``.keras`` file (a zip with ``model.weights.h5``)."""
    with zipfile.ZipFile(io.BytesIO(model)) as archive, archive.open("model.weights.h5") as file:
        weights = h5py.File(io.BytesIO(file.read()), "r")
    layers = [[weights[f"layers/{name}/vars/{which}"][()] for which in (0, 1)] for name in ("dense", "dense_1")]
    (kernel, bias), (last_kernel, last_bias) = layers
    hidden = numpy.maximum(pixels @ kernel.astype(float) + bias, 0)
    return softmax(hidden @ last_kernel.astype(float) + last_bias)


def softmax(scores: Matrix) -> Matrix:
    """Of each row."""
    powers = numpy.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Matrix = powers / powers.sum(axis=1, keepdims=True)
    return shares


def nearest_mean(digits: Digits) -> float:
    """Accuracy of the simplest classifier there is: the class whose mean picture is nearest."""
    means = numpy.array([digits.learnt[digits.learnt[:, 0] == label, 1:].mean(axis=0) for label in range(10)])
    distances = ((digits.held_out[:, None, 1:] - means[None]) ** 2).sum(axis=2)
    return accuracy(-distances, digits.labels)


def accuracy(scores: Matrix, labels: Matrix) -> float:
    """Share of rows whose highest score is the right class's."""
    return float((scores.argmax(axis=1) == labels).mean())


def wrong_predictions(name: str, told: Matrix, found: Matrix) -> list[str]:
    """What is wrong with the probabilities that the notebook left, one sentence each."""
    if told.shape != found.shape:
        return [f"predictions of {name} have the shape {told.shape}, expected {found.shape}"]
    difference = float(abs(told - found).max())
    return [f"predictions of {name} differ by {difference:.2g} from the model's"] if difference > TOLERANCE else []


def wrong_notebook(notebook: dict[str, Any]) -> list[str]:
    """What shows that a cell did not run, or failed."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    counts = [cell["execution_count"] for cell in cells]
    failed = any(output["output_type"] == "error" for cell in cells for output in cell["outputs"])
    if not cells or counts != list(range(1, len(cells) + 1)) or failed:
        return [f"executed.ipynb: its cells ran as {counts}, expected each once, in order, without an error"]
    return []
