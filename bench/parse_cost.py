"""What Airflow pays for a DAG file: generated, written by hand, and dag-factory's loader, in the same run."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bench import parse_environment, parse_files
from bench.measure import in_turn
from bench.subject import Figures, Subject
from pipelines import releases

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HERE = Path(__file__).resolve().parent
COUNTS = (50, 200, 500, 1000)
FRESH = WHOLE = (50, 200, 500)
PROCESSES = 2
VERSION = "python"
BATCH, BATCHES, DEAR_BATCHES, MEMORY_SAMPLES = 5, 20, 4, 3
POD, POD_BY_HAND = "generated, pod tasks", "by hand, KubernetesPodOperator"
OVERRIDE, OVERRIDE_BY_HAND = "generated, python tasks", "by hand, pod_override"
FACTORY = "dag-factory"
WRITERS: Mapping[str, Callable[[Path, int], list[Path]]] = {
    POD: parse_files.write_generated_pods,
    POD_BY_HAND: parse_files.write_pods_by_hand,
    OVERRIDE: parse_files.write_generated_overrides,
    OVERRIDE_BY_HAND: parse_files.write_overrides_by_hand,
    FACTORY: parse_files.write_for_dag_factory,
}


class Parent:
    """A process that parses DAG files as Airflow's DAG processor does."""

    def __init__(self, home: Path) -> None:
        command = [str(parse_environment.python()), str(HERE / "parse_run.py")]
        environment = parse_environment.variables(home)
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def parse(self, files: Sequence[Path], at_once: int = 1, memory: bool = False) -> dict[str, Any]:
        """What it cost. Raises RuntimeError for an import error: a file that does not load is no figure."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"files": [str(file) for file in files], "at_once": at_once, "memory": memory}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        found: dict[str, Any] = json.loads(answer) if answer else {"errors": "it ended"}
        if found["errors"] or not found["dags"]:
            raise RuntimeError(f"{files[0]}: {found['errors'] or 'no DAG'}")
        return found

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def _parents(folder: Path, count: int, sides: Sequence[str]) -> Iterator[dict[str, tuple[Parent, list[Path]]]]:
    """Each side's own parent, warm, and its files."""
    with ExitStack() as stack:
        found = {}
        for number, side in enumerate(sides):
            root = folder / f"{count}-{number}"
            files = WRITERS[side](root, count)
            parent = Parent(folder)
            stack.callback(parent.close)
            parent.parse(files[:1])
            found[side] = (parent, files)
        yield found


def measure(runs: int = 3) -> Figures:
    """Seconds and bytes: of one file by number of files, of all files at two at once, of a fresh process."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        one = {str(count): _one_file(folder / "one", count) for count in COUNTS}
        growth = _growth(folder / "growth")
        whole = {str(count): _whole(folder / "whole", count, runs) for count in WHOLE}
        fresh = {str(count): _fresh(folder / "fresh", count, runs) for count in FRESH}
    return {
        VERSION: parse_environment.python_version(),
        "one file": one,
        "growth": growth,
        "whole folder": whole,
        "fresh process": fresh,
    }


def _one_file(folder: Path, count: int) -> dict[str, Any]:
    """CPU seconds of parent and child for one file, and the child's own memory; the sides in turn, batch by batch."""
    sides = [side for side in WRITERS if side != FACTORY]
    spent: dict[str, list[float]] = {side: [] for side in sides}
    with _parents(folder, count, sides) as parents:
        for batch in range(BATCHES):
            for side, (parent, files) in parents.items():
                if side == OVERRIDE_BY_HAND and batch >= DEAR_BATCHES:
                    continue
                some = [files[(batch * BATCH + number) * 7 % count] for number in range(BATCH)]
                spent[side].append(parent.parse(some)["cpu_seconds"] / BATCH)
        memory = {
            side: statistics.median(parent.parse(files[:MEMORY_SAMPLES], memory=True)["private"])
            for side, (parent, files) in parents.items()
        }
    return {side: {"cpu_seconds": statistics.median(spent[side]), "memory": memory[side]} for side in sides}


def _growth(folder: Path) -> dict[str, float]:
    """CPU seconds of one generated file among the fewest and among the most, in turn: a machine drifts meanwhile."""
    ends = (COUNTS[0], COUNTS[-1])
    spent: dict[int, list[float]] = {count: [] for count in ends}
    with ExitStack() as stack:
        parents = {count: stack.enter_context(_parents(folder, count, [POD]))[POD] for count in ends}
        for batch in range(BATCHES):
            for count, (parent, files) in parents.items():
                some = [files[(batch * BATCH + number) * 7 % count] for number in range(BATCH)]
                spent[count].append(parent.parse(some)["cpu_seconds"] / BATCH)
    return {str(count): statistics.median(taken) for count, taken in spent.items()}


def _whole(folder: Path, count: int, runs: int) -> dict[str, Any]:
    """Wall and CPU seconds of all files, two at once; dag-factory's are one file."""
    sides = [POD, FACTORY]
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    with _parents(folder, count, sides) as parents:
        for _ in range(runs):
            for side, (parent, files) in parents.items():
                found[side].append(parent.parse(files, PROCESSES))
                if found[side][-1]["dags"] != count:
                    raise RuntimeError(f"{side}: {found[side][-1]['dags']} DAGs of {count}")
    return {
        side: {key: statistics.median(one[key] for one in taken) for key in ("seconds", "cpu_seconds")}
        for side, taken in found.items()
    }


def _fresh(folder: Path, count: int, runs: int) -> dict[str, Any]:
    """A process that starts, imports Airflow and loads the whole folder."""
    sides = [POD, POD_BY_HAND, FACTORY]
    commands = {}
    variables = [f"{key}={value}" for key, value in parse_environment.variables(folder).items()]
    for number, side in enumerate(sides):
        root = folder / f"{count}-{number}"
        WRITERS[side](root, count)
        command = [str(parse_environment.python()), str(HERE / "parse_fresh.py"), str(root), str(count)]
        commands[side] = ["env", "-i", *variables, *command]
    return {side: figure.to_json() for side, figure in in_turn(commands, runs).items()}


def ratios(figures: Figures) -> list[tuple[str, float, str, float]]:
    """What was promised: words, ratio, ``at most`` or ``at least``, limit."""
    one, whole, fresh = (figures[key] for key in ("one file", "whole folder", "fresh process"))
    found = []
    for count in ("50", "200", "500"):
        pods = one[count][POD]["cpu_seconds"] / one[count][POD_BY_HAND]["cpu_seconds"]
        overrides = one[count][OVERRIDE_BY_HAND]["cpu_seconds"] / one[count][OVERRIDE]["cpu_seconds"]
        found.append((f"{count} DAGs: one file of pod tasks / by hand", pods, "at most", 1.05))
        found.append((f"{count} DAGs: pod_override by hand / one file of python tasks", overrides, "at least", 8))
    refresh = whole["500"][FACTORY]["cpu_seconds"] / one["500"][POD]["cpu_seconds"]
    found.append(("500 DAGs, one changed: dag-factory / one file", refresh, "at least", 100))
    wall = whole["500"][POD]["seconds"] / whole["500"][FACTORY]["seconds"]
    found.append(("all 500, two at once: generated / dag-factory, wall", wall, "at most", 1))
    started = fresh["500"][FACTORY]["cpu_seconds"] / fresh["500"][POD]["cpu_seconds"]
    found.append(("500 in a fresh process: dag-factory / generated", started, "at least", 4))
    growth = figures["growth"]["1000"] / figures["growth"]["50"]
    found.append(("one file of 1,000 / one of 50", growth, "at most", 1.1))
    for side, other in ((POD, POD_BY_HAND), (OVERRIDE, OVERRIDE_BY_HAND)):
        memory = one["500"][side]["memory"] / one["500"][other]["memory"]
        found.append((f"memory of a child: {side} / {other}", memory, "at most", 1.01))
    return found


def by_number(figures: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept by number of files, the fewest first: kept results are sorted as text."""
    return {count: figures[count] for count in sorted(figures, key=int)}


def table(figures: Figures) -> list[str]:
    version = figures[VERSION]
    figures = {key: by_number(of) for key, of in figures.items() if key != VERSION}
    lines = [f"## Parsing DAGs of six tasks, Airflow {releases.AIRFLOW}, Python {version}", ""]
    lines += [
        "One file as the DAG processor parses it (CPU ms of parent and forked child; MB that are the child's own):"
    ]
    lines += ["", f"| | {' | '.join(f'{count} files' for count in figures['one file'])} | child MB |"]
    lines += ["| --- |" + " ---: |" * (len(figures["one file"]) + 1)]
    for side in WRITERS:
        if cells := [f"{1000 * of[side]['cpu_seconds']:.1f}" for of in figures["one file"].values() if side in of]:
            lines.append(f"| {side} | {' | '.join(cells)} | {figures['one file']['500'][side]['memory'] / 1e6:.0f} |")
    for name, words in (
        ("whole folder", f"All files, {PROCESSES} at once (s wall; CPU)"),
        ("fresh process", "A fresh process that loads the folder (s wall; CPU)"),
    ):
        lines += ["", f"{words}:", "", f"| | {' | '.join(figures[name])} |", "| --- |" + " ---: |" * len(figures[name])]
        for side in WRITERS:
            cells = [
                f"{of[side]['seconds']:.1f}; {of[side]['cpu_seconds']:.1f}"
                for of in figures[name].values()
                if side in of
            ]
            lines += [f"| {side} | {' | '.join(cells)} |"] if cells else []
    lines += ["", "| | ratio | limit |", "| --- | ---: | ---: |"]
    lines += [f"| {words} | {ratio:.2f} | {bound} {limit:g} |" for words, ratio, bound, limit in ratios(figures)]
    return lines


def draw(panel: Axes, figures: Figures) -> None:
    figures = {key: by_number(of) for key, of in figures.items() if key != VERSION}
    for side in WRITERS:
        points = {int(count): of[side]["cpu_seconds"] for count, of in figures["fresh process"].items() if side in of}
        if points:
            panel.plot(list(points), list(points.values()), marker="o", label=f"fresh process: {side}")
    for side in (POD, FACTORY):
        points = {int(count): of[side]["seconds"] for count, of in figures["whole folder"].items()}
        panel.plot(
            list(points), list(points.values()), marker="s", linestyle="--", label=f"{PROCESSES} at once: {side}"
        )
    panel.set(title="Parsing DAGs of six tasks", xlabel="DAGs", ylabel="seconds")
    panel.set_ylim(bottom=0)
    panel.legend()


SUBJECT = Subject("parse", "parse cost", "what Airflow pays for a DAG file", measure, table, draw)
