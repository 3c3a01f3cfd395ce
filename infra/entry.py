"""What the Pulumi engine runs: the guard, the program, the outputs; a mistake of the user without a traceback."""

from __future__ import annotations

from pathlib import Path

import pulumi

from infra import kube_context, promoted_images, registry_log_in, settings_source
from infra.program import deploy
from pipelines.errors import InputError


def main() -> None:
    """Deploys the selected stack. Raises RunError, of which the engine shows the message only, on bad input."""
    try:
        settings = settings_source.load()
        stack_file = f"Pulumi.{pulumi.get_stack()}.yaml"
        kube_context.check(settings.kubernetes.context, stack_file)
        if not pulumi.runtime.is_dry_run():
            # A preview needs no network; the update that follows refuses before it has touched anything.
            registry_log_in.check(settings, stack_file)
        promoted_images.check(settings)
        outputs = deploy(settings, Path())
    except InputError as error:
        raise pulumi.RunError(f"\n{error}") from None
    for name, value in outputs.exports().items():
        pulumi.export(name, value)
