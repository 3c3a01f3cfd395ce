"""Where the one-machine platform keeps what, and under which addresses it answers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from local import toolchain
from pipelines.errors import InputError, Problem

PROJECT = "de-airflow-pipeline"
#: The stack that this machine deploys.
STACK = "dev"
#: Names another namespace than the stack file's: a second deployment beside the first, on the same platform.
NAME_VARIABLE = "DE_AIRFLOW_PIPELINE_NAME"
PORT_OFFSET = "DE_AIRFLOW_PIPELINE_PORT_OFFSET"
KUBE_CONTEXT = f"{PROJECT}-local"

#: Networks of pods and of Services; both are reached from the host.
POD_NETWORK = "10.244.0.0/24"
SERVICE_NETWORK = "10.96.0.0/16"
NETWORKS = (POD_NETWORK, SERVICE_NETWORK)
#: Variables by which tools are told to keep their files with ours rather than in the user's home.
TOOL_FOLDERS = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "KUBECACHEDIR")

LAST_PORT = 65535
#: Every TCP port that the platform listens on, before the offset.
PORTS: Mapping[str, int] = MappingProxyType(
    {
        "registry": 5000,
        "mirror": 5001,
        "etcd": 2379,
        "etcd peers": 2380,
        "kube-apiserver": 6443,
        "kube-controller-manager": 10257,
        "kube-scheduler": 10259,
        "kubelet": 10250,
        "kubelet health": 10248,
        "kube-proxy health": 10256,
        "kube-proxy metrics": 10249,
        "coredns health": 10258,
    }
)


@dataclass(frozen=True)
class Machine:
    """Paths and addresses of the platform of one user on one machine.

    ``cache`` can be rebuilt (toolchain, Go caches); ``state`` cannot (etcd, images, volumes, credentials).
    """

    cache: Path
    state: Path
    kubeconfig: Path
    docker_config: Path
    buildkit_address: str
    registry: str
    mirror: str
    registry_credentials: Path
    port_offset: int = 0

    @classmethod
    def here(cls, environment: Mapping[str, str] | None = None) -> Machine:
        """The machine as ``XDG_CACHE_HOME``, ``XDG_STATE_HOME`` and ``DE_AIRFLOW_PIPELINE_PORT_OFFSET`` place it.

        Raises InputError for an offset that is no number, or moves a port beyond the last.
        """
        variables = os.environ if environment is None else environment
        home = Path(variables.get("HOME") or Path.home())
        cache = _folder(variables, "XDG_CACHE_HOME", home / ".cache") / PROJECT
        state = _folder(variables, "XDG_STATE_HOME", home / ".local" / "state") / PROJECT
        offset = _offset(variables.get(PORT_OFFSET) or "0")
        return cls(
            cache=cache,
            state=state,
            kubeconfig=state / "kubeconfig",
            docker_config=state / "docker",
            buildkit_address=f"unix://{state / 'run' / 'buildkitd.sock'}",
            registry=f"localhost:{PORTS['registry'] + offset}",
            mirror=f"localhost:{PORTS['mirror'] + offset}",
            registry_credentials=state / "registry-credentials.json",
            port_offset=offset,
        )

    def port(self, listener: str) -> int:
        return PORTS[listener] + self.port_offset

    def _without_proxy(self) -> dict[str, str]:
        if not any(os.environ.get(name) for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")):
            return {}
        known = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
        value = ",".join(filter(None, (known, *NETWORKS, "localhost", "127.0.0.1")))
        return {"NO_PROXY": value, "no_proxy": value}

    @property
    def control_group(self) -> str:
        """Name of the control group of all that this platform runs: another state folder's processes are not ours."""
        return f"{PROJECT}-{hashlib.sha256(str(self.state).encode()).hexdigest()[:8]}"

    def tool(self, name: str) -> Path:
        """The binary ``name`` of the toolchain; it exists once the platform was started."""
        return toolchain.path(self.cache, name)

    def environment(self) -> dict[str, str]:
        """What a child process needs, on top of its own environment, to reach this platform and nothing else."""
        folders = [str(folder) for folder in toolchain.folders(self.cache)]
        return {
            **self._without_proxy(),
            **{name: str(self.state / "home" / name.lower()) for name in TOOL_FOLDERS},
            "KUBECONFIG": str(self.kubeconfig),
            "DOCKER_CONFIG": str(self.docker_config),
            "BUILDKIT_HOST": self.buildkit_address,
            "BUILDX_BUILDER": "local",
            "PATH": os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)]),
        }


def _folder(variables: Mapping[str, str], name: str, default: Path) -> Path:
    """https://specifications.freedesktop.org/basedir-spec: a relative path is as good as none."""
    given = Path(variables.get(name) or default)
    return given if given.is_absolute() else default


def _offset(text: str) -> int:
    most = LAST_PORT - max(PORTS.values())
    if text.isascii() and text.isdigit() and int(text) <= most:
        return int(text)
    problem = Problem("environment", PORT_OFFSET, text, f"a whole number from 0 to {most}", f"correct {PORT_OFFSET}")
    raise InputError([problem])
