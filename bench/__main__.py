"""``python -m bench``: measures, and writes bench/results/."""

from __future__ import annotations

from typing import Annotated

import typer

from bench import report
from bench.subjects import SUBJECTS

NAMES = {subject.name: subject for subject in SUBJECTS}
SLOW = "; ".join(f"{subject.name} needs {subject.needs}" for subject in SUBJECTS if subject.needs)
HELP = f"Of {', '.join(NAMES)}; without a name all that need nothing: {SLOW}."


def main(
    subjects: Annotated[list[str] | None, typer.Argument(help=HELP)] = None,
    runs: Annotated[int, typer.Option(help="Counted runs, or rounds.")] = 5,
) -> None:
    """Measures each subject against a floor or peer of the same run; writes JSON, tables and a plot."""
    if unknown := sorted({*(subjects or ())} - NAMES.keys()):
        raise typer.BadParameter(f"no subject {', '.join(unknown)}: there are {', '.join(NAMES)}")
    chosen = [NAMES[name] for name in subjects] if subjects else [one for one in SUBJECTS if not one.needs]
    for subject in chosen:
        typer.echo(f"{subject.doing} ...")
        report.write(SUBJECTS, {subject.key: subject.measure(runs)})
    typer.echo(f"written to {report.RESULTS}")


if __name__ == "__main__":
    typer.run(main)
