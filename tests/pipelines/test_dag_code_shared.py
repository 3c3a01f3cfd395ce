"""What tasks of a file say alike stands in it once, and each task still says what it says alone."""

from __future__ import annotations

import ast
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dag_code_shared import Shared, alike
from pipelines.python_source import Name
from tests.pipelines.test_dag_code import source

OPERATORS = ("KubernetesPodOperator", "PythonOperator", "BashOperator")
KINDS: dict[str, dict[str, Any]] = {
    "pod": {"kind": "pod", "image": "letters", "entry": "letters:count"},
    "python": {"kind": "python", "image": "warehouse", "entry": "warehouse:load"},
    "bash": {"kind": "bash", "image": "warehouse", "script": "true"},
}
SAID: dict[str, list[Any]] = {
    "env": [{"X": "1"}, {"X": "2"}],
    "node_selector": [{"disk": "fast"}, {"disk": "slow"}],
    "tolerations": [[{"key": "gpu", "operator": "Exists"}]],
    "labels": [{"team": "a"}, {"team": "b"}],
    "retries": [3],
    "execution_timeout": ["5m", "10m"],
    "resources": [{"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "2Gi"}}],
    "env_from": [[{"config_map": "other"}]],
    "pod_template": ["warehouse"],
    "group": ["words"],
}
GROUPS = {"words": {}}
tasks = st.builds(
    lambda kind, said: KINDS[kind] | said,
    st.sampled_from(sorted(KINDS)),
    st.fixed_dictionaries({}, optional={field: st.sampled_from(values) for field, values in SAID.items()}),
)


class Unpacked(ast.NodeTransformer):
    """Calls with the file's dictionaries written out in them, and their arguments in alphabetical order."""

    def __init__(self, tree: ast.Module) -> None:
        self._said = {
            node.targets[0].id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        found = []
        for one in node.keywords:
            if one.arg is None and isinstance(one.value, ast.Name):
                said = self._said[one.value.id]
                assert isinstance(said, ast.Dict)
                found += [
                    ast.keyword(key.value, self.visit(value))
                    for key, value in zip(said.keys, said.values, strict=True)
                    if isinstance(key, ast.Constant)
                ]
            else:
                found.append(one)
        assert max(Counter(one.arg for one in found).values(), default=1) == 1, "an argument is said twice"
        node.keywords = sorted(found, key=lambda one: one.arg or "")
        return node


def operators(text: str) -> dict[str, str]:
    """Task -> its operator, whatever the file shares."""
    tree = ast.parse(text)
    spelled = Unpacked(tree).visit(tree)
    found = {}
    for node in ast.walk(spelled):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OPERATORS:
            [task] = [one.value for one in node.keywords if one.arg == "task_id"]
            found[ast.literal_eval(task)] = ast.dump(node)
    return found


def assert_defined_above(tree: ast.Module) -> None:
    """What the file's dictionaries refer to stands before them."""
    known = {"__file__", "str"}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            known |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Assign):
            assert {one.id for one in ast.walk(node.value) if isinstance(one, ast.Name)} <= known
            known |= {one.id for one in node.targets if isinstance(one, ast.Name)}


@pytest.mark.slow
@given(st.lists(tasks, min_size=1, max_size=5))
def test_each_task_says_what_it_says_alone(some):
    named = {f"task_{number}": task for number, task in enumerate(some)}
    alone = {
        name: operators(source("letters", groups=GROUPS, tasks={name: task}))[name] for name, task in named.items()
    }
    text = source("letters", groups=GROUPS, tasks=named)
    assert operators(text) == alone
    assert_defined_above(ast.parse(text))


def test_what_all_containers_have_is_said_once():
    some = {step: {**KINDS["python"], "env": {"STEP": step}} for step in ("extract", "load")}
    text = source("letters", tasks=some)
    assert text.count("imagePullSecrets") + text.count("image_pull_secrets") == 1
    assert text.count("**CONTAINER") == text.count("**SPEC") == text.count("**WORKER") == 2


def test_an_override_that_all_have_is_one_object():
    text = source("letters", tasks=dict.fromkeys(("extract", "load"), KINDS["python"]))
    assert text.count("k8s.V1Pod(") == 1
    assert "CONTAINER" not in text
    assert "SPEC" not in text


def test_what_one_task_says_is_not_shared():
    assert alike([{"retries": 1}]) == {}


@pytest.mark.parametrize("said", [{"retries": 2, "pool": "a"}, {"pool": "a"}])
def test_a_task_that_says_something_else_says_it_in_full(said):
    assert Shared("WORKER", {"retries": 1}).taken_from(said) == (said, None)


def test_what_the_dictionary_says_is_left_out():
    said = {"retries": 1, "pool": "a"}
    assert Shared("WORKER", {"retries": 1}).taken_from(said) == ({"pool": "a"}, Name("WORKER"))
