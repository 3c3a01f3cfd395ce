"""``plan diff BASE`` in this process, without its command line; seconds of each stage as JSON to the file given."""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from pathlib import Path

from rich.console import Console

from plan import commits
from plan.explanation import explain
from plan.markdown import comment
from plan.model import Plan
from plan.terminal import show

STACK = "dev"

if __name__ == "__main__":
    marks = [time.perf_counter()]
    before, after = commits.both(commits.commit_of(sys.argv[2]), None, STACK, Path("build") / "plan" / STACK)
    marks.append(time.perf_counter())
    if not isinstance(after, Plan):
        sys.exit(str(after))
    document = explain(STACK, before, after)
    marks.append(time.perf_counter())
    show(document, Console())
    comment(document)
    marks.append(time.perf_counter())
    names = ("both plans, side by side", "explanation", "terminal and comment")
    seconds = [end - start for start, end in pairwise(marks)]
    Path(sys.argv[1]).write_text(json.dumps(dict(zip(names, seconds, strict=True))))
