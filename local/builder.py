"""BuildKit, and what lets Docker's clients find it: no Docker engine is needed."""

from __future__ import annotations

import json

from local import containers, files, mounts, probes
from local.image_registry import UPSTREAMS
from local.machine import Machine
from local.processes import Daemon, Supervisor

#: Name of the buildx instance, for `builder=` of a docker-build Image and for BUILDX_BUILDER.
INSTANCE = "local"
CACHE_LIMIT = "16GB"


def configuration(machine: Machine) -> str:
    mirrors = "".join(f'[registry."{upstream}"]\nmirrors = ["{machine.mirror}/{upstream}"]\n' for upstream in UPSTREAMS)
    # Builds use the host's network and name servers, as `pip install` on the host does.
    return f"""root = "{machine.state / "buildkit"}"
[grpc]
address = ["{machine.buildkit_address}"]
[otel]
socketPath = "{machine.state / "run" / "buildkitd-otel.sock"}"
[cdi]
disabled = true
[worker.containerd]
enabled = false
[worker.oci]
enabled = true
snapshotter = "overlayfs"
networkMode = "host"
binary = "{containers.runc()}"
defaultCgroupParent = "/{machine.control_group}/builds"
gc = true
maxUsedSpace = "{CACHE_LIMIT}"
[registry."{machine.registry}"]
http = true
[registry."{machine.mirror}"]
http = true
{mirrors}"""


def instance(machine: Machine) -> str:
    """A buildx instance of driver ``remote``, in the form that buildx keeps it."""
    node = {
        "Name": f"{INSTANCE}0",
        "Endpoint": machine.buildkit_address,
        "Platforms": None,
        "DriverOpts": None,
        "Flags": None,
        "Files": None,
    }
    return json.dumps({"Name": INSTANCE, "Driver": "remote", "Nodes": [node], "Dynamic": False}, indent=2) + "\n"


def prepare(machine: Machine) -> None:
    instances = machine.docker_config / "buildx" / "instances"
    for directory in (instances.parent, instances):
        files.folder(directory, 0o700)
    files.write(instances / INSTANCE, instance(machine), 0o600)


def daemon(machine: Machine, supervisor: Supervisor) -> Daemon:
    path = machine.state / "run" / "buildkitd.toml"
    socket = machine.state / "run" / "buildkitd.sock"
    return Daemon(
        "buildkitd",
        mounts.inside(supervisor, str(machine.tool("buildkitd")), "--config", str(path)),
        lambda: probes.socket_answers(socket),
        containers.environment(),
        {path: configuration(machine)},
        machine.buildkit_address,
    )
