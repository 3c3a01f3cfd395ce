"""Stand-ins of the upstream images, built from Debian, PyPI and Go modules into the platform's own mirror."""

from local.mirror.build import ensure_anaconda, ensure_mirror, ensure_rootfs
from local.mirror.recipes import AT_REQUEST, RECIPES, Recipe

__all__ = ["AT_REQUEST", "RECIPES", "Recipe", "ensure_anaconda", "ensure_mirror", "ensure_rootfs"]
