"""A commit with other requirements runs under those: all of them, and never under half of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.errors import InputError
from plan import environments
from plan.environments import PROVIDERS, READY, python_for
from tests.images.wheels import wheel
from tests.plan import repository

ASKED = f"import sys, tool; sys.path.append(sys.prefix + '/{PROVIDERS}'); import provider; print(provider.VERSION)"


def asked(python: str) -> str:
    return subprocess.run([python, "-c", ASKED], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of a commit; the current folder has other requirements."""
    root, here = tmp_path / "root", tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    tool, provider = wheel(root, "tool", "1"), wheel(root, "provider", "2")
    requirements = {"requirements-dev.txt": f"./{tool.name}\n", "requirements-aws.txt": f"./{provider.name}\n"}
    repository.write(root, requirements)
    return root


def test_the_same_requirements_are_this_interpreter_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert python_for(tmp_path, tmp_path / "cache") == sys.executable


@pytest.mark.slow
def test_others_are_installed_once_with_the_providers_beside(
    commit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    python = python_for(commit, cache)
    assert asked(python) == "2\n"
    # As one that was killed leaves it.
    environment = Path(python).parents[1]
    (environment / READY).unlink()
    next(environment.rglob("tool.py")).unlink()
    assert asked(python_for(commit, cache)) == "2\n"
    monkeypatch.setattr(environments, "_make", lambda *_: pytest.fail("made again"))
    assert python_for(commit, cache) == python


@pytest.mark.slow
def test_what_cannot_be_installed_is_told_and_leaves_nothing(commit: Path, tmp_path: Path) -> None:
    repository.write(commit, {"requirements-aws.txt": "./gone-1-py3-none-any.whl\n"})
    with pytest.raises(InputError, match=r"requirements-aws\.txt"):
        python_for(commit, tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]


def test_the_oldest_go(tmp_path: Path, commit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "_make", lambda folder, _: (folder / "bin").mkdir(parents=True))
    found = []
    for number in range(environments.KEPT + 2):
        repository.write(commit, {"requirements.txt": f"a=={number}\n"})
        found.append(Path(python_for(commit, tmp_path / "cache")).parents[1])
    assert [folder for folder in found if folder.exists()] == found[-environments.KEPT :]
