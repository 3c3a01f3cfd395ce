"""Whether the registry holds every promoted image, asked before anything is touched."""

from __future__ import annotations

from pathlib import Path

from infra import promotion
from infra.registry_log_in import LogIn
from infra.settings import Settings
from pipelines.errors import InputError, Problem
from registry.client import Registry
from registry.errors import RegistryError


def check(settings: Settings, root: Path = Path()) -> None:
    """Raise InputError naming every promoted digest that the stack's registry does not hold."""
    if settings.images.mode != "promote":
        return
    path = Path(settings.images.promotion or "")
    promoted, server = promotion.read(root, path), settings.registry.server
    log_in = LogIn.of_user(server, settings.registry.authority)
    credentials, missing = log_in.credentials(), []
    with Registry(server, credentials, authority=settings.registry.authority) as registry:
        for name, image in sorted(promoted.images.items()):
            # What is promoted to another registry is told where it is compared with the checkout.
            if not image.pinned.startswith(f"{server}/"):
                continue
            try:
                there = registry.exists(image.pinned)
            except RegistryError as error:
                raise InputError([log_in.problem(error, credentials)]) from None
            if not there:
                fix = f"python -m commands stacks promote {promoted.source} {path.stem}"
                problem = Problem(
                    path.as_posix(), f"images.{name}", f"no {image.pinned}", "an image that is there", fix
                )
                missing.append(problem)
    if missing:
        raise InputError(missing)
