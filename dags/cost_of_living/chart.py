"""The report's picture."""

from __future__ import annotations

import io
import os
import tempfile

import pandas


def draw(adjusted: pandas.DataFrame) -> bytes:
    """A PNG of income per head, nominal and real, over the cost of living."""
    # matplotlib keeps a font cache, and a task's home folder may not be writable.
    os.environ.setdefault("MPLCONFIGDIR", tempfile.gettempdir())
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    FigureCanvasAgg(figure)
    income, prices = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    time = adjusted["year"] + (adjusted["quarter"] - 1) / 4
    income.plot(time, adjusted["real_income_per_head"] / 1000, label="real, in dollars of 2005")
    income.plot(time, adjusted["nominal_income_per_head"] / 1000, label="nominal")
    income.set(title="Disposable income per head, United States", ylabel="thousand dollars a year")
    income.legend()
    prices.plot(time, adjusted["cost_of_living"], color="black")
    prices.set(title="Cost of living, 2005 = 100", xlabel="year")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    return buffer.getvalue()
