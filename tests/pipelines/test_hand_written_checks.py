"""What hand-written files ask of the catalog."""

from pathlib import Path

import pytest

from pipelines.dag_config import check_dags
from pipelines.errors import Problem
from tests.pipelines.trees import catalog, copy_tree

KNOWN = catalog()
TASK, WORKER = (next(name for name, one in KNOWN.images.items() if one.profile == kind) for kind in ("task", "worker"))
HEAD = "from airflow_runtime.catalog import image, pod_template\n"


def problems(tmp_path: Path, code: str) -> list[Problem]:
    dags = copy_tree(tmp_path / "tree") / "dags"
    (dags / "by_hand.py").write_text(code)
    return [*check_dags(dags, KNOWN).problems]


@pytest.mark.parametrize(
    "code",
    [
        f"{HEAD}KubernetesPodOperator(pod_template_file=pod_template({TASK!r}))",
        f"{HEAD}KubernetesPodOperator(image=image({WORKER!r}))",
        f"{HEAD}@task(executor_config={{'pod_template_file': pod_template({WORKER!r})}})\ndef f(): ...",
        f"{HEAD}KubernetesPodOperator(pod_template_file=pod_template(name))",
        "def image(name): ...\nimage('letter')",
        "import airflow_runtime.catalog as catalog\ncatalog.image",
        f"{HEAD}widget.image('chart.png')",
        f"{HEAD}def draw(image):\n    image('chart.png')",
        f"{HEAD}def draw():\n    from elsewhere import image\n    image('chart.png')",
        f"{HEAD}def image(name): ...\nimage('chart.png')",
        f"{HEAD}image('elsewhere', '/opt/other/images.json')",
        f"{HEAD}image('elsewhere', beside='/opt/other/images.json')",
        f"{HEAD}try:\n    x = image('geo')\nexcept UnknownImage:\n    x = image({TASK!r})",
    ],
)
def test_what_is_right_or_not_literal_is_let_through(tmp_path: Path, code: str) -> None:
    assert problems(tmp_path, code) == []


def test_an_unknown_type_is_told_where_it_stands(tmp_path: Path) -> None:
    [told] = problems(tmp_path, f"{HEAD}\nx = [image('letter')]")
    assert (told.file, told.found, told.fix) == ("dags/by_hand.py:3:6", "'letter'", "did you mean 'letters'?")


def test_another_name_for_the_function_is_seen_through(tmp_path: Path) -> None:
    [told] = problems(tmp_path, "from airflow_runtime.catalog import pod_template as of\nof('letter')")
    assert told.file == "dags/by_hand.py:2:1"


@pytest.mark.parametrize(
    ("code", "type_", "profile", "place"),
    [
        (f"k8s.KubernetesPodOperator(pod_template_file=pod_template({WORKER!r}))", WORKER, "task", "KubernetesPodOp"),
        (f"f(executor_config={{'pod_template_file': pod_template({TASK!r})}})", TASK, "worker", "executor_config"),
    ],
)
def test_a_template_of_the_other_profile_is_refused(
    tmp_path: Path, code: str, type_: str, profile: str, place: str
) -> None:
    [told] = problems(tmp_path, HEAD + code)
    other = "worker" if profile == "task" else "task"
    assert told.found == f"{type_!r}, a {other} image"
    assert told.expected.startswith(f"a {profile} image for the template of {place}")


def test_a_file_that_asks_wrongly_is_published_no_more_than_a_broken_config(tmp_path: Path) -> None:
    dags = copy_tree(tmp_path / "tree") / "dags"
    (dags / "by_hand.py").write_text(f"{HEAD}image('nothing-like-it')")
    assert check_dags(dags, KNOWN).broken == {"dags/by_hand.py"}
