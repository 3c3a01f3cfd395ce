"""The registry goes away, is full, or takes the log-in no more, while ``up`` builds an image and pushes it."""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import pytest

from commands.failure import FAILED
from local import image_registry
from tests.conftest import Deployed
from tests.faults.earlier import Earlier
from tests.faults.under_way import under_way
from tests.faults.victims import kill_daemon
from tests.platform.commands import Finished, run
from tests.platform.observed import await_served, digest_of, published, reference_of
from tests.platform.scratch import Scratch

pytestmark = [pytest.mark.platform, pytest.mark.faults]

IMAGE = "cost-of-living"
DOCKERFILE = f"images/{IMAGE}/Dockerfile"
#: What nobody can compress: its push takes long enough to be met.
LAYER_BYTES = 48 << 20
SMALL = "4m"
#: What no engine has a part in.
DIRECT = pytest.mark.parametrize("deployed", ["direct"], indirect=True)
NO_ANSWER = re.compile(r"connection refused|connection reset|EOF|broken pipe")


@dataclass
class Build:
    """An image whose last layer was never built before."""

    deployed: Deployed
    scratch: Scratch
    mark: str

    def is_running(self) -> bool:
        """Whether the step that makes the layer runs."""
        mark = f": {self.mark} ".encode()
        return any(mark in _command(path) for path in Path("/proc").glob("[0-9]*"))

    @property
    def uploads(self) -> Path:
        """Where the registry keeps what is being pushed."""
        repository = reference_of(published(self.deployed), IMAGE).partition("/")[2].rpartition(":")[0]
        images = self.deployed.machine.state / "images" / "registry"
        return images / "docker" / "registry" / "v2" / "repositories" / repository / "_uploads"


@pytest.fixture
def build(with_results: Deployed, scratch: Scratch) -> Build:
    mark = f"fault-{secrets.token_hex(6)}"
    file = scratch.folder / DOCKERFILE
    kept = file.read_text().partition("\n# A fault's layer.\n")[0]
    layer = f"RUN : {mark} && sleep 2 && head -c {LAYER_BYTES} /dev/urandom > /opt/ballast"
    file.write_text(f"{kept}\n# A fault's layer.\nUSER 0\n{layer}\nUSER 10001:10001\n")
    return Build(with_results, scratch, mark)


def test_a_registry_that_dies_before_the_push(build: Build, tmp_path: Path) -> None:
    earlier = Earlier.of(build.deployed)
    with under_way(build.scratch.folder, tmp_path / "output") as up:
        up.await_moment("the layer is made", build.is_running)
        kill_daemon(build.deployed.machine, "registry")
        failed = up.end()
    assert_told(failed, NO_ANSWER, "the registry does not answer")
    assert_mended(build, earlier)


def test_a_registry_that_dies_during_the_push(build: Build, tmp_path: Path) -> None:
    earlier, uploads = Earlier.of(build.deployed), build.uploads
    before = set(uploads.glob("*"))

    def pushed() -> int:
        return sum(_size(upload / "data") for upload in set(uploads.glob("*")) - before)

    with under_way(build.scratch.folder, tmp_path / "output") as up:
        up.await_moment("some of the layer has been pushed", pushed)
        kill_daemon(build.deployed.machine, "registry")
        arrived = pushed()
        failed = up.end()
    # In the middle, and not at its end.
    assert 0 < arrived <= LAYER_BYTES
    assert_told(failed, NO_ANSWER, "the registry does not answer")
    assert_mended(build, earlier)


@DIRECT
def test_a_log_in_that_expires_before_the_push(build: Build, tmp_path: Path) -> None:
    machine, earlier = build.deployed.machine, Earlier.of(build.deployed)
    accepted = machine.state / "registry.htpasswd"
    before = accepted.read_text()
    other = bcrypt.hashpw(secrets.token_bytes(16), bcrypt.gensalt(rounds=4)).decode()
    try:
        with under_way(build.scratch.folder, tmp_path / "output") as up:
            up.await_moment("the layer is made", build.is_running)
            # The registry looks at the file's time at each log-in.
            accepted.write_text(f"{image_registry.USERNAME}:{other}\n")
            failed = up.end()
        assert_told(failed, re.compile("401|unauthorized|authorization failed"), "the registry refuses the push")
        again = run("local", "up", "--no-smoke", clone=build.scratch.folder)
        assert_told(again, re.compile(f"found: +user {image_registry.USERNAME}, refused by {machine.registry}"), "fix:")
    finally:
        accepted.write_text(before)
    assert_mended(build, earlier)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """With hardly any room in the folder."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@DIRECT
def test_a_registry_whose_disk_is_full(build: Build) -> None:
    earlier = Earlier.of(build.deployed)
    with full(build.uploads):
        failed = run("local", "up", "--no-smoke", clone=build.scratch.folder)
    assert_told(failed, re.compile("500 Internal Server Error|no space left on device"), "its disk is full")
    assert_mended(build, earlier)


def assert_told(done: Finished, cause: re.Pattern[str], way_out: str) -> None:
    assert done.status == FAILED, done.output
    assert cause.search(done.output), done.output
    assert way_out in done.output, done.output
    assert "Traceback" not in done.output


def assert_mended(build: Build, earlier: Earlier) -> None:
    """Nothing was published; then the next ``up`` does all of it."""
    earlier.assert_untouched(build.deployed)
    done = build.scratch.up()
    assert done.counts[0] == 1, done.output
    tree = published(build.deployed)
    assert build.deployed.bucket.published_version() != earlier.published
    assert digest_of(build.deployed, reference_of(tree, IMAGE))
    earlier.assert_nothing_lost(build.deployed)
    await_served(build.deployed, "cost_of_living")


def _command(path: Path) -> bytes:
    try:
        return (path / "cmdline").read_bytes()
    except OSError:
        return b""


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
