"""The table: one mistake each, and the command that must refuse it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from local.machine import Machine
from tests.bad_input.trees import NOWHERE, Tree, docker_configuration, kubeconfig

UP = ("local", "up")
SMOKE = ("local", "smoke")
LIST_IMAGES = ("images", "list")
LIST_DAGS = ("dags", "list")
BUILD_DAGS = ("dags", "build")
ECONOMICS, LAKEHOUSE = "dags/cost_of_living.yaml", "dags/lakehouse_summary.yaml"
PANDAS = "images/cost-of-living/pyproject.toml"
DOCKERFILE = "images/cost-of-living/Dockerfile"
LOCK = "images/cost-of-living/requirements.lock"
STACK = "Pulumi.dev.yaml"


@dataclass(frozen=True)
class Conditions:
    """What the platform's machine is like; as it is here, it carries the platform."""

    user: int = 0
    go: str = "1.26.0"
    free: str = "64g"
    taken: int | None = None


@dataclass(frozen=True)
class Mistake:
    """``edit`` makes it in a tree; ``files`` are of the machine, path (of it) -> content (for it).

    ``conditions`` is None where the machine is as it should be. ``running``: the command looks at the running platform;
    ``needs_platform``: what refuses is the running platform, and nothing can stand in for it.
    """

    command: tuple[str, ...]
    edit: Callable[[Tree], None] = lambda tree: None
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Callable[[Machine], str]] = field(default_factory=dict)
    conditions: Conditions | None = None
    running: bool = False
    needs_platform: bool = False


def unknown_key(tree: Tree) -> None:
    tree.configure("  de-airflow-pipeline:objectStor: {bucket: lake}\n")


def wrong_type(tree: Tree) -> None:
    tree.configure("  de-airflow-pipeline:chart: {timeoutSeconds: soon}\n")


def another_context(tree: Tree) -> None:
    tree.edit(STACK, "context: de-airflow-pipeline-local", "context: production")


def another_registry(tree: Tree) -> None:
    tree.edit(STACK, "server: localhost:5000\n    owner", f"server: {NOWHERE}\n    owner")


def own_registry(tree: Tree) -> None:
    tree.edit(STACK, "server: localhost:5000\n    owner", f"server: {tree.machine.registry}\n    owner")


def unknown_image(tree: Tree) -> None:
    tree.edit(ECONOMICS, "image: cost-of-living", "image: cost-of-livin")


def cycle(tree: Tree) -> None:
    tree.edit(ECONOMICS, "  extract:\n    kind: pod\n", "  extract:\n    kind: pod\n    depends_on: [report]\n")


def duplicate(tree: Tree) -> None:
    tree.edit(LAKEHOUSE, "dag_id: lakehouse_summary", "dag_id: cost_of_living")


def invalid_cron(tree: Tree) -> None:
    tree.edit(ECONOMICS, "start_date:", 'schedule: "61 * * * *"\nstart_date:')


def no_lock(tree: Tree) -> None:
    (tree.folder / LOCK).unlink()


def stale_lock(tree: Tree) -> None:
    tree.edit(PANDAS, '    "boto3==1.44.5",\n', "")


def older_lock(tree: Tree) -> None:
    tree.edit(PANDAS, '"pandas==3.1.1"', '"pandas==3.0.0"')


def unpinned(tree: Tree) -> None:
    tree.edit(PANDAS, '"pandas==3.1.1"', '"pandas>=3.1"')


def another_airflow(tree: Tree) -> None:
    for file in ("pyproject.toml", "Dockerfile"):
        name = f"images/bases/worker/{file}"
        tree.edit(name, "apache/airflow:3.2.2-python3.13", "apache/airflow:3.1.0-python3.13")


def no_dockerfile(tree: Tree) -> None:
    (tree.folder / DOCKERFILE).unlink()


def foreign_base(tree: Tree) -> None:
    tree.edit(DOCKERFILE, "FROM ${BASE_IMAGE}", "FROM python:3.13")


def unknown_base(tree: Tree) -> None:
    tree.edit(PANDAS, '"bases/task"', '"bases/tasks"')


def another_profile(tree: Tree) -> None:
    tree.edit(PANDAS, '"bases/task"', '"bases/worker"')
    tree.edit(DOCKERFILE, "bases-task", "bases-worker")


def another_python(tree: Tree) -> None:
    tree.edit(LOCK, "Python ==3.13.*", "Python ==3.12.*")


def same_type(tree: Tree) -> None:
    tree.edit(PANDAS, 'profile = "task"', 'profile = "task"\ndag-types = ["cost-of-living", "lakehouse"]')


def no_repository(tree: Tree) -> None:
    shutil.copytree(tree.folder / "images/lakehouse", tree.folder / "images/Lake_House")


def everywhere(tree: Tree) -> None:
    """One in an image, two in one DAG config, and one in another, which names a folder whose form is not even right."""
    another_airflow(tree)
    (tree.folder / LOCK).unlink()
    invalid_cron(tree)
    tree.edit(LAKEHOUSE, "image: lakehouse", "image: lakehose")
    shutil.copytree(tree.folder / "images/lakehouse", tree.folder / "images/unreadable")
    (tree.folder / "images/unreadable/pyproject.toml").write_text("[project")


def same_key_twice(tree: Tree) -> None:
    tree.configure("  de-airflow-pipeline:name: other\n  de-airflow-pipeline:name: another\n")


def in_the_stack_file(tree: Tree) -> None:
    unknown_key(tree)
    wrong_type(tree)
    tree.edit(STACK, "    owner: local\n", "    ownr: local\n")


MISTAKES: Mapping[str, Mistake] = {
    "unknown-stack-key": Mistake(UP, unknown_key),
    "wrong-type": Mistake(UP, wrong_type),
    "stack-key-twice": Mistake(LIST_IMAGES, same_key_twice),
    "several-in-the-stack-file": Mistake(UP, in_the_stack_file),
    "missing-secret": Mistake(UP, files={"registry_credentials": lambda machine: "{}"}),
    "wrong-kube-context": Mistake(UP, another_context),
    "another-registry": Mistake(UP, another_registry),
    "unknown-engine": Mistake(UP, environment={"APPLY": "terraform"}),
    "unknown-image": Mistake(BUILD_DAGS, unknown_image),
    "cyclic-depends-on": Mistake(LIST_DAGS, cycle),
    "duplicate-dag-id": Mistake(BUILD_DAGS, duplicate),
    "invalid-cron": Mistake(UP, invalid_cron),
    "no-lock": Mistake(LIST_IMAGES, no_lock),
    "stale-lock": Mistake(LIST_IMAGES, stale_lock),
    "lock-of-another-version": Mistake(UP, older_lock),
    "unpinned-dependency": Mistake(UP, unpinned),
    "worker-with-another-airflow": Mistake(UP, another_airflow),
    "no-dockerfile": Mistake(LIST_IMAGES, no_dockerfile),
    "dockerfile-on-another-image": Mistake(UP, foreign_base),
    "unknown-base": Mistake(LIST_IMAGES, unknown_base),
    "profile-of-another-base": Mistake(UP, another_profile),
    "lock-for-another-python": Mistake(LIST_IMAGES, another_python),
    "two-images-for-a-dag-type": Mistake(UP, same_type),
    "no-repository-name": Mistake(LIST_IMAGES, no_repository),
    "registry-unreachable": Mistake(LIST_IMAGES, another_registry),
    "registry-refuses": Mistake(
        LIST_IMAGES, own_registry, files={"docker_config": lambda machine: docker_configuration(machine.registry)}
    ),
    "registry-refuses-up": Mistake(
        UP,
        files={"docker_config": lambda machine: docker_configuration(machine.registry)},
        running=True,
        needs_platform=True,
    ),
    "cluster-unreachable": Mistake(SMOKE, files={"kubeconfig": lambda machine: kubeconfig()}, running=True),
    "foreign-kubeconfig": Mistake(SMOKE, files={"kubeconfig": lambda machine: kubeconfig("production")}, running=True),
    "platform-stopped": Mistake(SMOKE, conditions=Conditions()),
    "no-root": Mistake(UP, conditions=Conditions(user=65534)),
    "go-too-old": Mistake(UP, conditions=Conditions(go="1.19.8")),
    "disk-nearly-full": Mistake(UP, conditions=Conditions(free="512m")),
    "port-in-use": Mistake(UP, conditions=Conditions(taken=5000)),
    "several": Mistake(UP, everywhere, conditions=Conditions(user=65534, go="1.19.8")),
}
