"""Where failures end: one message on standard error, and the exit code."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from local.waiting import GaveUp
from pipelines.errors import InputError, Problem
from registry.errors import RegistryError, RegistryUnreachableError

if TYPE_CHECKING:
    import httpx2

FAILED = 1
#: What a file system refuses for reasons that lie with the user's machine.
USERS_OWN = frozenset({errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EROFS})
INTERRUPTED = 130
UNREACHABLE = "  fix     on the one-machine platform `make up` starts it again; elsewhere look at the network"


@contextmanager
def told() -> Iterator[None]:
    """Turn what users can meet into a message and an exit code; anything else is a bug and keeps its traceback."""
    try:
        yield
    except (InputError, GaveUp, RegistryError) as error:
        typer.echo(str(error), err=True)
        if isinstance(error, RegistryUnreachableError):
            typer.echo(UNREACHABLE, err=True)
        raise typer.Exit(FAILED) from None
    except OSError as error:
        if error.errno not in USERS_OWN:
            raise
        typer.echo(f"{error.strerror}: {error.filename or 'a file'}", err=True)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command goes on from here", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except Exception as error:
        if (message := _of_the_cluster(error)) is None:
            raise
        typer.echo(message, err=True)
        raise typer.Exit(FAILED) from None


def _of_the_cluster(error: Exception) -> str | None:
    """What its client's errors mean to users, None for any other error."""
    # A command that asked no cluster need not load its client, which takes longer than many a command.
    if "lightkube" not in sys.modules:
        return None
    import httpx2
    from lightkube import ApiError

    if isinstance(error, ApiError):
        return f"the cluster refuses {error.request.method} {error.request.url.path}: {error}"
    if isinstance(error, httpx2.TransportError):
        found = str(error) or type(error).__name__
        place, fix = f"cluster {_address(error)}", "make status shows what runs, make up starts it"
        return str(InputError([Problem(place, "", found, "an answer", fix)]))
    return None


def _address(error: httpx2.TransportError) -> str:
    try:
        return str(error.request.url.copy_with(path="", query=None))
    except RuntimeError:
        return "of this machine"
