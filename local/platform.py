"""The platform as a whole: start, stop, purge, status."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from local import (
    builder,
    cluster,
    containers,
    files,
    image_registry,
    kubeconfig,
    mounts,
    network,
    node,
    packages,
    preflight,
    processes,
    storage,
    toolchain,
)
from local.cgroups import Tree
from local.machine import Machine
from local.processes import Daemon, Supervisor
from local.progress import Progress
from local.waiting import GaveUp, wait

#: Every daemon in the order of starting, with where it is reached.
DAEMONS = (
    "mounts",
    "registry",
    "mirror",
    "containerd",
    "buildkitd",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "coredns",
    "provisioner",
)
#: Folders of what runs: worthless once nothing runs any more, and misleading at the next start.
TRANSIENT = ("addresses", "daemons/temporary", "containerd", "runc", "shims", "cni", "kubelet", "container-logs")
NODE_READY_SECONDS = 120
#: Lock in the state folder -> what its holder does. In the order of taking.
LOCKS = {"up.lock": "brings up or takes down", "lock": "starts or stops"}


@dataclass(frozen=True)
class Component:
    """One daemon; ``memory`` is its resident memory in bytes, ``pid`` and ``memory`` are 0 where it does not run."""

    name: str
    running: bool
    pid: int
    address: str
    memory: int


def supervisor(machine: Machine) -> Supervisor:
    groups = Tree.here(machine.control_group).daemons
    return Supervisor(machine.state / "run" / "daemons", machine.state / "logs", groups)


def check(machine: Machine) -> None:
    """Raise InputError where the machine cannot carry the platform."""
    watch = supervisor(machine)
    running = [name for name in DAEMONS if watch.running(name)]
    preflight.require(machine, preflight.Facts.of(machine), running)


def start(machine: Machine, progress: Progress) -> None:
    """Bring up what does not run. Safe to repeat, from any clone, and after any kind of interruption.

    Raises InputError where the machine cannot carry it (nothing is changed then), GaveUp where a part does not come up.
    """
    check(machine)
    watch = supervisor(machine)
    with _locked(machine, progress):
        if _runs(machine, watch):
            progress.say("the one-machine platform already runs")
            return
        with progress.step("toolchain"):
            packages.ensure(machine.state / "packages.json", progress)
            toolchain.ensure(machine.cache, progress)
        with progress.step("network"):
            _begin(machine, watch)
        with progress.step("registry"):
            image_registry.prepare(machine)
            _start(watch, image_registry.daemons(machine))
        with progress.step("containerd"):
            containers.prepare(machine)
            _start(watch, [containers.daemon(machine, watch)])
            containers.import_pause_image(machine)
        with progress.step("buildkit"):
            builder.prepare(machine)
            _start(watch, [builder.daemon(machine, watch)])
        with progress.step("control plane"):
            cluster.prepare(machine)
            _start(watch, cluster.daemons(machine))
        with progress.step("node ready"):
            node.prepare(machine)
            proxy = node.kube_proxy(machine)
            if not watch.current(proxy):
                watch.stop(proxy.name)
                network.forget_services()
            _start(watch, [node.kubelet(machine, watch), proxy])
            wait("the node", lambda: node.not_ready(machine), NODE_READY_SECONDS, lambda: watch.tail("kubelet"))
        with progress.step("storage class"):
            storage.prepare(machine)
            storage.apply(machine)
            _start(watch, [storage.daemon(machine)])
        with progress.step("DNS"):
            _start(watch, [node.coredns(machine)])


def stop(machine: Machine, progress: Progress) -> None:
    """End every process, and take away mounts, interfaces, tables and control groups; what is stored stays."""
    if not machine.state.exists():
        return
    with deploying(machine, progress), _locked(machine, progress):
        _stop(machine, progress)


def _stop(machine: Machine, progress: Progress) -> None:
    watch, tree = supervisor(machine), Tree.here(machine.control_group)
    with progress.step("stop"):
        watch.stop("kubelet")
        if watch.running("containerd"):
            progress.doing("asking the pods to end")
            containers.stop_pods(machine)
        for name in reversed(DAEMONS):
            watch.stop(name)
        tree.kill()
        if left := tree.processes():
            raise GaveUp(f"these processes of the platform do not end: {', '.join(map(str, sorted(left)))}")
        network.stop(machine)
        _wipe(machine)
        mounts.clean(machine)
        tree.remove()


def purge(machine: Machine, progress: Progress) -> None:
    """Stop, and remove every file outside the clone and every Debian package that ``start`` brought."""
    anything = machine.state.exists()
    with deploying(machine, progress), _locked(machine, progress):
        if anything:
            _stop(machine, progress)
        with progress.step("purge"):
            packages.remove(machine.state / "packages.json", progress)
            progress.doing(f"removing {machine.cache} and {machine.state}")
            files.remove(machine.cache)
            locks = [machine.state / name for name in LOCKS]
            for entry in set(machine.state.iterdir()) - set(locks):
                files.remove(entry)
            # The last: from then on another command may begin anew.
            for lock in locks:
                lock.unlink(missing_ok=True)
            for folder in (machine.cache, machine.state):
                for emptied in (folder, *list(folder.parents)[:2]):
                    # Only where nobody else keeps anything: rmdir refuses a folder that is not empty.
                    with contextlib.suppress(OSError):
                        emptied.rmdir()


def status(machine: Machine) -> tuple[Component, ...]:
    watch = supervisor(machine)
    components = []
    for name in DAEMONS:
        running = watch.running(name)
        pid = running.pid if running else 0
        memory = processes.resident_memory(pid) if running else 0
        components.append(Component(name, running is not None, pid, _address(machine, name), memory))
    return tuple(components)


def _address(machine: Machine, name: str) -> str:
    addresses = {
        "registry": machine.registry,
        "mirror": machine.mirror,
        "containerd": f"unix://{containers.address(machine)}",
        "buildkitd": machine.buildkit_address,
        "coredns": f"{network.NODE_ADDRESS}:53",
        "kube-apiserver": f"https://{network.NODE_ADDRESS}:{machine.port('kube-apiserver')}",
        "kubelet": f"https://{network.NODE_ADDRESS}:{machine.port('kubelet')}",
        "etcd": f"https://127.0.0.1:{machine.port('etcd')}",
    }
    return addresses.get(name, "")


def _begin(machine: Machine, watch: Supervisor) -> None:
    """The mount namespace, control groups and network that the rest runs in."""
    tree = Tree.here(machine.control_group)
    if watch.running(mounts.NAME) is None:
        # What still runs belongs to a namespace that nobody can enter any more: end it, as a reboot would.
        tree.kill()
        _wipe(machine)
    tree.ensure()
    network.start(machine)
    mounts.prepare(machine)
    _start(watch, [mounts.daemon(machine, watch)])


def _wipe(machine: Machine) -> None:
    for name in TRANSIENT:
        files.remove(machine.state / "run" / name)


def _start(watch: Supervisor, daemons: Iterable[Daemon]) -> None:
    """Start all, then wait for each: they come up side by side."""
    listed = tuple(daemons)
    for daemon in listed:
        watch.start(daemon)
    for daemon in listed:
        watch.await_ready(daemon)


def _runs(machine: Machine, watch: Supervisor) -> bool:
    """Whether every daemon runs as this version describes it, and the node is ready."""
    if toolchain.missing(machine.cache) or not network.running() or watch.running(mounts.NAME) is None:
        return False
    if not machine.registry_credentials.exists():
        return False
    if not all(watch.running(name) for name in DAEMONS) or not kubeconfig.is_current(machine):
        return False
    expected = (
        mounts.daemon(machine, watch),
        *image_registry.daemons(machine),
        containers.daemon(machine, watch),
        builder.daemon(machine, watch),
        *cluster.daemons(machine),
        node.kubelet(machine, watch),
        node.kube_proxy(machine),
        node.coredns(machine),
        storage.daemon(machine),
    )
    if not all(watch.current(daemon) for daemon in expected):
        return False
    try:
        return all(daemon.missing() is None for daemon in expected) and node.not_ready(machine) is None
    except GaveUp:
        return False


@contextlib.contextmanager
def deploying(machine: Machine, progress: Progress) -> Iterator[None]:
    """Hold off every other ``up``, ``stop`` and ``purge``; taken before the lock of starting and stopping."""
    with _alone(machine, progress, "up.lock"):
        yield


@contextlib.contextmanager
def _locked(machine: Machine, progress: Progress) -> Iterator[None]:
    with _alone(machine, progress, "lock"):
        yield


@contextlib.contextmanager
def _alone(machine: Machine, progress: Progress, lock: str) -> Iterator[None]:
    def waiting(holder: str) -> None:
        progress.say(f"waiting for {holder}, which {LOCKS[lock]} the platform")

    with files.locked(machine.state / lock, waiting):
        files.folder(machine.state, 0o700)
        yield
