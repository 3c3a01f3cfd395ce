"""Where failures end: one message on standard error, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import typer
from lightkube import ApiError

from local.waiting import GaveUp
from pipelines.errors import InputError
from registry.client import RegistryError

FAILED = 1
INTERRUPTED = 130


@contextmanager
def told() -> Iterator[None]:
    """Turn what users can meet into a message and an exit code; anything else is a bug and keeps its traceback."""
    try:
        yield
    except (InputError, GaveUp, RegistryError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED) from None
    except ApiError as error:
        typer.echo(f"the cluster refuses {error.request.method} {error.request.url.path}: {error}", err=True)
        raise typer.Exit(FAILED) from None
    except httpx2.TransportError as error:
        address = error.request.url.host if error.request else "its address"
        message = f"the cluster does not answer at {address} ({error}): make status shows what runs, make up starts it"
        typer.echo(message, err=True)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command goes on from here", err=True)
        raise typer.Exit(INTERRUPTED) from None
