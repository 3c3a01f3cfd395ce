"""The base on Elyra's default distribution, on a stand-in of that: built, looked through, and tried with a notebook."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from commands.image_builds import workshop
from local import image_run
from local.machine import STACK, Machine
from local.mirror import ensure_anaconda
from local.progress import Progress
from local.python_environment import python_of
from tests.conftest import ROOT

pytestmark = [pytest.mark.platform, pytest.mark.long]
NAME, PYTHON = "bases/elyra-conda", "3.12"
ASKED = "import json, sys; print(json.dumps([sys.base_prefix, sys.version]))"
#: Prefixes that hold a whole system.
SHARED = (Path("/usr"), Path("/usr/local"))
#: Of the base, of its lock where the distribution has another version, and of the distribution alone.
NOTEBOOK = """
import json, nbformat, papermill
source = "import minio, numpy, requests, sys; print(sys.prefix, requests.__version__, numpy.__version__)"
cell = nbformat.v4.new_code_cell(source)
nbformat.write(nbformat.v4.new_notebook(cells=[cell]), "/tmp/try.ipynb")
done = papermill.execute_notebook("/tmp/try.ipynb", "/tmp/done.ipynb", kernel_name="python3", progress_bar=False)
print(done.cells[-1].outputs[0].text)
"""


@pytest.fixture(scope="module")
def distribution(started: Machine) -> Machine:
    """The platform, its mirror with a stand-in of the distribution."""
    interpreter = python_of(PYTHON)
    if interpreter is None:
        pytest.skip(f"no Python {PYTHON} on this machine, which the distribution has")
    told = subprocess.run([interpreter, "-c", ASKED], capture_output=True, text=True, check=True).stdout
    prefix, version = json.loads(told)
    if Path(prefix) in SHARED:
        pytest.skip(f"{interpreter} has no folder of its own that could be copied")
    ensure_anaconda(started, Progress(), Path(prefix), version)
    return started


def test_the_base_is_what_its_files_say(distribution: Machine) -> None:
    command = [sys.executable, "-m", "commands", "images", "test", NAME]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    told = {" ".join(line.split()[1:3]) for line in done.stdout.splitlines() if line.split()[:1] == [NAME]}
    assert {"user passed", "entrypoint passed", "packages passed"} <= told


def test_it_runs_a_notebook_without_a_network(distribution: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    place = workshop(STACK, Progress())
    said = {}
    for command in (("python", "-c", NOTEBOOK), ("elyra-node", "--help")):
        trial = image_run.Trial(NAME, command)
        done = image_run.run(image_run.choose(distribution), distribution, place.layout, place.build(NAME), trial)
        assert done.exit_code == 0, done.output
        said[command[0]] = done.output
    assert "/opt/elyra 2.33.0 1.26.4" in said["python"]
    assert "--cos-dependencies-archive" in said["elyra-node"]
