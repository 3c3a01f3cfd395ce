"""The two models, and the files in which they outlive their training: no pickles, so that reading one runs no code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy

CLASSES = 10
BATCH = 64


def train_linear(pixels: numpy.ndarray, labels: numpy.ndarray, seed: int):
    """scikit-learn's logistic regression."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=500, random_state=seed).fit(pixels, labels)


def write_linear(model, file: Path) -> None:
    """What it has learnt, as JSON."""
    learnt = {name: getattr(model, f"{name}_").tolist() for name in ("classes", "coef", "intercept")}
    file.write_text(json.dumps(learnt))


def read_linear(file: Path):
    """The inverse of ``write_linear``."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression()
    for name, value in json.loads(file.read_text()).items():
        setattr(model, f"{name}_", numpy.asarray(value))
    return model


def train_network(pixels: numpy.ndarray, labels: numpy.ndarray, epochs: int, seed: int):
    """A small dense network. Run twice on one kind of processor, it learns the same."""
    import keras
    import tensorflow

    keras.utils.set_random_seed(seed)
    tensorflow.config.experimental.enable_op_determinism()
    layers = [
        keras.layers.Input((pixels.shape[1],)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(CLASSES, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile(
        optimizer=keras.optimizers.Adam(0.005),
        loss="sparse_categorical_crossentropy",
        # One call a round through the data instead of one a batch: the batches are too small to pay for theirs.
        steps_per_execution=-(-len(pixels) // BATCH),
    )
    model.fit(pixels, labels, epochs=epochs, batch_size=BATCH, verbose=0)
    return model


def write_network(model, file: Path) -> None:
    """In Keras's own format; the file's name ends with .keras."""
    model.save(file)


def read_network(file: Path):
    """The inverse of ``write_network``; refuses files that hold code."""
    import keras

    return keras.saving.load_model(file, compile=False, safe_mode=True)


def probabilities(model, pixels: numpy.ndarray) -> numpy.ndarray:
    """(rows, 10), for either model."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(pixels)
    return model.predict(pixels, batch_size=len(pixels), verbose=0)


def accuracy(found: numpy.ndarray, labels: numpy.ndarray) -> float:
    """Share of rows whose likeliest class is the right one."""
    return float((found.argmax(axis=1) == labels).mean())
