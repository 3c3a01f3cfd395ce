"""Where failures end: one message on standard error, and the exit code."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import typer
from lightkube import ApiError

from local.waiting import GaveUp
from pipelines.errors import InputError, Problem
from registry.client import RegistryError

FAILED = 1
#: What a file system refuses for reasons that lie with the user's machine.
USERS_OWN = frozenset({errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EROFS})
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
        found = str(error) or type(error).__name__
        problem = Problem(
            f"cluster {_address(error)}", "", found, "an answer", "make status shows what runs, make up starts it"
        )
        typer.echo(str(InputError([problem])), err=True)
        raise typer.Exit(FAILED) from None
    except OSError as error:
        if error.errno not in USERS_OWN:
            raise
        typer.echo(f"{error.strerror}: {error.filename or 'a file'}", err=True)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command goes on from here", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _address(error: httpx2.TransportError) -> str:
    try:
        return str(error.request.url.copy_with(path="", query=None))
    except RuntimeError:
        return "of this machine"
