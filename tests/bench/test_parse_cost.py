"""The forms that are compared are the same DAGs, and the table says whether each promise holds."""

from __future__ import annotations

import ast

import pytest
import yaml

from bench import parse_cost, parse_files

FIGURES = {
    "python": "3.13.0",
    "one file": {
        count: {
            parse_cost.POD: {"cpu_seconds": 0.03, "memory": 25e6},
            parse_cost.POD_BY_HAND: {"cpu_seconds": 0.03, "memory": 25e6},
            parse_cost.OVERRIDE: {"cpu_seconds": 0.04, "memory": 25e6},
            parse_cost.OVERRIDE_BY_HAND: {"cpu_seconds": 0.4, "memory": 150e6},
        }
        for count in ("1000", "200", "50", "500")
    },
    "growth": {"1000": 0.033, "50": 0.03},
    "whole folder": {
        "500": {
            parse_cost.POD: {"seconds": 8.0, "cpu_seconds": 16.0},
            parse_cost.FACTORY: {"seconds": 16.0, "cpu_seconds": 16.5},
        }
    },
    "fresh process": {
        "500": {
            parse_cost.POD: {"seconds": 4.0, "cpu_seconds": 4.0},
            parse_cost.FACTORY: {"seconds": 18.0, "cpu_seconds": 18.0},
        }
    },
}


@pytest.mark.parametrize(
    ("writer", "by_hand"),
    [
        (parse_files.write_generated_pods, parse_files.write_pods_by_hand),
        (parse_files.write_generated_overrides, parse_files.write_overrides_by_hand),
    ],
)
def test_a_file_by_hand_has_the_tasks_of_the_generated_one(writer, by_hand, tmp_path):
    [generated], [written] = writer(tmp_path / "generated", 1), by_hand(tmp_path / "by hand", 1)
    texts = [generated.read_text(), written.read_text()]
    for text in texts:
        strings = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
        assert {*parse_files.STEPS, "bench_0000", "256Mi"} <= strings
    assert sum(image in texts[1] for image in (parse_files.POD_IMAGE, parse_files.WORKER_IMAGE)) == 1
    assert [image in texts[0] for image in (parse_files.POD_IMAGE, parse_files.WORKER_IMAGE)] == [
        image in texts[1] for image in (parse_files.POD_IMAGE, parse_files.WORKER_IMAGE)
    ]


def test_dag_factory_has_one_loader_and_a_file_for_each_dag(tmp_path):
    [loader] = parse_files.write_for_dag_factory(tmp_path / "f", 3)
    configs = [yaml.safe_load(file.read_text()) for file in sorted((loader.parent / "configs").iterdir())]
    assert [list(config) for config in configs] == [["bench_0000"], ["bench_0001"], ["bench_0002"]]
    assert [task["task_id"] for task in configs[0]["bench_0000"]["tasks"]] == list(parse_files.STEPS)


def test_the_table_names_each_promise():
    lines = parse_cost.table(FIGURES)
    assert "| 500 DAGs: pod_override by hand / one file of python tasks | 10.00 | at least 8 |" in lines
    assert "| 500 DAGs, one changed: dag-factory / one file | 550.00 | at least 100 |" in lines
    assert "| 500 in a fresh process: dag-factory / generated | 4.50 | at least 4 |" in lines
    assert "| all 500, two at once: generated / dag-factory, wall | 0.50 | at most 1 |" in lines
    assert "| one file of 1,000 / one of 50 | 1.10 | at most 1.1 |" in lines


def test_the_fewest_files_stand_first():
    assert "| | 50 files | 200 files | 500 files | 1000 files | child MB |" in parse_cost.table(FIGURES)
