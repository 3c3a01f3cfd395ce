"""Which tests share a worker where there are several."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]
PLATFORM = "platform"
#: What changes or watches the one platform, or runs programs that are compiled for it.
ON_THE_PLATFORM = re.compile(r"pytest\.mark\.(?:platform|faults|long|toolchain|chart)\b")


@functools.cache
def on_the_platform(file: str) -> bool:
    """Whether a file of tests, as node identifiers begin, has any that takes the platform for itself."""
    return ON_THE_PLATFORM.search((ROOT / file).read_text(encoding="utf-8")) is not None


def group_of(nodeid: str) -> str:
    """By the file's text: marks are known to workers alone."""
    file = nodeid.partition("::")[0]
    return PLATFORM if on_the_platform(file) else file


class OnePlatform(LoadScopeScheduling):
    """All that is on the platform is one worker's, each other file is anyone's: no fixture of a file is made twice."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
