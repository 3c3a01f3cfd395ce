"""The same mistakes as a user makes them: a clone, a command of its own, and the running platform, which stays so."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.machine import Machine
from tests.bad_input.cluster import changes, objects
from tests.bad_input.conditions import can_isolate, isolated, with_files
from tests.bad_input.mistakes import MISTAKES, Mistake
from tests.bad_input.trees import Tree, keep_few, machine_file
from tests.conftest import Deployed
from tests.platform.commands import clone_of

pytestmark = pytest.mark.platform

GOLDEN = Path(__file__).parent / "golden"
SECONDS = 60


def typed(mistake: Mistake, tree: Tree, scratch: Path) -> subprocess.CompletedProcess[str]:
    """The mistake's command in the tree, under the mistake's conditions."""
    command = [sys.executable, "-m", "commands", *mistake.command]
    environment: Mapping[str, str] = mistake.environment
    if mistake.conditions:
        command, environment = isolated(mistake.conditions, scratch, command)
    if mistake.files:
        contents = {}
        for name, content in mistake.files.items():
            wrong = scratch / name
            wrong.write_text(content(tree.machine))
            contents[machine_file(tree.machine, name)] = wrong
        command = with_files(contents, command)
    everything = {**os.environ, **environment}
    return subprocess.run(
        command,
        cwd=tree.folder,
        env={name: value for name, value in everything.items() if name != "AIRFLOW_CHART"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


# What refuses comes before any engine: one is enough.
one_engine = pytest.mark.parametrize("deployed", ["the engine that is there"], indirect=True)


@one_engine
@pytest.mark.parametrize("name", MISTAKES)
def test_one_message_and_nothing_changed(name: str, deployed: Deployed, tmp_path: Path) -> None:
    mistake = MISTAKES[name]
    if (mistake.conditions or mistake.files) and not can_isolate():
        pytest.skip("this user may not make namespaces")
    clone = clone_of(deployed.root, tmp_path / "clone")
    keep_few(clone)
    # Under other conditions the machine is another one, its home a new one.
    machine = Machine.here({"HOME": "/home/ada"}) if mistake.conditions else deployed.machine
    tree = Tree(clone, machine)
    mistake.edit(tree)
    namespaces = (deployed.settings.name, deployed.settings.tasks_namespace)
    files, live = tree.content(), objects(deployed.client, namespaces)
    done = typed(mistake, tree, tmp_path)
    assert changes(live, objects(deployed.client, namespaces)) == set()
    assert tree.content() == files
    assert tree.plain(done.stderr) == (GOLDEN / f"{name}.txt").read_text()
    assert done.returncode == 1
    assert "Traceback" not in done.stdout
    if mistake.conditions:
        assert (tmp_path / "left").read_text() == ""


@one_engine
def test_a_change_of_the_cluster_would_be_seen(deployed: Deployed) -> None:
    live = objects(deployed.client, (deployed.settings.name, deployed.settings.tasks_namespace))
    kinds = {key.split()[0] for key in live}
    assert {"Deployment", "StatefulSet", "Secret", "ConfigMap", "Role", "Namespace", "PersistentVolumeClaim"} <= kinds
    one = next(iter(live))
    assert changes(live, {key: version for key, version in live.items() if key != one}) == {one}
