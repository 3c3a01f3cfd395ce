"""``plan diff BASE``, the command itself, in this process; seconds of its stages as JSON to the file given."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

#: Stage -> the function that it is.
STAGES = {
    "both plans, side by side": ("plan.commits", "both"),
    "explanation": ("plan.explanation", "explain"),
    "terminal": ("plan.terminal", "show"),
}


def timed(function: Callable[..., Any], stage: str, seconds: MutableMapping[str, float]) -> Callable[..., Any]:
    def measured(*given: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*given, **named)
        finally:
            seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - began

    return measured


if __name__ == "__main__":
    taken: dict[str, float] = {}
    for stage, (name, function) in STAGES.items():
        module = importlib.import_module(name)
        setattr(module, function, timed(getattr(module, function), stage, taken))
    from commands.__main__ import app

    app(["plan", "diff", sys.argv[2]], standalone_mode=False)
    Path(sys.argv[1]).write_text(json.dumps(taken))
