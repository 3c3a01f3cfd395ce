import io
import json
import zipfile
from types import SimpleNamespace

import h5py
import numpy
import pytest

from local.results import ml_training as results

pytestmark = pytest.mark.slow

RANDOM = numpy.random.default_rng(7)
LABELS = 10


def rows_of(pixels, labels, held_out):
    return numpy.column_stack([held_out, labels, pixels])


def text_of(table):
    head = "held_out,label," + ",".join(f"p{number}" for number in range(64))
    return "\n".join([head, *(",".join(map(str, row)) for row in table.tolist())]) + "\n"


@pytest.fixture(scope="module")
def table():
    """Ten pictures, each many times with noise: both models below get nearly all of them right."""
    pictures = RANDOM.integers(0, 17, (LABELS, 64))
    labels = numpy.arange(results.DIGITS) % LABELS
    pixels = (pictures[labels] + RANDOM.integers(-1, 2, (len(labels), 64))).clip(0, 16)
    held_out = (numpy.arange(len(labels)) < results.HELD_OUT).astype(int)
    return rows_of(pixels, labels, held_out)


@pytest.fixture
def known(table, monkeypatch):
    """The table in the place of the digits."""
    lines = "".join(",".join(map(str, row[1:])) + "\n" for row in table.tolist())
    monkeypatch.setattr(results, "DIGITS_SHA256", results.hashlib.sha256(lines.encode()).hexdigest())
    return table


def keras_file(layers):
    weights, archive = io.BytesIO(), io.BytesIO()
    with h5py.File(weights, "w") as file:
        for name, arrays in layers.items():
            for number, array in enumerate(arrays):
                file[f"layers/{name}/vars/{number}"] = array
    with zipfile.ZipFile(archive, "w") as whole:
        whole.writestr("model.weights.h5", weights.getvalue())
    return archive.getvalue()


def objects_of(table):
    """What a right run leaves: linear scores towards the means, and a network that computes nearly the same."""
    learnt, held_out = table[table[:, 0] == 0, 1:], table[table[:, 0] == 1, 1:]
    means = numpy.array([learnt[learnt[:, 0] == label, 1:].mean(axis=0) for label in range(LABELS)]) / 16
    coefficients, intercept = 2 * means, -(means**2).sum(axis=1)
    # One linear score is wrong on purpose, for a network that is right about all has to beat it.
    worse = intercept.copy()
    worse[0] -= 1000
    positive = numpy.eye(64).astype("float32")
    layers = {
        "dense": [positive, numpy.zeros(64, "float32")],
        "dense_1": [coefficients.T.astype("float32"), intercept.astype("float32")],
    }
    pixels, labels = held_out[:, 1:] / 16, held_out[:, 0]
    model = keras_file(layers)
    linear = {"classes": list(range(LABELS)), "coef": coefficients.tolist(), "intercept": worse.tolist()}
    told = {"linear": results.linear(linear, pixels), "network": results.network(model, pixels)}
    accuracy = {name: results.accuracy(found, labels) for name, found in told.items()}
    cell = {"cell_type": "code", "execution_count": 1, "outputs": []}
    documents = {
        "linear.json": linear,
        "predictions.json": {name: found.tolist() for name, found in told.items()},
        "metrics.json": {"accuracy": accuracy},
        "evaluation.json": {"accuracy": accuracy},
        "executed.ipynb": {"cells": [{"cell_type": "markdown"}, cell]},
    }
    plain = {name: json.dumps(document).encode() for name, document in documents.items()}
    return {"digits.csv": text_of(table).encode(), "network.keras": model, **plain}


def check(objects):
    return results.check(SimpleNamespace(prefix="", bucket=SimpleNamespace(get=objects.__getitem__)))


@pytest.fixture
def objects(known, monkeypatch):
    monkeypatch.setattr(results, "nearest_mean", lambda digits: 0.9)
    return objects_of(known)


def test_a_right_run_has_nothing_wrong(objects):
    assert check(objects) == []


def changed(objects, name, change):
    document = json.loads(objects[name])
    change(document)
    return {**objects, name: json.dumps(document).encode()}


def test_predictions_that_are_not_the_models_are_told(objects):
    def swap(document):
        document["network"].reverse()

    (wrong,) = check(changed(objects, "predictions.json", swap))
    assert wrong.startswith("predictions of network differ")


def test_an_accuracy_that_is_not_that_of_the_predictions_is_told(objects):
    for file in ("metrics.json", "evaluation.json"):
        wrong = check(changed(objects, file, lambda document: document["accuracy"].update(network=0.99)))
        assert wrong == [f"{file}: accuracy of network is 0.99, expected 1.0"]


def test_a_network_below_the_floor_is_told(objects, monkeypatch):
    monkeypatch.setattr(results, "FLOOR", 1.0)
    assert check(objects) == ["the network gets no more than 1.0 right"]


def test_a_cell_that_did_not_run_is_told(objects):
    empty = changed(objects, "executed.ipynb", lambda document: document["cells"].pop())
    assert "its cells ran as []" in check(empty)[0]
    skipped = changed(objects, "executed.ipynb", lambda document: document["cells"][1].update(execution_count=None))
    assert "its cells ran as [None]" in check(skipped)[0]


def test_other_digits_are_told_before_anything_else(objects):
    other = objects["digits.csv"].replace(b",16,", b",15,", 1)
    assert check({**objects, "digits.csv": other}) == ["digits.csv has 1797 rows that are not the 1797 digits"]


def test_a_smaller_part_held_out_is_told(known):
    fewer = known.copy()
    fewer[0, 0] = 0
    assert results.read_digits(text_of(fewer)) == (None, ["359 digits held out, expected 360"])


def test_the_simplest_classifier_on_pictures_it_can_tell_apart(known):
    digits, _ = results.read_digits(text_of(known))
    assert results.nearest_mean(digits) == 1.0
