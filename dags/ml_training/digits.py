"""The handwritten digits that scikit-learn ships, split into what is learnt from and what is held out."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import numpy

PIXELS = 64
BRIGHTEST = 16
HELD_OUT = 360


@dataclass(frozen=True)
class Digits:
    """``pixels`` (rows, 64) of whole numbers to 16, ``labels`` (rows,) 0-9, ``held_out`` (rows,) of bool."""

    pixels: numpy.ndarray
    labels: numpy.ndarray
    held_out: numpy.ndarray

    def part(self, held_out: bool) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Pixels from 0 to 1, and labels, of one part."""
        rows = self.held_out == held_out
        return self.pixels[rows] / BRIGHTEST, self.labels[rows]


def load(seed: int) -> Digits:
    """All digits, with every class's share held out alike."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    rows = numpy.arange(len(labels))
    _, test = train_test_split(rows, test_size=HELD_OUT, stratify=labels, random_state=seed)
    return Digits(pixels.astype(int), labels.astype(int), numpy.isin(rows, test))


def written(digits: Digits) -> str:
    """One row a digit: held_out (0 or 1), label, then the pixels."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["held_out", "label", *(f"p{number}" for number in range(PIXELS))])
    lines.writerows(numpy.column_stack([digits.held_out.astype(int), digits.labels, digits.pixels]).tolist())
    return text.getvalue()


def read(text: str) -> Digits:
    """The inverse of ``written``."""
    table = numpy.loadtxt(io.StringIO(text), delimiter=",", skiprows=1, dtype=int, ndmin=2)
    return Digits(table[:, 2:], table[:, 1], table[:, 0].astype(bool))
