"""A second clone of the repository, to edit and to publish from."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT
from tests.platform.commands import Finished, clone_of, run

PROBE = ROOT / "tests/fixtures/probe"


class Scratch:
    """The clone in ``folder``: another path, umask 077."""

    def __init__(self, folder: Path) -> None:
        self.folder = clone_of(ROOT, folder)
        #: What each up has printed.
        self.said: list[str] = []

    def up(self) -> Finished:
        """Publish what the clone holds; its failure is the test's."""
        done = settled(self.folder)
        self.said.append(done.output)
        return done

    def replace(self, path: str, old: str, new: str) -> None:
        file = self.folder / path
        before = file.read_text()
        assert old in before, f"{old!r} is not in {path}"
        file.write_text(before.replace(old, new))

    def append(self, path: str, text: str) -> None:
        with (self.folder / path).open("a") as file:
            file.write(text)

    def change_image(self, mark: str) -> None:
        """Another content of the image cost-of-living, whose libraries must be installed again for it."""
        # Never the same twice: the registry keeps what an earlier run of the tests has built.
        edition = f"{mark}-{secrets.token_hex(4)}"
        self.replace("images/cost-of-living/Dockerfile", "\nUSER 0\n", f"\nENV EDITION={edition}\nUSER 0\n")

    def add_probe(self) -> None:
        """The DAG ``probe`` of tests/fixtures."""
        shutil.copytree(PROBE, self.folder / "dags", dirs_exist_ok=True)

    def remove(self, *paths: str) -> None:
        for path in paths:
            target = self.folder / path
            shutil.rmtree(target) if target.is_dir() else target.unlink()


@contextmanager
def scratch_clone(folder: Path) -> Iterator[Scratch]:
    """Publish this clone's content, hand out a copy of it, and publish this clone's again in the end."""
    settled(ROOT)
    try:
        yield Scratch(folder / "elsewhere")
    finally:
        settled(ROOT)


def settled(clone: Path) -> Finished:
    done = run("local", "up", "--no-smoke", clone=clone)
    assert done.status == 0, done.output
    return done
