"""All that is refused in DAG configs, told at once and with its line."""

# ruff: noqa: E501 - each message stands on its line

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dag_config import load_dags
from pipelines.errors import InputError
from tests.pipelines.trees import FIXTURE, catalog, copy_tree, edit

CATALOG = catalog()
COLUMN = r"(?<=:\d):\d+$|(?<=:\d\d):\d+$"


@pytest.fixture
def dags(tmp_path):
    return copy_tree(tmp_path / "tree") / "dags"


def broken(dags) -> list[str]:
    with pytest.raises(InputError) as raised:
        load_dags(dags, CATALOG)
    for one in raised.value.problems:
        # What is wrong in a config is told with line and column; what is wrong beside it, as far as it is known.
        assert not re.match(r"dags/\w+\.yaml", one.file) or re.fullmatch(r".*\.yaml:\d+:\d+", one.file)
    return [
        f"{re.sub(COLUMN, '', one.file)} | {one.key} | {one.found} | {one.expected} | {one.fix}"
        for one in raised.value.problems
    ]


def test_the_fixture():
    letters, warehouse = load_dags(FIXTURE / "dags", CATALOG)
    assert (letters.dag_id, letters.file, letters.dag.schedule) == ("letters", "dags/letters.yaml", "30 6 * * 1-5")
    assert list(letters.dag.tasks) == ["count", "tell", "say", "sort"]
    assert letters.dag.image_of("count") == "letters"
    assert warehouse.source.files.keys() == {"warehouse.py"}


def test_no_folder_is_no_dag(tmp_path):
    assert load_dags(tmp_path / "dags", CATALOG) == ()


def change(before: str, after: str):
    return lambda dags: edit(dags / "letters.yaml", before, after)


def edit_to_command(dags: Path) -> Path:
    file = dags / "letters.yaml"
    edit(file, "entry: letters:count", "command: [count]")
    edit(file, '{text: "from {{ ds }}", alphabet: [a, b, c]}', '["on {{ ds }}"]')
    return file


BAD = {
    "unknown image": (
        change("image: letters", "image: lettres"),
        "dags/letters.yaml:5 | image | 'lettres' | one of letters, warehouse | did you mean 'letters'?",
    ),
    "no image": (
        change("image: letters\n", ""),
        "dags/letters.yaml:7 | tasks.count.image | nothing | an image type: letters, warehouse | name one for the task or "
        "the DAG",
    ),
    "worker image for a pod": (
        change("image: letters", "image: warehouse"),
        "dags/letters.yaml:5 | image | 'warehouse', a worker image | a task image for a pod task: letters | name another "
        "image, or make task 'count' kind: python",
    ),
    "task image for a python task": (
        lambda dags: edit(dags / "warehouse.yaml", "image: warehouse", "image: letters"),
        "dags/warehouse.yaml:3 | image | 'letters', a task image | a worker image for a python task: warehouse | name "
        "another image, or make task 'load' kind: pod",
    ),
    "unknown pool": (
        change("image: letters\n", "image: letters\npool: defaultpool\n"),
        "dags/letters.yaml:6 | pool | 'defaultpool' | a pool of the stack: default_pool | did you mean 'default_pool'?",
    ),
    "unknown pool of a task": (
        change("    xcom: true\n", "    xcom: true\n    pool: api\n"),
        "dags/letters.yaml:14 | tasks.count.pool | 'api' | a pool of the stack: default_pool | declare it in the stack's airflow.pools: api: {slots: 1}",
    ),
    "unknown secret": (
        change("image: letters\n", "image: letters\nenv_from: [{secret: crm}]\n"),
        "dags/letters.yaml:6 | env_from | 'crm' | a Secret of the stack: it declares none | declare it: pulumi config set --secret --path 'tasks.secrets.crm.<VARIABLE>'",
    ),
    "secret twice": (
        change("image: letters\n", "image: letters\nenv_from: [{secret: crm}, {secret: crm}]\n"),
        "dags/letters.yaml:6 | env_from | [{'secret': 'crm'}, {'secret': 'crm'}] | each of them once | correct it",
    ),
    "secret of a python task": (
        lambda dags: edit(
            dags / "warehouse.yaml", "    kind: python\n", "    kind: python\n    env_from: [{secret: crm}]\n"
        ),
        "dags/warehouse.yaml:6 | tasks.load | ",
    ),
    "circle": (
        change("    xcom: true\n", "    xcom: true\n    depends_on: [tell]\n"),
        "dags/letters.yaml:14 | tasks.count.depends_on | count waits for tell waits for count | an order to run them in | remove one of these dependencies",
    ),
    "circle of one": (
        change("depends_on: [count]", "depends_on: [tell]"),
        "dags/letters.yaml:18 | tasks.tell.depends_on | tell waits for tell | an order to run them in | remove one",
    ),
    "unknown dependency": (
        change("depends_on: [count]", "depends_on: [count, counted]"),
        "dags/letters.yaml:18 | tasks.tell.depends_on | 'counted' | one of count, tell, say, sort | did you mean 'count'?",
    ),
    "dependency twice": (
        change("depends_on: [count]", "depends_on: [count, count]"),
        "dags/letters.yaml:18 | tasks.tell.depends_on | ['count', 'count'] | each task once | remove the others",
    ),
    "unknown group": (
        change("    xcom: true\n", "    xcom: true\n    group: a\n"),
        "dags/letters.yaml:14 | tasks.count.group | 'a' | a group in groups, and there is none | add groups.a",
    ),
    "groups in each other": (
        change("tasks:\n", "groups: {a: {group: b}, b: {group: a}}\ntasks:\n"),
        "dags/letters.yaml:7 | groups.a.group | 'b' | a group that does not stand in this one | correct it",
    ),
    "circle by a group": (
        change("    xcom: true\n", "    xcom: true\n    group: a\n    depends_on: [a]\n"),
        "dags/letters.yaml:15 | tasks.count.depends_on",
    ),
    "expanded over no task": (
        change("    xcom: true\n", "    xcom: true\n    expand: {task: tel}\n"),
        "dags/letters.yaml:14 | tasks.count.expand.task | 'tel' | one of count, tell, say, sort | did you mean 'tell'?",
    ),
    "expanded over a deferred task": (
        lambda dags: edit(
            dags / "letters.yaml",
            "    xcom: true\n",
            "    xcom: true\n    deferrable: true\n  each:\n    kind: pod\n    expand: {task: count}\n    arguments: [echo]\n",
        ),
        "dags/letters.yaml:14 | tasks.count.deferrable | true | false: other tasks are expanded over what it leaves, and a deferred one leaves no list | remove it",
    ),
    "expanded over a task without an XCom": (
        lambda dags: edit(
            dags / "letters.yaml",
            "  sort:\n",
            "  each:\n    kind: pod\n    expand: {task: say}\n    arguments: [echo]\n  sort:\n",
        ),
        " | tasks.say | no XCom | a task that leaves a list: others are expanded over it | write xcom: true there",
    ),
    "callback of no module": (
        change("    xcom: true\n", "    xcom: true\n    on_failure_callback: lettres:tell\n"),
        "dags/letters.yaml:14 | tasks.count.on_failure_callback | no module 'lettres' | a module in letters/: letters | did you mean 'letters'?",
    ),
    "callback of no function": (
        change("image: letters\n", "image: letters\non_success_callback: letters:tel\n"),
        "dags/letters.yaml:6 | on_success_callback | no function 'tel' | a function that letters.py defines | did you mean 'tell'?",
    ),
    "callback of the source as one of Airflow's": (
        change("    xcom: true\n", "    xcom: true\n    on_retry_callback: letters.tell\n"),
        "dags/letters.yaml:14 | tasks.count.on_retry_callback | 'letters.tell', a path in Airflow's own environment | module:function for a function in letters/ | did you mean 'letters:tell'?",
    ),
    "image of a sidecar": (
        change("    xcom: true\n", "    xcom: true\n    sidecars: [{name: a, image: lettres}]\n"),
        "dags/letters.yaml:14 | tasks.count.sidecars.0.image | 'lettres' | one of letters, warehouse | did you mean 'letters'?",
    ),
    "name of a task in groups": (
        lambda dags: (
            edit(dags / "letters.yaml", "    xcom: true\n", f"    xcom: true\n    group: {'a' * 60}\n"),
            edit(dags / "letters.yaml", "tasks:\n", f"groups: {{{'a' * 60}: {{}}}}\ntasks:\n"),
        ),
        f"dags/letters.yaml:9 | tasks.count | 66 characters: {'a' * 60}.count | at most 63, which a label of its pod holds",
    ),
    "duplicate dag_id": (
        lambda dags: edit(dags / "warehouse.yaml", "dag_id: warehouse", "dag_id: letters"),
        "dags/warehouse.yaml:1 | dag_id | 'letters' | a dag_id of its own: dags/letters.yaml:1:9 has it | rename one",
    ),
    "dag_id of a hand-written DAG": (
        change("dag_id: letters", "dag_id: by_hand"),
        "dags/by_hand.py:5 | dag_id | 'by_hand' | a dag_id of its own: dags/letters.yaml:1:9 has it | rename one",
    ),
    "file name of a hand-written DAG": (
        lambda dags: (dags / "by_hand.py").rename(dags / "letters.py"),
        "dags/letters.py |  | 'letters' | a dag_id of its own: dags/letters.yaml:1:9 has it | rename one",
    ),
    "invalid cron": (
        change("30 6 * * 1-5", "30 26 * * 1-5"),
        "dags/letters.yaml:3 | schedule | '30 26 * * 1-5' | a cron expression of five fields",
    ),
    "no source folder": (
        change("source: letters", "source: digits"),
        "dags/letters.yaml:6 | source | no such folder | dags/digits/ with the tasks' code | add the folder or correct",
    ),
    "source elsewhere": (
        change("source: letters", "source: ../images"),
        "dags/letters.yaml:6 | source | '../images' | the name of a folder beside this file | correct it",
    ),
    "no folder among several": (
        change("source: letters", "source: [letters, shred]"),
        "dags/letters.yaml:6 | source | no such folder | dags/shred/ with the tasks' code | add the folder or correct",
    ),
    "no folder of a task": (
        change("    xcom: true\n", "    xcom: true\n    source: shred\n"),
        "dags/letters.yaml:14 | tasks.count.source | no such folder | dags/shred/ with the tasks' code | add the folder or correct",
    ),
    "a folder twice": (
        change("source: letters", "source: [letters, letters]"),
        "dags/letters.yaml:6 | source | ['letters', 'letters'] | each of them once | correct it",
    ),
    "another file of the same name": (
        lambda dags: (
            edit(dags / "letters.yaml", "source: letters", "source: [letters, other]"),
            (dags / "other").mkdir(),
            (dags / "other/letters.py").write_text("pass\n"),
        ),
        "dags/other/letters.py |  | letters.py | one file of that name where folders are put together: dags/letters/ has another | rename one",
    ),
    "no function in the code of a task": (
        lambda dags: (
            edit(dags / "letters.yaml", "    xcom: true\n", "    xcom: true\n    source: [other]\n"),
            (dags / "other").mkdir(),
            (dags / "other/letters.py").write_text("def counted(): ...\n"),
        ),
        "dags/letters.yaml:10 | tasks.count.entry | no function 'count' | a function that letters.py defines | did you mean 'counted'?",
    ),
    "link in the source folder": (
        lambda dags: (dags / "letters/link").symlink_to("letters.py"),
        "dags/letters/link |  | a link | files: a link would not be published | copy the file",
    ),
    "no module": (
        change("letters:count", "counting:count"),
        "dags/letters.yaml:10 | tasks.count.entry | no module 'counting' | a module in letters/: letters | add counting.py",
    ),
    "no function": (
        change("letters:count", "letters:counts"),
        "dags/letters.yaml:10 | tasks.count.entry | no function 'counts' | a function that letters.py defines | did you "
        "mean 'count'?",
    ),
    "no entry": (
        change("letters:count", "letters"),
        "dags/letters.yaml:10 | tasks.count.entry | 'letters' | module:function | correct it",
    ),
    "no Python": (
        lambda dags: (dags / "letters/letters.py").write_text("def count(:\n"),
        "dags/letters/letters.py:1 |  | invalid syntax | Python | correct it",
    ),
    "no Python by hand": (
        lambda dags: (dags / "by_hand.py").write_text("DAG(\n"),
        "dags/by_hand.py:1 |  | '(' was never closed | Python | correct it",
    ),
    "no template": (
        change("from {{ ds }}", "from {{ ds"),
        "dags/letters.yaml:11 | tasks.count.arguments.text | 'from {{ ds' | a Jinja template (unexpected end of template",
    ),
    "XCom of no task": (
        change("task_ids='count'", "task_ids='cuont'"),
        "dags/letters.yaml:17 | tasks.tell.arguments.counted | the XCom of 'cuont' | a task of this DAG: count, tell, say, sort | did "
        "you mean 'count'?",
    ),
    "XCom of a later task": (
        change("    depends_on: [count]\n", ""),
        "dags/letters.yaml:17 | tasks.tell.arguments.counted | the XCom of 'count' | a task that 'tell' depends on | add "
        "'count' to tasks.tell.depends_on",
    ),
    "XCom that is not left": (
        change("    xcom: true\n", ""),
        "dags/letters.yaml:16 | tasks.tell.arguments.counted | the XCom of 'count' | a task that leaves one | write xcom: "
        "true in tasks.count",
    ),
    "unknown key": (
        change("description:", "descriptoin:"),
        "dags/letters.yaml:2 | descriptoin | a key that nobody reads | one of dag_id, dag_display_name,",
    ),
    "unknown key in a task": (
        change("    env:", "    envs:"),
        "dags/letters.yaml:12 | tasks.count.envs | a key that nobody reads | one of image, env,",
    ),
    "missing key": (
        change("start_date: 2026-01-01\n", ""),
        "dags/letters.yaml:1 | start_date | nothing | a value: this key is required | add 'start_date'",
    ),
    "missing key in a task": (
        change("    entry: letters:count\n", ""),
        "dags/letters.yaml:8 | tasks.count | ",
    ),
    "wrong type": (
        change("retries: 0", "retries: many"),
        "dags/letters.yaml:19 | tasks.tell.retries | 'many' | a valid integer",
    ),
    "number as text": (
        change("LANGUAGE: en", "LANGUAGE: no"),
        "dags/letters.yaml:12 | tasks.count.env.LANGUAGE | False | a valid string | quote it",
    ),
    "date as an argument": (
        change("alphabet: [a, b, c]", "alphabet: 2026-01-01"),
        "dags/letters.yaml:11 | tasks.count.arguments.alphabet | datetime.date(2026, 1, 1) | values that JSON knows; quote",
    ),
    "key of a pod in a python task": (
        lambda dags: edit(dags / "warehouse.yaml", "kind: python", "kind: python\n    xcom: true"),
        "dags/warehouse.yaml:6 | tasks.load | ",
    ),
    "entry and command": (
        change("    env:", "    command: [ls]\n    env:"),
        "an entry or a command, not both | correct it",
    ),
    "list for an entry": (
        change('{text: "from {{ ds }}", alphabet: [a, b, c]}', "[a]"),
        "an object as the arguments of an entry: names and values",
    ),
    "object for a command": (
        change("entry: letters:count", "command: [ls]"),
        "a list as the arguments of a command",
    ),
    "no function for a python task": (
        lambda dags: edit(
            dags / "warehouse.yaml", 'entry: warehouse:load\n    arguments: {run: "{{ run_id }}"}', "arguments: [a]"
        ),
        "a python task with an entry: module:function in the source folder",
    ),
    "command of a python task": (
        lambda dags: edit(dags / "warehouse.yaml", "entry: warehouse:load", "command: [ls]"),
        "a python task without command: it has no such thing",
    ),
    "number in a command": (
        lambda dags: edit(edit_to_command(dags), "[count", "[1, count"),
        "dags/letters.yaml:10 | tasks.count.command.0 | 1 | a valid string | quote it",
    ),
    "no template in a command": (
        lambda dags: edit(edit_to_command(dags), "{{ ds }}", "{{ ds"),
        "dags/letters.yaml:11 | tasks.count.arguments.0 | 'on {{ ds' | a Jinja template (unexpected end of template",
    ),
    "XCom of a later task in a command": (
        lambda dags: edit(edit_to_command(dags), "{{ ds }}", "{{ ti.xcom_pull('tell') }}"),
        "dags/letters.yaml:11 | tasks.count.arguments.0 | the XCom of 'tell' | a task that 'count' depends on",
    ),
    "no tasks": (
        lambda dags: (dags / "warehouse.yaml").write_text(
            "dag_id: warehouse\nstart_date: 2026-01-01\nsource: warehouse\ntasks: {}\n"
        ),
        "dags/warehouse.yaml:4 | tasks | {} | ",
    ),
    "no mapping": (
        lambda dags: (dags / "warehouse.yaml").write_text("- a\n"),
        "dags/warehouse.yaml:1 |  | ['a'] | ",
    ),
    "task name": (
        change("  count:", "  Count-it:"),
        "dags/letters.yaml:8 | tasks.Count-it | 'Count-it' | a letter, then small letters, digits and single underscores",
    ),
    "duplicate key": (
        change("image: letters", "image: letters\nimage: letters"),
        "dags/letters.yaml:6 | image | the key a second time | each key once",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(dags, name):
    make, expected = BAD[name]
    make(dags)
    assert any(expected in problem for problem in broken(dags)), "\n".join(broken(dags))


def test_a_python_task_needs_the_executor_that_gives_it_a_pod(dags):
    alone = replace(CATALOG, platform=replace(CATALOG.platform, executors=("LocalExecutor",)))
    with pytest.raises(InputError) as refusal:
        load_dags(dags, alone)
    assert [(problem.file, problem.key) for problem in refusal.value.problems] == [
        ("dags/warehouse.yaml:7:11", "tasks.load.kind")
    ]


def test_one_bad_config_hides_no_other(dags):
    edit(dags / "letters.yaml", "image: letters", "image: lettres")
    edit(dags / "letters.yaml", "letters:tell", "letters:talk")
    edit(dags / "warehouse.yaml", "start_date", "begin_date")
    (dags / "third.yaml").write_text("a: [")
    places = [problem.split(" | ")[0] for problem in broken(dags)]
    assert places == [
        "dags/letters.yaml:5",
        "dags/letters.yaml:16",
        "dags/third.yaml:1",
        "dags/warehouse.yaml:1",
        "dags/warehouse.yaml:2",
    ]


@given(st.text(st.sampled_from(" \n-:[]{}'\"ab1") | st.characters()) | st.binary(max_size=40))
def test_any_file_is_told_not_raised(tmp_path_factory, text):
    folder = tmp_path_factory.getbasetemp() / "dags"
    folder.mkdir(exist_ok=True)
    content = text if isinstance(text, bytes) else text.encode(errors="replace")
    (folder / "any.yaml").write_bytes(content)
    with pytest.raises(InputError):
        load_dags(folder, CATALOG)
    (folder / "any.yaml").write_bytes(b"dag_id: a\nstart_date: 2026-01-01\nsource: a\ntasks:\n  a: " + content)
    with pytest.raises(InputError):
        load_dags(folder, CATALOG)


@pytest.mark.parametrize(
    "code",
    [
        "from other import run",
        "from other import *",
        "run = lambda: 1",
        "run: object = print",
        "try:\n    from fast import run\nexcept ImportError:\n    def run(): ...",
        "if True:\n    pass\nelse:\n    def run(run): ...",
        "other, run = 1, print",
        "try: ...\nfinally:\n    def run(run): ...",
        "for run in (print,): ...",
    ],
)
def test_ways_to_have_a_function(dags, code):
    (dags / "warehouse/warehouse.py").write_text(code)
    edit(dags / "warehouse.yaml", "warehouse:load", "warehouse:run")
    assert len(load_dags(dags, CATALOG)) == 2


def test_a_module_in_a_package(dags):
    (dags / "warehouse/deep").mkdir()
    (dags / "warehouse/deep/__init__.py").write_text("def load(run): ...")
    (dags / "warehouse/deep/er.py").write_text("def load(run): ...")
    for entry in ("deep:load", "deep.er:load"):
        edit(dags / "warehouse.yaml", "entry: ", f"entry: {entry} #")
        assert len(load_dags(dags, CATALOG)) == 2


@pytest.mark.parametrize(
    ("code", "taken"),
    [
        ("with DAG('letters'): ...", True),
        ("import airflow\nx = airflow.sdk.DAG(dag_id='letters')", True),
        ("@dag\ndef letters(): ...", True),
        ("@dag(dag_id='letters')\ndef other(): ...", True),
        ("@dag(schedule=None)\ndef other(): ...", False),
        ("DAG(name())", False),
    ],
)
def test_ids_of_hand_written_dags(dags, code, taken):
    (dags / "by_hand.py").write_text(code)
    if taken:
        assert "a dag_id of its own" in broken(dags)[0]
    else:
        assert len(load_dags(dags, CATALOG)) == 2
