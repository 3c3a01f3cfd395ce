"""What anybody may write into a pull request: it stays in its place, whatever it is."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from plan.document import Document, Entry, Quoted, Section
from plan.escaping import LONGEST, code, plain
from plan.explanation import Broken, explain
from plan.markdown import LIMIT, comment
from plan.model import Finding
from plan.stack_plan import plan_stack
from plan.terminal import show
from tests.plan import plans, repository

SECTIONS = {"Risks", "Images", "DAGs", "Resources", "Objects of the chart", "Settings", "Waived findings", "Findings"}
HOSTILE = (
    "`", "``", "```\n", "</details>", "<img src=x onerror=alert(1)>", "<!--", "-->", "@everyone", "@acme/owners", "#1",
    "[click](javascript:alert(1))", "![x](http://example.org/x)", "\n\n# heading", "\n::error::x", "::add-mask::x",
    "##[set-output name=x]y", "\r", "\u2028", "\u202e", "\x1b[31m", "|", "\\", "&lt;", "https://example.org", ":tada:",
    "<!-- de-airflow-pipeline plan: prod -->", "\ud800", "a" * 5_000_000, "$(id)", "${{ github.token }}",
)  # fmt: skip
texts = st.one_of(st.sampled_from(HOSTILE), st.text(), st.lists(st.sampled_from(HOSTILE[:-3]), max_size=6).map("".join))
MARKDOWN = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable(["table", "strikethrough"])


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.text: list[str] = []
        self._code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self._code += tag == "code"
        assert not attrs, (tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag == "code"

    def handle_data(self, data: str) -> None:
        if not self._code:
            self.text.append(data)


def rendered(markdown: str) -> Tags:
    tags = Tags()
    tags.feed(MARKDOWN.render(markdown))
    return tags


@given(texts)
def test_a_span_holds_the_text_and_nothing_acts(text: str) -> None:
    tags = rendered(f"before {code(text)} after\n")
    assert tags.seen == ["p", "code"]
    assert "".join(tags.text).split() == ["before", "after"]


@given(texts)
def test_a_line_stays_one_visible_line_without_commands(text: str) -> None:
    found = plain(text)
    assert len(found.splitlines()) <= 1
    assert "::" not in found
    assert "##[" not in found
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", found)
    assert len(found) <= LONGEST * 12


def of(texts_: list[str]) -> Document:
    """Both plans of a change in which every place that a pull request can write says something of the kind."""
    before = plans.plan(images={"old": plans.image("old")}, dags={}, settings={"name": "airflow"})
    images = {text: plans.image("x", key=text, files={text: "file 0"}, packages={text: text}) for text in texts_}
    images["old"] = plans.image("old", key="b", files=dict.fromkeys(texts_, "file 1"), packages={t: t for t in texts_})
    after = plans.plan(
        *(plans.resource("kubernetes:core/v1:ConfigMap", text, {"data": {text: text}}) for text in texts_),
        images=images,
        dags={text: plans.dag({text: plans.task(text)}, file=text, schedule=text) for text in texts_},
        hand_written=dict.fromkeys(texts_, "0"),
        settings={"name": "airflow", **{text: text for text in texts_}},
        findings=tuple(Finding(policy="quota", where=text, found=text, fix="raise it") for text in texts_),
    )
    return explain("dev", before, after)


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(st.lists(texts, min_size=1, max_size=4, unique=True))
def test_nothing_breaks_out_of_the_comment(written: list[str]) -> None:
    text = comment(of(written))
    assert len(text.encode()) <= LIMIT
    tags = rendered(text)
    assert set(tags.seen) <= {"h3", "h4", "p", "br", "ul", "li", "code", "strong", "details", "summary"}
    assert tags.seen.count("details") == text.count("\n<details><summary>")
    outside = "".join(tags.text)
    for mark in ("@", "http", "javascript", "tada", "](", "plan: prod"):
        assert mark not in outside
    assert {part.rpartition(" (")[0] for part in re.findall(r"<summary>(.*?)</summary>", text)} <= SECTIONS


@pytest.mark.slow
def test_ten_thousand_files_hide_nothing_else() -> None:
    many = {f"file {number} {'x' * 100}": "file 0" for number in range(10_000)}
    before = plans.plan(images={"etl": plans.image("etl"), "other": plans.image("other")})
    after = plans.plan(
        *(plans.resource("kubernetes:core/v1:ConfigMap", f"many-{number}", {}) for number in range(10_000)),
        plans.resource("kubernetes:core/v1:Namespace", "zz-last", {}),
        images={"etl": plans.image("etl", key="b", files=many), "other": plans.image("other", key="c")},
        dags={f"dag_{number}": plans.dag({"t": plans.task("x")}) for number in range(10_000)},
        settings={"one.more": 1},
    )
    text = comment(explain("dev", before, after))
    assert len(text.encode()) <= LIMIT
    assert "`Namespace zz-last`" in text
    assert "`other`: rebuilt" in text
    assert "`one.more`" in text
    assert re.search(r"and 9992 more of the kind file", text)
    for unit, total in (("resources", 10_001), ("DAGs", 10_000)):
        shown = int(re.search(rf"and (\d+) more {unit}", text)[1])  # type: ignore[index]
        title = {"resources": "Resources", "DAGs": "DAGs"}[unit]
        body = text.split(f"<summary>{title} ({total})</summary>")[1].split("</details>")[0]
        assert body.count("\n- `") + body.count("\n- create") + shown == total
    assert "10001 to create" in text


NAMES = ("</details>@everyone", "::error::x", "##[set-output name=x]y", "![x](javascript:x)", "`", "<!-- x -->", "a\nb")


@pytest.mark.slow
def test_a_hostile_repository_is_planned_and_hides_nothing(tmp_path: Path) -> None:
    """From files to comment: names, texts, labels and a lock of every kind, 5 MB of one, 10,000 files of another."""
    base, head = tmp_path / "base", tmp_path / "head"
    words = "\n".join((*NAMES, "@acme/owners", "x" * 5_000_000))
    pod = {"kind": "pod", "entry": "work:run"}
    hostile: dict[str, str] = {
        **repository.small(),
        **{f"images/etl/{name.replace('/', '-')}.sql": name for name in NAMES if "\n" not in name},
        **{f"images/etl/many/{number}.sql": str(number) for number in range(10_000)},
        "images/etl/large.sql": words,
        "images/report/tool.txt": "another tool\n",
        **repository.dag("load", "etl", {"fetch": {**pod, "labels": {"team": "everyone"}}, "clean": pod}),
        "dags/load_code/work.py": f"def run(**arguments):\n    return {words[:1000]!r}\n",
    }
    remark = "</details> @everyone ::error:: [x](javascript:x)"
    hostile["images/etl/requirements.lock"] = repository.lock({"polars": "1.2.0", "idna": "3.1"}, remark)
    for root, files in ((base, repository.small()), (head, hostile)):
        repository.write(root, files)
    text = comment(explain("dev", *(plan_stack(root, "dev").plan for root in (base, head))))
    assert len(text.encode()) <= LIMIT
    outside = "".join(rendered(text).text)
    assert not any(mark in outside for mark in ("@", "javascript", "::"))
    assert "`report`: rebuilt" in text
    assert re.search(r"and \d{4,5} more of the kind file", text)
    assert "`load`" in text


@pytest.mark.slow
@given(texts)
def test_a_broken_program_says_so_and_nothing_else(message: str) -> None:
    text = comment(explain("dev", plans.plan(), Broken(f"line\n{message}\nlast")))
    assert "This change breaks the program." in text
    assert "The base's plan stands as it was" in text
    assert "@" not in "".join(rendered(text).text)


@pytest.mark.slow
@given(texts)
def test_a_terminal_gets_no_sequence_and_a_log_no_command(text: str) -> None:
    out = io.StringIO()
    quoted = Quoted(text)
    document = Document(text, ((quoted,),), (Section("Risks", "risks", (Entry((quoted,), ((quoted,),)),)),))
    show(document, Console(file=out, width=60, color_system=None))
    assert "\x1b" not in out.getvalue()
    assert not re.search(r"(?m)^\s*::|##\[", out.getvalue())
