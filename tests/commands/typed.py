"""Commands as somebody types them."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from commands.__main__ import app


def dags(*words: str) -> Result:
    """What ``dags`` has said; a traceback is raised."""
    done = CliRunner().invoke(app, ["dags", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done
