"""Plans: of the dev stack, of 200 image types and 500 DAGs, and the diff of two such commits with one changed file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Sample, in_turn, run_once
from bench.program import PROJECT, write_project
from bench.subject import Figures, Subject

TYPES, DAGS = 200, 500
#: Name -> wall seconds at most; memory of the largest in bytes.
LIMITS = {"dev": 3.0, "many": 10.0, "diff of many": 15.0}
MEMORY = 400_000_000
STACK = """config:
  de-airflow-pipeline:kubernetes:
    context: bench
  de-airflow-pipeline:registry:
    server: registry.test
    owner: bench
"""
DAG = """dag_id: dag_{number}
schedule: "@daily"
start_date: 2026-01-01
image: type-{type}
source: code
tasks:
  first: {{kind: pod, entry: "work:run"}}
  second: {{kind: pod, entry: "work:run", depends_on: [first]}}
"""
#: Everything of this repository but what it holds of images and DAGs.
ELSEWHERE = ("images/", "dags/", "Pulumi.", "airflow_runtime/", "tests/", "local/toolchain/")


def write(root: Path) -> None:
    """A repository with this program, and one commit."""
    write_project(root, TYPES)
    (root / "airflow_runtime").unlink()
    tracked = _git(PROJECT, "ls-files", "-z").split("\0")
    for name in tracked:
        source = PROJECT / name
        if name and source.is_file() and (not name.startswith(ELSEWHERE) or name.startswith("airflow_runtime/")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(source.read_bytes())
    (root / "Pulumi.dev.yaml").write_text(STACK)
    for number in range(DAGS):
        (root / "dags" / f"dag_{number}.yaml").write_text(DAG.format(number=number, type=number % TYPES))
    (root / "dags" / "code").mkdir()
    (root / "dags" / "code" / "work.py").write_text("def run():\n    return 1\n")
    (root / ".gitignore").write_text("build/\n__pycache__/\n")
    _git(root, "init", "--quiet")
    _git(root, "add", "--all")
    _git(root, "-c", "user.name=bench", "-c", "user.email=bench@example.org", "commit", "--quiet", "--message", "base")


def measure(runs: int = 5) -> Figures:
    """Whole processes; the diff once, from an empty cache."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "many"
        write(root)
        out = ["plan", "write", "--to", f"{folder}/plan"]
        figures = in_turn({"dev": _in(PROJECT, *out), "many": _in(root, *out)}, runs)
        (root / "images" / "type-0" / "task.py").write_text("CHANGED = True\n")
        diff = run_once(_in(root, "plan", "diff", "HEAD"))
        return {**{name: figure.to_json() for name, figure in figures.items()}, "diff of many": _json(diff)}


def table(figures: Figures) -> list[str]:
    return [
        f"## Plans; many: {TYPES} image types and {DAGS} DAGs",
        "",
        "| plan | seconds | at most | CPU seconds | peak MB |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {name} | {found['seconds']:.2f} | {LIMITS[name]:.0f} | {found['cpu_seconds']:.2f} "
            f"| {found['peak_memory'] / 1e6:.0f} |"
            for name in LIMITS
            if (found := figures.get(name))
        ),
    ]


def _in(root: Path, *arguments: str) -> list[str]:
    return ["env", "-C", str(root), sys.executable, "-m", "commands", *arguments]


def _json(sample: Sample) -> dict[str, float]:
    return {"seconds": sample.seconds, "cpu_seconds": sample.cpu_seconds, "peak_memory": sample.peak_memory}


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


SUBJECT = Subject("plans", "plans", "plans of dev and of many images and DAGs", measure, table)
