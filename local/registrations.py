"""Runs the Pulumi program without an engine, and hands over each resource as it is registered, as plain data."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _ensure_event_loop, _sync_await

# A registration blocks its thread until it is applied; too few threads would order what the program leaves unordered.
THREADS = 48
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


@dataclass(frozen=True)
class Registered:
    """A resource as the program registered it; ``seconds`` is how long its creation may take, if it says so."""

    type: str
    name: str
    inputs: dict[str, Any]
    seconds: float | None = None

    @property
    def hash(self) -> str:
        """Eight hex digits over the inputs."""
        return hashlib.sha256(json.dumps(self.inputs, sort_keys=True).encode()).hexdigest()[:8]


#: Takes a resource, returns its identity and its state.
Accept = Callable[[Registered], tuple[str, dict[str, Any]]]


class UnknownFunctionError(Exception):
    """The program calls a provider's function, which only an engine can answer; ``str()`` is its token."""


def run_program(
    program: Callable[[], object], accept: Accept, *, project: str, stack: str, config: Mapping[str, str], preview: bool
) -> None:
    """Run ``program`` under a monitor that calls ``accept`` for every custom resource, dependencies first.

    ``config`` holds the stack's configuration, keys with the project's prefix, values as Pulumi passes them.
    In a preview every output is unknown. Raises what ``program`` or ``accept`` raises.
    """

    async def main() -> None:
        silent = logging.getLogger(__name__)
        silent.disabled = True
        monitor = _Monitor(accept)
        mocks.set_mocks(monitor.mocks, project, stack, preview, silent, monitor)
        pulumi.runtime.set_all_config(dict(config))
        await run_pulumi_func(lambda: _nothing(program()))

    # A loop of its own, and not asyncio.run: that would leave the caller's thread without one.
    loop = asyncio.new_event_loop()
    threads = ThreadPoolExecutor(THREADS)
    loop.set_default_executor(threads)
    # The SDK raises one failure; the loop would print the traceback of each output that hung on it.
    loop.set_exception_handler(lambda _loop, _context: None)
    try:
        # The SDK keeps its root resource and settings in context variables: a second run needs its own.
        contextvars.copy_context().run(loop.run_until_complete, main())
    finally:
        # Who is interrupted does not wait for what is under way.
        threads.shutdown(wait=False, cancel_futures=True)
        loop.close()


def plain(value: Any) -> Any:
    """A deserialized property without the marks of secrets, and with whole numbers as ``int``."""
    value = rpc.unwrap_rpc_secret(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    # A protobuf number is always a double.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def seconds_of(duration: str) -> float | None:
    """Seconds of a Go duration such as ``1h30m`` or ``600s``; None when it is empty."""
    parts = re.findall(r"([0-9.]+)(h|m(?!s)|s)", duration)
    return sum(float(number) * UNITS[unit] for number, unit in parts) if parts else None


def _nothing(_: object) -> None:
    return None


class _NoMocks(mocks.Mocks):
    def call(self, args: mocks.MockCallArgs) -> Any:
        raise UnknownFunctionError(args.token)

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise UnknownFunctionError(f"{args.typ} (read)")


class _Monitor(mocks.MockMonitor):
    def __init__(self, accept: Accept) -> None:
        super().__init__(_NoMocks())
        self._accept = accept

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the SDK's name
        urn = self.make_urn(request.parent, request.type, request.name)
        if not request.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        _ensure_event_loop()  # type: ignore[no-untyped-call]
        inputs = plain(rpc.deserialize_properties(request.object))
        registered = Registered(request.type, request.name, inputs, seconds_of(request.customTimeouts.create))
        identity, state = self._accept(registered)
        properties = _sync_await(rpc.serialize_properties(state, {}))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=identity, object=properties)
