"""``stacks``: the environments that this repository runs."""

from __future__ import annotations

from commands.verbs import lazy_group

#: Verb -> module of this package and function, in the order of the help.
VERBS = {
    "new": ("stack_new", "new"),
    "upgrade": ("stack_upgrade", "upgrade"),
    "rollback": ("stack_rollback", "rollback"),
    "rotate-fernet": ("stack_fernet", "rotate_fernet"),
    "backup": ("stack_backups", "backup"),
    "restore": ("stack_backups", "restore"),
    "destroy": ("stack_destroy", "destroy"),
    "promote": ("stack_promotion", "promote"),
    "mirror": ("stack_mirror", "mirror"),
    "gc": ("stack_garbage", "collect"),
}

app = lazy_group(VERBS, "Stacks: one Pulumi.<stack>.yaml each.")
