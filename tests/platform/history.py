"""A clone with a history, as its owner's: what commands find that read commits."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipelines import releases
from tests.conftest import ROOT
from tests.platform.commands import clone_of
from tests.platform.older_release import AIRFLOW, NOT_YET, make_older

WHO = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "core.hooksPath=/dev/null")


@dataclass(frozen=True)
class Repository:
    """Git in a clone that ``clone_of`` has made."""

    folder: Path

    @classmethod
    def begun(cls, folder: Path) -> Repository:
        subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
        (folder / ".git/info/exclude").write_text(".venv\n")
        return cls(folder)

    def commit(self, message: str) -> str:
        """Everything as it is in the folder; the commit's hash."""
        for command in (("add", "--all"), ("commit", "--quiet", "--message", message)):
            subprocess.run(["git", *WHO, *command], cwd=self.folder, check=True)
        head = ["git", "rev-parse", "HEAD"]
        return subprocess.run(head, cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()

    def check_out(self, commit: str) -> None:
        """The commit's files, whatever was changed."""
        subprocess.run(["git", "checkout", "--quiet", "--force", commit], cwd=self.folder, check=True)


@dataclass(frozen=True)
class TwoReleases:
    """``older`` is the commit with the older Airflow, ``newer`` the one after it; both have the DAG of a fixture."""

    repository: Repository
    older: str
    newer: str


def two_releases(folder: Path, fixture: Path) -> TwoReleases:
    """Below ``folder``. The packages of the older one are resolved for it, which takes a minute."""
    clone, newer = clone_of(ROOT, folder / "clone"), folder / "newer"
    found = Repository.begun(clone)
    shutil.copytree(fixture, clone / "dags", dirs_exist_ok=True)
    shutil.copytree(clone, newer, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    for name in NOT_YET:
        path = clone / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    make_older(clone)
    older = found.commit(f"Airflow {AIRFLOW}")
    shutil.copytree(newer, clone, dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns(".venv", "build"))
    return TwoReleases(found, older, found.commit(f"Airflow {releases.AIRFLOW}"))
