"""The platform's binaries, compiled once from the Go modules pinned in ``local/toolchain/``."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from local import files
from local.waiting import GaveUp

if TYPE_CHECKING:  # it draws in rich, which whoever only asks for paths need not load
    from local.progress import Progress

SOURCES = Path(__file__).parent / "toolchain"
# Without cgo and with trimmed paths the same pins give the same binaries on any machine; what a debugger reads would be
# stripped by the linker.
BUILD_FLAGS = ("-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false")
LINK_FLAGS = ("-s", "-w")


@dataclass(frozen=True, eq=False)
class Module:
    """One folder of ``local/toolchain/``: binary name -> Go package, and the version variables of its programs.

    Folders pin what they share at one version: then Go compiles it once for all of them.

    ``versions`` maps a Go module to the linker variables that take its version as in ``go.mod``.
    """

    name: str
    binaries: Mapping[str, str]
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


MODULES: tuple[Module, ...] = (
    Module("pause", {"pause": "de-airflow-pipeline/local/toolchain/pause"}),
    Module(
        "tools",
        {
            "buildctl": "github.com/moby/buildkit/cmd/buildctl",
            "buildkitd": "github.com/moby/buildkit/cmd/buildkitd",
            "containerd": "github.com/containerd/containerd/v2/cmd/containerd",
            "containerd-shim-runc-v2": "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
            "coredns": "de-airflow-pipeline/local/toolchain/tools/coredns",
            "ctr": "github.com/containerd/containerd/v2/cmd/ctr",
            "etcd": "go.etcd.io/etcd/server/v3",
            "helm": "helm.sh/helm/v3/cmd/helm",
            "registry": "de-airflow-pipeline/local/toolchain/tools/registry",
        },
        {
            "github.com/containerd/containerd/v2": ("github.com/containerd/containerd/v2/version.Version",),
            "github.com/distribution/distribution/v3": ("github.com/distribution/distribution/v3/version.version",),
            "github.com/moby/buildkit": ("github.com/moby/buildkit/version.Version",),
            "helm.sh/helm/v3": ("helm.sh/helm/v3/internal/version.version",),
        },
    ),
    Module(
        "kubernetes",
        {
            name: f"k8s.io/kubernetes/cmd/{name}"
            for name in (
                "kube-apiserver",
                "kube-controller-manager",
                "kube-proxy",
                "kube-scheduler",
                "kubectl",
                "kubelet",
            )
        },
        # Both: the servers report the first, client-go's user agents and `kubectl version` the second.
        {"k8s.io/kubernetes": ("k8s.io/component-base/version.gitVersion", "k8s.io/client-go/pkg/version.gitVersion")},
    ),
    Module("minio", {"mc": "github.com/minio/mc", "minio": "github.com/minio/minio"}),
)
#: Compiled where a stack's images ask for it: no platform needs it.
AT_REQUEST: tuple[Module, ...] = (
    Module(
        "statsd_exporter",
        {"statsd_exporter": "github.com/prometheus/statsd_exporter"},
        {"github.com/prometheus/statsd_exporter": ("github.com/prometheus/common/version.Version",)},
    ),
)


def link_flags(module: Module, go_mod: str) -> tuple[str, ...]:
    """Linker flags that give the programs of ``module`` the versions that ``go_mod`` pins."""
    stamps = []
    for path, variables in module.versions.items():
        found = re.search(rf"^\s*(?:require )?{re.escape(path)} (v\S+)", go_mod, re.MULTILINE)
        if found is None:
            raise GaveUp(f"local/toolchain/{module.name}/go.mod requires no {path}")
        stamps += [f"-X={variable}={found.group(1)}" for variable in variables]
    return (*LINK_FLAGS, *stamps)


@functools.cache
def key(module: Module, sources: Path = SOURCES) -> str:
    """12 hex digits over all that decides the module's binaries."""
    digest = hashlib.sha256()
    for part in (platform.system(), platform.machine(), *BUILD_FLAGS, *LINK_FLAGS, repr(module)):
        digest.update(part.encode() + b"\0")
    for file in sorted(path for path in (sources / module.name).rglob("*") if path.is_file()):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(sources).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


def folder(cache: Path, module: Module) -> Path:
    return cache / "toolchain" / f"{module.name}-{key(module)}"


def folders(cache: Path) -> tuple[Path, ...]:
    return tuple(folder(cache, module) for module in MODULES)


def path(cache: Path, name: str) -> Path:
    """Where the binary ``name`` is, or will be; KeyError for a name that no module builds."""
    return folder(cache, builder_of(name)) / name


def builder_of(name: str) -> Module:
    """The module that builds a binary; KeyError for a name that none builds."""
    for module in (*MODULES, *AT_REQUEST):
        if name in module.binaries:
            return module
    raise KeyError(name)


def missing(cache: Path, modules: Sequence[Module] = MODULES) -> tuple[Module, ...]:
    # A folder appears by a rename, after everything in it was built: its presence is proof enough.
    return tuple(module for module in modules if not folder(cache, module).is_dir())


def ensure(cache: Path, progress: Progress, modules: Sequence[Module] = MODULES) -> None:
    """Build what is missing; a killed build leaves nothing that a later one could take for finished."""
    if not missing(cache, modules):
        return
    files.folder(cache)
    with files.locked(
        cache / "lock", lambda holder: progress.say(f"waiting for {holder}, which compiles the toolchain")
    ):
        files.remove(Path(go_environment(cache)["GOTMPDIR"]))
        for module in missing(cache, modules):
            progress.say(f"compiling {', '.join(sorted(module.binaries))}")
            _build(cache, module, progress)


def go_environment(cache: Path) -> dict[str, str]:
    """The user's own Go settings (proxy, certificates), with every folder that Go writes to inside the cache."""
    # The one folder that Go does not make itself.
    temporary = str(files.folder(cache / "go" / "temporary"))
    configuration = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {
        **os.environ,
        "GOENV": os.environ.get("GOENV") or str(configuration / "go" / "env"),
        "XDG_CONFIG_HOME": str(cache / "go" / "config"),
        "GOPATH": str(cache / "go" / "path"),
        "CGO_ENABLED": "0",
        "GOCACHE": str(cache / "go" / "build"),
        "GOMODCACHE": str(cache / "go" / "mod"),
        # What a killed compiler leaves there goes before the next build, and with the cache.
        "GOTMPDIR": temporary,
        "TMPDIR": temporary,
        "GOFLAGS": "",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def _build(cache: Path, module: Module, progress: Progress) -> None:
    target = folder(cache, module)
    for left in target.parent.glob(f"{target.name}.*.partial"):
        shutil.rmtree(left)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    files.folder(partial)
    flags = link_flags(module, (SOURCES / module.name / "go.mod").read_text())
    command = [
        # With us goes the compiler: an orphan would go on writing beside the next build.
        *(
            "setpriv",
            "--pdeathsig=TERM",
            "go",
            "build",
            "-v",
            *BUILD_FLAGS,
            f"-ldflags={' '.join(flags)}",
            "-o",
            f"{partial}/",
        ),
        *module.binaries.values(),
    ]
    process = subprocess.Popen(
        command,
        cwd=SOURCES / module.name,
        env=go_environment(cache),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        umask=0o022,
    )
    assert process.stderr is not None  # noqa: S101 - for the type checker
    compiled = 0
    last: list[str] = []
    with process:
        try:
            for line in process.stderr:
                compiled += 1
                last = [*last[-19:], line.rstrip()]
                if compiled % 200 == 0:
                    progress.doing(f"{module.name}: {compiled} packages compiled")
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise GaveUp("\n".join((f"go build in local/toolchain/{module.name} failed:", *last)))
    for name, package in module.binaries.items():
        # `go build` names a binary after the package's last element, or the one before a version such as v3.
        built = re.sub(r"/v\d+$", "", package).rsplit("/", 1)[-1]
        (partial / built).rename(partial / name)
    _make_readable(partial)
    partial.rename(target)


def _make_readable(directory: Path) -> None:
    for file in directory.iterdir():
        file.chmod(0o755)
    directory.chmod(0o755)
