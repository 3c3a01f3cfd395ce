"""What ``make up`` has deployed on this machine, taken away by the engine that made it. Platform and images stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lightkube import Client
from lightkube.core.resource import NamespacedResource
from lightkube.resources.core_v1 import Namespace

from infra import names
from infra.settings import Settings
from local import engine, platform, pulumi_engine
from local.apply import LABEL, PRUNED
from local.helm import Helm
from local.kubernetes_client import connect, kind_of, namespace_annotations
from local.machine import STACK, Machine
from local.progress import Progress
from local.pulumi_engine import PulumiEngine
from local.waiting import wait
from pipelines.errors import InputError, Problem

#: A scheduler has 120 s to end; all pods are told at once.
SECONDS = 600


@dataclass(frozen=True)
class Resource:
    """One resource of a stack, its type as Pulumi has it."""

    type: str
    name: str
    protected: bool = False
    retained: bool = False


class Deployment(Protocol):
    """A stack that this machine holds."""

    def resources(self) -> list[Resource]:
        """All of it, without components, providers and the stack itself."""

    def destroy(self, *, but_protected: bool) -> None:
        """Take it away; ``but_protected``: what is protected stays. Raises GaveUp with the reason when that fails.

        Broken off, the same command goes on.
        """


def resources_of(state: Mapping[str, Any]) -> list[Resource]:
    """The resources of a Pulumi state's ``deployment``, without components, providers and the stack itself."""
    return [
        Resource(
            one["type"], one["urn"].rpartition("::")[2], one.get("protect", False), one.get("retainOnDelete", False)
        )
        for one in state.get("resources") or ()
        if one.get("custom") and not one["type"].startswith("pulumi:")
    ]


def of_this_machine(machine: Machine, settings: Settings, progress: Progress) -> Deployment | None:
    """What ``make up`` has made; None where only somebody's own Pulumi may have made something.

    Raises InputError where the engine that made it is not there.
    """
    client = connect(machine)
    pulumi = PulumiEngine(machine, settings.name, progress)
    found = namespace_annotations(client, settings.name)
    choice = engine.recorded(client, settings.name) if engine.ENGINE_ANNOTATION in (found or {}) else pulumi.begun
    if choice and choice.engine == "pulumi":
        if not pulumi_engine.available():
            fix = "install it, or make purge, which removes the platform with it"
            raise InputError([Problem("environment", "PATH", "no pulumi", "the Pulumi CLI, which made it", fix)])
        return ByPulumi(machine, pulumi, choice, progress)
    if choice or not (found or pulumi_engine.available()):
        return AppliedDirectly(client, machine, settings, progress)
    return None


@dataclass(frozen=True)
class ByPulumi:
    """The stack of ``make up``'s own backend."""

    machine: Machine
    pulumi: PulumiEngine
    choice: engine.Choice
    progress: Progress

    def resources(self) -> list[Resource]:
        return resources_of({"resources": self.pulumi.resources})

    def destroy(self, *, but_protected: bool) -> None:
        with platform.deploying(self.machine, self.progress), self.progress.step("destroy"):
            self.pulumi.destroy(self.choice, but_protected=but_protected)


class AppliedDirectly:
    """No state tells: what carries the label of direct apply counts, the release, and both namespaces with all that is
    in them."""

    def __init__(self, client: Client, machine: Machine, settings: Settings, progress: Progress) -> None:
        # Kinds are data here, which the client's overloads cannot follow.
        self._client: Any = client
        self._machine, self._settings, self._progress = machine, settings, progress
        self._helm = Helm(client, machine, progress.doing)

    def resources(self) -> list[Resource]:
        """Raises InputError where the stack protects its data: this engine keeps no note of what."""
        if self._settings.protect:
            fix = "set protect: false, and again: all goes then"
            raise InputError([Problem(f"Pulumi.{STACK}.yaml", "protect", "true", "false: direct apply made it", fix)])
        found = [Resource("kubernetes:core/v1:Namespace", space.metadata.name) for space in self._spaces()]
        for version, kind, live in self._labelled():
            module = version if "/" in version else f"core/{version}"
            found.append(Resource(f"kubernetes:{module}:{kind.__name__}", live.metadata.name))
        if self._helm.deployed(names.RELEASE, self._settings.name):
            found.append(Resource(pulumi_engine.RELEASE, names.RELEASE))
        return found

    def destroy(self, *, but_protected: bool) -> None:
        with platform.deploying(self._machine, self._progress), self._progress.step("destroy"):
            self._helm.uninstall(names.RELEASE, self._settings.name)
            for _, kind, live in self._labelled():
                if not issubclass(kind, NamespacedResource):
                    self._client.delete(kind, live.metadata.name)
            # With all else in them, and not after it: until they go, make up can still go on with the passwords that
            # the volumes were made with.
            for space in self._spaces():
                if space.metadata.deletionTimestamp is None:
                    self._client.delete(Namespace, space.metadata.name)
            wait("namespaces to go", self._left, SECONDS)

    def _labelled(self) -> Iterator[tuple[str, Any, Any]]:
        for version, kinds in PRUNED:
            for kind in (kind_of(version, name) for name in kinds):
                everywhere = {"namespace": "*"} if issubclass(kind, NamespacedResource) else {}
                for live in self._client.list(kind, **everywhere, labels={LABEL: self._settings.name}):
                    yield version, kind, live

    def _left(self) -> str | None:
        return ", ".join(one.metadata.name for one in self._spaces()) or None

    def _spaces(self) -> list[Any]:
        """Also one that is made and has no label yet."""
        name = self._settings.name
        return [
            one
            for one in self._client.list(Namespace)
            if one.metadata.name == name or (one.metadata.labels or {}).get(LABEL) == name
        ]
