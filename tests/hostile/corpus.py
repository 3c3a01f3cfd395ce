"""Hostile DAG configs: name -> bytes. Made anew each time, always the same; ``python -m tests.hostile.corpus FOLDER``
writes them, to be looked at."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

#: What a payload that runs would make: nothing does.
CANARY = "/tmp/hostile-dag-config-was-run"
MEGABYTES_10 = 10 * 1024 * 1024
#: Just below what a file may have.
LARGE = 250_000
BASE = """dag_id: letters
description: counts
schedule: "30 6 * * 1-5"
start_date: 2026-01-01
tags: [example]
owner: data
image: letters
source: letters
pool: default_pool
tasks:
  count:
    kind: pod
    entry: letters:count
    arguments: {text: "from {{ ds }}"}
    env: {LANGUAGE: en}
    xcom: true
    execution_timeout: 10m
  tell:
    kind: pod
    arguments: [echo, done]
    depends_on: [count]
"""
#: Field -> what stands there in the base.
FIELDS = {
    "dag_id": ("dag_id: letters", "dag_id: %s"),
    "description": ("description: counts", "description: %s"),
    "schedule": ('schedule: "30 6 * * 1-5"', "schedule: %s"),
    "start": ("start_date: 2026-01-01", "start_date: %s"),
    "tags": ("tags: [example]", "tags: [%s]"),
    "owner": ("owner: data", "owner: %s"),
    "image": ("image: letters", "image: %s"),
    "source": ("source: letters", "source: %s"),
    "pool": ("pool: default_pool", "pool: %s"),
    "task": ("  tell:", "  %s:"),
    "entry": ("entry: letters:count", "entry: %s"),
    "argument": ('{text: "from {{ ds }}"}', "{text: %s}"),
    "key": ('{text: "from {{ ds }}"}', "{%s: 1}"),
    "variable": ("{LANGUAGE: en}", "{%s: en}"),
    "env": ("{LANGUAGE: en}", "{LANGUAGE: %s}"),
    "word": ("[echo, done]", "[echo, %s]"),
    "order": ("depends_on: [count]", "depends_on: [%s]"),
    "timeout": ("execution_timeout: 10m", "execution_timeout: %s"),
    "kind": ("count:\n    kind: pod", "count:\n    kind: %s"),
}
_RUN = f"__import__('os').system('touch {CANARY}')"
PAYLOADS = {
    "jinja": f"{{{{ ''.__class__.__mro__[1].__subclasses__() }}}}{{{{ {_RUN} }}}}",
    "jinja-block": f"{{% set x = {_RUN} %}}{{% include '/etc/passwd' %}}",
    "python": f'"); {_RUN}  # ',
    "triple": f"\"\"\"'''\n{_RUN}\n'''\"\"\"",
    "line": f"x\n{_RUN}\n",
    "backslash": f"x\\\n{_RUN}\\",
    "shell": f"$(touch {CANARY})`touch {CANARY}`; touch {CANARY}",
    "format": "%s%(x)s{0}{x.__class__}$(TASK_ENTRY)$$",
    "path": "../../../../etc/passwd",
    "nul": "a\0b",
    "escape": "\x1b[2J\x1b]0;owned\x07",
    "direction": "\u202egnp.exe\u2066",
    "confusable": "lеttеrs",  # noqa: RUF001 - two letters are Cyrillic
    "separators": f"a\u2028{_RUN}\u2029\x85",
    "surrogates": "\ud83d\ude00",
    "long": "a" * 20_000,
}


def quoted(text: str) -> str:
    """A double-quoted YAML scalar of any text."""
    return '"' + "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else _escape(c) for c in text) + '"'


def _escape(character: str) -> str:
    point = ord(character)
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def files() -> Iterator[tuple[str, bytes]]:
    """(name, content) of each file."""
    for field, (old, new) in FIELDS.items():
        assert BASE.count(old) == 1, field
        for payload, text in PAYLOADS.items():
            yield f"{field}-{payload}", BASE.replace(old, new % quoted(text)).encode()
    for name, make in DOCUMENTS.items():
        content = make()
        yield name, content if isinstance(content, bytes) else content.encode()


def _bomb(levels: int, width: int) -> str:
    lines = [f"a0: &a0 [{', '.join(['lol'] * width)}]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


def _tasks(count: int, line: str) -> str:
    head = BASE[: BASE.index("tasks:")] + "tasks:\n"
    return head + "".join(line.format(n, max(n - 1, 0)) for n in range(count))[:LARGE].rpartition("\n")[0] + "\n"


def _argument(text: str) -> str:
    return BASE.replace('"from {{ ds }}"', quoted(text))


def _task(text: str) -> str:
    return BASE.replace("    xcom: true\n", f"    xcom: true\n    {text}\n")


def _control(point: int) -> Callable[[], str]:
    return lambda: BASE.replace("counts", f"cou{chr(point)}nts")


DOCUMENTS: dict[str, Callable[[], str | bytes]] = {
    "bomb": lambda: _bomb(10, 10),
    "bomb-in-arguments": lambda: BASE + "x:\n" + "\n".join(f"  {line}" for line in _bomb(9, 9).splitlines()),
    "quadratic-bomb": lambda: f"a: &a {'x' * 50_000}\nb: [{', '.join(['*a'] * 50_000)}]\n",
    "merge-bomb": lambda: "a: &a {b: 1}\n" + "".join(f"c{n}: {{<<: [*a, *a, *a]}}\n" for n in range(2_000)),
    "circle": lambda: "a: &a {b: *a}\n",
    "circle-as-a-key": lambda: "? &a [*a]\n: 1\n",
    "alias-of-nothing": lambda: "a: *b\n",
    "many-anchors": lambda: "".join(f"k{n}: &a{n} 1\n" for n in range(15_000)),
    "anchored": lambda: BASE.replace("counts", "&a counts"),
    "duplicate-key": lambda: BASE + "owner: other\n",
    "duplicate-quoted": lambda: BASE + "'owner': other\n",
    "duplicate-escaped": lambda: BASE + '"\\x6fwner": other\n',
    "duplicate-task": lambda: BASE + "  tell: {}\n",
    "duplicate-everywhere": lambda: "owner: a\n" * 20_000,
    "confusable-key": lambda: BASE + "оwner: other\n",  # noqa: RUF001 - Cyrillic
    "tab": lambda: BASE.replace("  count:", "\tcount:"),
    "tabs-only": lambda: "\t" * 1_000,
    "tab-after-colon": lambda: BASE.replace("owner: data", "owner:\tdata"),
    "tab-in-flow": lambda: BASE.replace("[example]", "[\texample\t]"),
    "carriage-returns": lambda: BASE.replace("\n", "\r"),
    "windows": lambda: BASE.replace("\n", "\r\n"),
    "line-separators": lambda: BASE.replace("\n", "\u2028"),
    "nul-bytes": lambda: b"\0" * 10_000,
    "nul-at-the-end": lambda: BASE + "\0",
    **{f"control-{point:02x}": _control(point) for point in (1, 7, 8, 11, 12, 14, 27, 31, 127, 128, 0xFFFE, 0xFEFF)},
    "utf-8-mark": lambda: b"\xef\xbb\xbf" + BASE.encode(),
    "utf-16": lambda: BASE.encode("utf-16"),
    "utf-32": lambda: BASE.encode("utf-32"),
    "latin-1": lambda: BASE.replace("counts", "zählt").encode("latin-1"),
    "overlong": lambda: BASE.encode().replace(b"counts", b"\xc0\xaf"),
    "cut-off": lambda: BASE.replace("counts", "zäh").encode()[:30],
    "surrogate-bytes": lambda: BASE.encode().replace(b"counts", b"\xed\xa0\x80"),
    "binary": lambda: bytes(range(256)) * 100,
    "empty": lambda: "",
    "comments": lambda: "#\n" * 100_000,
    "one-comment": lambda: "#" + "x" * LARGE,
    "documents": lambda: "--- 1\n" * 10_000,
    "directives": lambda: "%YAML 9.9\n%TAG ! tag:example.org,2000:\n--- !x 1\n",
    "deep-lists": lambda: "[" * 100_000,
    "deep-mappings": lambda: "{a: " * 50_000,
    "deep-blocks": lambda: "".join(f"{' ' * n}a:\n" for n in range(600)),
    "deep-dashes": lambda: "- " * 100_000 + "a",
    "deep-keys": lambda: "? " * 100_000 + "a",
    "long-keys": lambda: f"{'k' * 120_000}:\n" + "".join(f"  k{n}: 1\n" for n in range(12_000)),
    "keys-of-keys": lambda: "".join(f"{' ' * n}{'k' * 400}:\n" for n in range(35)) + "x: 1\n" * 10,
    "unknown-keys": lambda: "".join(f"retires{n}: 1\n" for n in range(16_000)),
    "unknown-keys-of-tasks": lambda: _tasks(10_000, "  t{0}: {{retires: 1}}\n"),
    "empty-tasks": lambda: _tasks(20_000, "  t{0}:\n"),
    "many-tasks": lambda: _tasks(4_000, "  t{0}: {{kind: pod, entry: letters:count}}\n"),
    "many-words": lambda: BASE.replace("[echo, done]", f"[{'a,' * 60_000} b]"),
    "chain": lambda: _tasks(3_000, "  t{0}: {{kind: pod, entry: letters:count, depends_on: [t{1}]}}\n"),
    "all-wait-for-nobody": lambda: _tasks(3_000, "  t{0}: {{kind: pod, entry: letters:count, depends_on: [tt{0}]}}\n"),
    "all-pull": lambda: _tasks(
        2_000, "  t{0}: {{kind: pod, entry: letters:count, arguments: {{a: \"{{{{ ti.xcom_pull('x{0}') }}}}\"}}}}\n"
    ),
    "all-in-groups": lambda: (
        BASE + "groups:\n" + "".join(f"  g{n}: {{group: g{n + 1}, depends_on: [g{n + 2}]}}\n" for n in range(4_000))
    ),
    "number-of-digits": lambda: _argument("").replace('""', "9" * 200_000),
    "number-in-hex": lambda: BASE.replace("start_date: 2026-01-01", f"start_date: 0x{'f' * 5_000}"),
    "number-by-sixties": lambda: BASE.replace("owner: data", f"owner: 1{':59' * 80_000}"),
    "number-in-retries": lambda: BASE + f"retries: 0x{'f' * 30}\n",
    "infinity": lambda: BASE.replace('"from {{ ds }}"', "[.inf, -.inf, .nan, 1.0e+999]"),
    "no-date": lambda: BASE.replace("2026-01-01", "2026-13-45"),
    "year-zero": lambda: BASE.replace("2026-01-01", "0000-01-01"),
    "time-zone": lambda: BASE.replace("2026-01-01", "2026-01-01T00:00:00+99:99"),
    "timezone-path": lambda: BASE + "timezone: ../../../etc/passwd\n",
    **{
        f"tag-{number}": (lambda tag=tag: BASE.replace("counts", f"!!{tag}"))  # type: ignore[misc]
        for number, tag in enumerate(
            (
                f"python/object/apply:os.system ['touch {CANARY}']",
                f"python/object/new:os.system ['touch {CANARY}']",
                "python/name:os.system",
                "python/module:os",
                f"python/object/apply:subprocess.check_output [['touch', '{CANARY}']]",
                "python/tuple [1]",
                "binary aGFsbG8=",
                "set {a, b}",
                "omap [a: 1]",
                "timestamp 2026-01-01",
                "int 'x'",
                "float 'x'",
            )
        )
    },
    "own-tag": lambda: BASE.replace("counts", "!vault counts"),
    "template-power": lambda: _argument("{{ 9**9**9 }}"),
    "template-large": lambda: _argument("{{ 'a' * 10**10 }}"),
    "template-range": lambda: _argument("{% for a in range(10**12) %}{{ a }}{% endfor %}"),
    "template-deep": lambda: _argument("{{ " + "(" * 50_000 + ")" * 50_000 + " }}"),
    "template-attributes": lambda: _argument("{{ ds" + ".a" * 50_000 + " }}"),
    "template-not": lambda: _argument("{{ " + "not " * 50_000 + "ds }}"),
    "template-sum": lambda: _argument("{{ ds" + " + ds" * 20_000 + " }}"),
    "template-ifs": lambda: _argument("{% if ds %}" * 10_000),
    "template-many": lambda: _argument("{{ ds }}" * 20_000),
    "template-open": lambda: _argument("{{" * 60_000),
    "template-comment": lambda: _argument("{#" * 60_000),
    "template-filters": lambda: _argument("{{ ds" + " | upper" * 20_000 + " }}"),
    "template-raw": lambda: _argument("{% raw %}" * 10_000),
    "template-line": lambda: _argument("{{ '\n\r\u2028' }}{{ \"\\x7d\\x7d\" }}"),
    "cron-never": lambda: BASE.replace("30 6 * * 1-5", "0 0 30 2 *"),
    "cron-long": lambda: BASE.replace("30 6 * * 1-5", f"{','.join(['1'] * 60_000)} * * * *"),
    "cron-range": lambda: BASE.replace("30 6 * * 1-5", "0-99999999999 * * * *"),
    "cron-step": lambda: BASE.replace("30 6 * * 1-5", "*/0 * * * *"),
    "cron-hash": lambda: BASE.replace("30 6 * * 1-5", "H R(0-9) L 5#9 *"),
    "cron-years": lambda: BASE.replace("30 6 * * 1-5", "0 0 29 2 1#5"),
    "parameter-of-regular-expression": lambda: (
        BASE + f'params: {{p: {{type: string, default: "{"a" * 60}!", pattern: "(a+)+$"}}}}\n'
    ),
    "parameter-of-file": lambda: (
        BASE + 'params: {p: {type: array, default: [1], items: {$ref: "file:///etc/passwd"}}}\n'
    ),
    "parameter-of-network": lambda: (
        BASE + 'params: {p: {type: array, default: [1], items: {$ref: "http://127.0.0.1:9/x"}}}\n'
    ),
    "parameter-of-itself": lambda: BASE + 'params: {p: {type: array, default: [1], items: {$ref: "#"}}}\n',
    "callback-of-the-system": lambda: BASE + "on_failure_callback: os.system\n",
    "callback-injected": lambda: BASE + f'on_failure_callback: "os; {_RUN}"\n',
    "privileged": lambda: _task("security: {privileged: true, run_as_user: 0}"),
    "host-network": lambda: _task("full_pod_spec: {spec: {hostNetwork: true, containers: []}}"),
    "host-path": lambda: _task("full_pod_spec: {spec: {volumes: [{name: a, hostPath: {path: /}}]}}"),
    "mount-over-the-system": lambda: _task("volumes: [{path: /proc/../etc, claim: ../a}]"),
    "script-in-a-pod": lambda: _task(f'script: "touch {CANARY}"'),
    "affinity-of-anything": lambda: _task("affinity: {" + "a: {" * 30 + "}" * 30 + "}"),
    "labels-of-any-kind": lambda: _task('labels: {"\\n": "\\n", "a/b/c": "' + "x" * 100 + '"}'),
    "expanded-over-very-much": lambda: _task(f"expand: [{'1,' * 30_000} 1]"),
    **{
        f"10-megabytes-{name}": (lambda text=text: text.replace("@", "x" * MEGABYTES_10))  # type: ignore[misc]
        for name, text in {
            "plain": "a: @\n",
            "quoted": 'a: "@"\n',
            "block": "a: |\n  @\n",
            "key": "@: 1\n",
            "comment": "# @\n",
            "anchor": "a: &@ 1\n",
        }.items()
    },
}

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files():
        (folder / f"{name}.yaml").write_bytes(content)
