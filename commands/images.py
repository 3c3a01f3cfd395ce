"""``images``: the image types of this repository."""

from __future__ import annotations

from commands.verbs import lazy_group

#: Verb -> module of this package and function, in the order of the help.
VERBS = {
    "list": ("image_list", "list_images"),
    "new": ("image_folders", "new"),
    "lock": ("image_locks", "lock_images"),
    "build": ("image_builds", "build"),
    "test": ("image_tests", "try_images"),
    "shell": ("image_builds", "shell"),
    "rebase": ("image_rebase", "rebase"),
    "pin": ("image_pins", "pin"),
    "matrix": ("image_matrix", "matrix"),
    "sbom": ("image_bills", "sbom"),
    "licences": ("image_bills", "licences"),
    "record": ("image_record", "record"),
    "audit": ("image_audit", "audit"),
    "age": ("image_age", "age"),
    "elyra": ("image_elyra", "elyra"),
}

app = lazy_group(VERBS, "Image types: one folder below images/ each.")
