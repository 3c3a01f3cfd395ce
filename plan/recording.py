"""A monitor that records every registration, and plays the part of cluster, registry and random source."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc


@dataclass(frozen=True)
class Registration:
    """One resource as the engine would have seen it; inputs are plain, secrets unwrapped."""

    type: str
    name: str
    inputs: dict[str, Any]
    secret_paths: frozenset[str]
    custom: bool
    parent: str
    provider: str
    dependencies: tuple[str, ...]
    generated_inputs: frozenset[str]
    protect: bool
    retain_on_delete: bool
    order: int


@dataclass
class Recording(mocks.Mocks):
    """All registrations of one run, in order, and the random values that were handed out."""

    registrations: list[Registration] = field(default_factory=list)
    generated: dict[str, str] = field(default_factory=dict)
    builds_known: bool = True
    pending: dict[str, Any] = field(default_factory=dict)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        secret_paths: set[str] = set()
        inputs = _plain(args.inputs, "", secret_paths)
        request = self.pending.pop(f"{args.typ}::{args.name}")
        self.registrations.append(
            Registration(
                type=args.typ,
                name=args.name,
                inputs=inputs,
                secret_paths=frozenset(secret_paths),
                custom=bool(args.custom),
                parent=request.parent,
                provider=request.provider,
                dependencies=tuple(request.dependencies),
                generated_inputs=frozenset(
                    key
                    for key, found in request.propertyDependencies.items()
                    if any("random:index/" in urn for urn in found.urns)
                ),
                protect=request.protect,
                retain_on_delete=request.retainOnDelete,
                order=len(self.registrations),
            )
        )
        return f"{args.name}-id", {**inputs, **self._outputs(args.typ, args.name, inputs)}

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(f"the program called {args.token}")

    def _outputs(self, kind: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        if kind.startswith("random:"):
            self.generated[name] = hashlib.sha256(f"random of {name}".encode()).hexdigest()
            return {"result": self.generated[name]}
        if kind == "docker-build:index:Image":
            digest = f"sha256:{hashlib.sha256(inputs['tags'][0].encode()).hexdigest()}"
            return {"digest": digest if self.builds_known else None, "ref": f"{inputs['tags'][0]}@{digest}"}
        if kind == "aws:iam/role:Role":
            # The account is nobody's.
            return {"arn": f"arn:aws:iam::000000000000:role/{name}", "name": name}
        if kind.startswith("kubernetes:") and not inputs.get("metadata", {}).get("name"):
            return {"metadata": {**inputs.get("metadata", {}), "name": f"{name}-auto"}}
        return {}

    def of(self, kind: str) -> list[Registration]:
        """Registrations whose type ends so, for instance ``:Secret``."""
        return [entry for entry in self.registrations if entry.type.endswith(kind)]

    def one(self, kind: str, name: str) -> Registration:
        """The registration of this kind and resource name."""
        (found,) = [entry for entry in self.of(kind) if entry.name == name]
        return found


class RecordingMonitor(mocks.MockMonitor):
    """Keeps what MockResourceArgs leaves out: parent, dependencies, options."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording)
        self._recording = recording

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the base class names it so
        self._recording.pending[f"{request.type}::{request.name}"] = request
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def record(
    program: Callable[[], object],
    *,
    preview: bool = False,
    builds_known: bool = True,
    into: Recording | None = None,
    stack: str = "dev",
) -> Recording:
    """Runs a program to its very end, every output settled, and returns what it registered.

    Whoever expects the program to raise passes ``into``, to see what was registered until then.
    """
    recording = into or Recording()
    recording.builds_known = builds_known

    def run() -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        monitor = RecordingMonitor(recording)
        pulumi.runtime.set_mocks(
            recording, project="de-airflow-pipeline", stack=stack, preview=preview, monitor=monitor
        )
        try:
            pulumi.runtime.test(lambda: _nothing(program()))()  # type: ignore[no-untyped-call]
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    # The SDK keeps its settings and its root resource in context variables: each run gets its own.
    contextvars.copy_context().run(run)
    return recording


def _nothing(_: object) -> None:
    """What a program returns is not for the SDK to wait for."""


def _plain(value: Any, path: str, secret_paths: set[str]) -> Any:
    if isinstance(value, dict):
        if value.get(rpc._special_sig_key) == rpc._special_secret_sig:
            secret_paths.add(path)
            return _plain(value["value"], path, secret_paths)
        return {key: _plain(item, f"{path}.{key}" if path else key, secret_paths) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, f"{path}[{index}]", secret_paths) for index, item in enumerate(value)]
    return value
