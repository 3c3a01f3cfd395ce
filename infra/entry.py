"""What the Pulumi engine runs: the guard, the program, the outputs; a mistake of the user without a traceback."""

from __future__ import annotations

from pathlib import Path

import pulumi

from infra import kube_context, settings_source
from infra.program import deploy
from pipelines.errors import InputError


def main() -> None:
    """Deploys the selected stack. Raises RunError, of which the engine shows the message only, on bad input."""
    try:
        settings = settings_source.load()
        kube_context.check(settings.kubernetes.context, f"Pulumi.{pulumi.get_stack()}.yaml")
        outputs = deploy(settings, Path())
    except InputError as error:
        raise pulumi.RunError(f"\n{error}") from None
    for name, value in outputs.exports().items():
        pulumi.export(name, value)
