"""Which tests share a worker where there are several, and which files hold none that is asked for."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]
PLATFORM = "platform"
#: What changes or watches the one platform, or runs programs that are compiled for it.
ON_THE_PLATFORM = re.compile(r"pytest\.mark\.(?:platform|faults|long|toolchain|chart)\b")

#: Of a whole file.
MARKS = re.compile(r"^pytestmark = .*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"pytest\.mark\.(\w+)")
ONLY_WITHOUT = re.compile(r"not \w+(?: and not \w+)*")


@functools.cache
def on_the_platform(file: str) -> bool:
    """Whether a file of tests, as node identifiers begin, has any that takes the platform for itself."""
    return ON_THE_PLATFORM.search((ROOT / file).read_text(encoding="utf-8")) is not None


def group_of(nodeid: str) -> str:
    """By the file's text: marks are known to workers alone."""
    file = nodeid.partition("::")[0]
    return PLATFORM if on_the_platform(file) else file


def holds_none(path: Path, expression: str) -> bool:
    """Whether a file's own marks rule out all of its tests for a ``-m`` of nothing but ``not <mark>``: to import it and
    all that it needs, is for nothing."""
    if not path.match("test_*.py") or not ONLY_WITHOUT.fullmatch(expression):
        return False
    marks = MARK.findall("".join(MARKS.findall(path.read_text(encoding="utf-8"))))
    return not set(marks).isdisjoint(expression.replace(" and ", " ").replace("not ", "").split())


class OnePlatform(LoadScopeScheduling):
    """All that is on the platform is one worker's, each other file is anyone's: no fixture of a file is made twice."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
