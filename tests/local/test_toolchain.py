"""Where the platform's binaries come from, without compiling any."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import pytest

from local import toolchain
from local.progress import Progress
from local.toolchain import AT_REQUEST, MODULES, Module
from local.waiting import GaveUp

OURS = "de-airflow-pipeline/local/toolchain"
EVERY = (*MODULES, *AT_REQUEST)
# containerd does not compile with those of the kubelet that it serves.
OLDER_FOR_CONTAINERD = {"k8s.io/cri-api", "k8s.io/kubelet"}


def module(name: str) -> Module:
    return next(entry for entry in MODULES if entry.name == name)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return Path(shutil.copytree(toolchain.SOURCES, tmp_path / "toolchain"))


@pytest.mark.parametrize("entry", EVERY, ids=lambda entry: entry.name)
def test_the_table_builds_what_the_module_declares(entry: Module) -> None:
    content = (toolchain.SOURCES / entry.name / "go.mod").read_text()
    block = re.search(r"^tool \((.*?)^\)", content, re.MULTILINE | re.DOTALL)
    declared = block.group(1).split() if block else re.findall(r"^tool (\S+)$", content, re.MULTILINE)
    own = [
        f"{OURS}/{file.parent.relative_to(toolchain.SOURCES)}"
        for file in (toolchain.SOURCES / entry.name).rglob("main.go")
    ]
    assert sorted([*declared, *own]) == sorted(entry.binaries.values())


def test_modules_pin_what_they_share_at_one_version() -> None:
    pinned: dict[str, set[str]] = {}
    for entry in MODULES:
        content = (toolchain.SOURCES / entry.name / "go.mod").read_text()
        for path, version in re.findall(r"^\t(\S+) (v\S+)", content, re.MULTILINE):
            pinned.setdefault(path, set()).add(version)
    assert {path for path, versions in pinned.items() if len(versions) > 1} == OLDER_FOR_CONTAINERD


@pytest.mark.parametrize("entry", EVERY, ids=lambda entry: entry.name)
@pytest.mark.parametrize("file", ["go.mod", "go.sum"])
def test_a_changed_pin_is_another_key(sources: Path, entry: Module, file: str) -> None:
    before = {other.name: toolchain.key(other, sources) for other in EVERY}
    toolchain.key.cache_clear()
    with (sources / entry.name / file).open("a") as pins:
        pins.write("// another pin\n")
    after = {other.name: toolchain.key(other, sources) for other in EVERY}
    assert {name for name in before if before[name] != after[name]} == {entry.name}


def test_a_copy_elsewhere_with_other_modes_has_the_same_key(sources: Path) -> None:
    for file in sources.rglob("*"):
        file.chmod(0o700)
    for entry in EVERY:
        assert toolchain.key(entry, sources) == toolchain.key(entry)


def test_flags_are_part_of_the_key(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = toolchain.key(module("pause"), sources)
    toolchain.key.cache_clear()
    monkeypatch.setattr(toolchain, "LINK_FLAGS", ("-s",))
    assert toolchain.key(module("pause"), sources) != before


def test_programs_are_stamped_with_the_pinned_versions() -> None:
    entry = module("kubernetes")
    flags = toolchain.link_flags(entry, "require k8s.io/kubernetes v1.34.4 // indirect\n")
    assert "-X=k8s.io/component-base/version.gitVersion=v1.34.4" in flags
    with pytest.raises(GaveUp, match=re.escape("local/toolchain/kubernetes/go.mod requires no k8s.io/kubernetes")):
        toolchain.link_flags(entry, "require k8s.io/kubernetes-else v1.0.0\n")


@pytest.mark.parametrize("entry", EVERY, ids=lambda entry: entry.name)
def test_every_stamped_module_is_pinned(entry: Module) -> None:
    toolchain.link_flags(entry, (toolchain.SOURCES / entry.name / "go.mod").read_text())


def test_no_two_modules_build_a_binary_of_one_name() -> None:
    names = [name for entry in EVERY for name in entry.binaries]
    assert len(names) == len(set(names))


def test_what_is_compiled_at_request_is_missing_from_no_platform(tmp_path: Path) -> None:
    for entry in MODULES:
        toolchain.folder(tmp_path, entry).mkdir(parents=True)
    assert toolchain.missing(tmp_path) == ()
    assert toolchain.missing(tmp_path, AT_REQUEST) == AT_REQUEST
    assert toolchain.path(tmp_path, "statsd_exporter").parent == toolchain.folder(tmp_path, AT_REQUEST[0])


def test_an_unknown_binary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        toolchain.path(tmp_path, "no-such-tool")


def test_go_writes_nowhere_but_to_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOPROXY", "https://goproxy.example.org")
    environment = toolchain.go_environment(tmp_path)
    for name in ("GOCACHE", "GOMODCACHE", "GOPATH", "GOTMPDIR", "TMPDIR", "XDG_CONFIG_HOME"):
        assert Path(environment[name]).is_relative_to(tmp_path)
    assert environment["GOFLAGS"] == ""
    assert environment["GOPROXY"] == "https://goproxy.example.org"


def test_an_unfinished_build_is_not_taken_for_finished(tmp_path: Path) -> None:
    target = toolchain.folder(tmp_path, module("pause"))
    target.with_name(target.name + ".42.partial").mkdir(parents=True)
    assert module("pause") in toolchain.missing(tmp_path)


def fake_go(folder: Path, script: str) -> str:
    folder.mkdir()
    (folder / "go").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "go").chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def test_what_is_built_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Writes a file named as go names it for each package, into the folder that -o names.
    script = (
        f"echo ran >>{tmp_path}/runs\n"
        'while [ "$1" != -o ]; do shift; done; out=$2; shift 2\n'
        'for package; do name=${package%/v[0-9]}; echo x >"$out${name##*/}"; done'
    )
    monkeypatch.setenv("PATH", fake_go(tmp_path / "bin", script))
    killed = toolchain.folder(tmp_path / "cache", module("tools")).with_suffix(".42.partial")
    left = Path(toolchain.go_environment(tmp_path / "cache")["GOTMPDIR"], "go-build1")
    for folder in (killed, left):
        folder.mkdir(parents=True)
    for _ in range(2):
        toolchain.ensure(tmp_path / "cache", Progress(io.StringIO()))
    assert (tmp_path / "runs").read_text().count("ran") == len(MODULES)
    assert toolchain.missing(tmp_path / "cache") == ()
    assert not killed.exists()
    assert not left.exists()
    for entry in MODULES:
        for name in entry.binaries:
            assert toolchain.path(tmp_path / "cache", name).stat().st_mode & 0o777 == 0o755


def test_a_failed_build_tells_why_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", fake_go(tmp_path / "bin", "echo 'pause.go:1: no such thing' >&2; exit 1"))
    with pytest.raises(GaveUp, match=r"(?s)local/toolchain/pause failed.*no such thing"):
        toolchain.ensure(tmp_path / "cache", Progress(io.StringIO()))
    assert set(toolchain.missing(tmp_path / "cache")) == set(MODULES)
