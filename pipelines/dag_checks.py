"""What must hold between DAG configs, the catalog, the source folders and the hand-written DAG files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from pipelines.argument_template import bad_templates
from pipelines.catalog import Catalog, profile_problems
from pipelines.dag_form import Task
from pipelines.dag_order import name_problems, order_problems
from pipelines.dag_reading import ReadConfig
from pipelines.dag_source_code import hand_written_dag_ids, hand_written_files, parsed
from pipelines.entry_checks import callback_problems, entry_problems
from pipelines.errors import Problem
from pipelines.stack_checks import Provision, stack_problems
from pipelines.strict_yaml import MOST_PROBLEMS
from pipelines.template_checks import template_problems
from pipelines.validation import listed, nearest, shown
from pipelines.xcom_checks import xcom_problems

DEFAULT_POOL = "default_pool"
PROFILE_OF = {"pod": "task", "python": "worker", "bash": "worker"}


def config_problems(
    config: ReadConfig, catalog: Catalog, root: Path, provision: Provision | None = None
) -> list[Problem]:
    """What is wrong with one config, the first mistakes of very many; without a provision, what its stack has is not
    asked."""
    checks = [
        _source_problems(config, root),
        order_problems(config),
        name_problems(config),
        xcom_problems(config),
        template_problems(config),
        *(check(config, name, task, catalog) for name, task in config.dag.tasks.items() for check in _OF_A_TASK),
        callback_problems(config),
        _pool_problems(config, catalog),
        _secret_problems(config, catalog, provision),
        stack_problems(config, catalog, provision) if provision else (),
    ]
    return list(islice(chain.from_iterable(checks), MOST_PROBLEMS))


def duplicates(configs: Iterable[ReadConfig], root: Path) -> dict[str, list[Problem]]:
    """File of ``root`` -> its problems: each dag_id once, over configs and hand-written files; no two files published
    under one name; hand-written files are Python."""
    places = defaultdict(list)
    for config in configs:
        places[config.dag.dag_id].append((config.file, config.place("dag_id"), "dag_id"))
    problems = defaultdict[str, list[Problem]](list)
    for path in hand_written_files(root):
        shown_as = f"{root.name}/{path.name}"
        tree, wrong = parsed(path.read_bytes(), shown_as)
        problems[shown_as] += wrong
        ids = hand_written_dag_ids(tree) if tree else {}
        for dag_id, line in ids.items():
            places[dag_id].append((shown_as, f"{shown_as}:{line}", "dag_id"))
        if path.stem not in ids and path.stem in places:
            places[path.stem].append((shown_as, shown_as, ""))
    for dag_id, found in places.items():
        (first_file, first, _), *others = found
        for file, place, key in others:
            told = Problem(place, key, repr(dag_id), f"a dag_id of its own: {first} has it", "rename one of them")
            # Neither can be told to be the right one; the message stands at the second.
            problems[file].append(told)
            problems[first_file].append(told)
    return {file: told for file, told in problems.items() if told}


def _image_problems(config: ReadConfig, name: str, task: Task, catalog: Catalog) -> Iterator[Problem]:
    key = f"tasks.{name}.image" if task.image or not config.dag.image else "image"
    place, type_ = config.place(key), config.dag.image_of(name)
    image = catalog.images.get(type_)
    known = sorted(catalog.images)
    if not type_:
        yield Problem(place, key, "nothing", f"an image type: {listed(known)}", "name one for the task or the DAG")
    elif image is None:
        expected = f"one of {listed(known)}" if known else "a folder in images/, and there is none"
        yield Problem(place, key, repr(type_), expected, nearest(type_, known) or f"add images/{type_}/")
    else:
        other = next((kind for kind, profile in PROFILE_OF.items() if profile == image.profile), "")
        fix = f"name another image, or make task {name!r} kind: {other}"
        yield from profile_problems(catalog, type_, PROFILE_OF[task.kind], f"a {task.kind} task", (place, key), fix)


def _other_image_problems(config: ReadConfig, name: str, task: Task, catalog: Catalog) -> Iterator[Problem]:
    """Image types of containers beside the task's own, and of its pod template."""
    named = [("pod_template", task.pod_template)]
    for kind in ("init_containers", "sidecars"):
        named += [(f"{kind}.{number}.image", one.image) for number, one in enumerate(getattr(task, kind))]
    known = sorted(catalog.images)
    for field, type_ in named:
        key = f"tasks.{name}.{field}"
        if type_ is not None and type_ not in known:
            fix = nearest(type_, known) or f"add images/{type_}/"
            yield Problem(config.place(key), key, repr(type_), f"one of {listed(known)}", fix)
        elif type_ is not None and field == "pod_template":
            purpose, place = f"the template of a {task.kind} task", (config.place(key), key)
            yield from profile_problems(catalog, type_, PROFILE_OF[task.kind], purpose, place)


def _executor_problems(config: ReadConfig, name: str, task: Task, catalog: Catalog) -> Iterator[Problem]:
    executors = catalog.platform.executors
    if PROFILE_OF[task.kind] == "worker" and "KubernetesExecutor" not in executors:
        key = f"tasks.{name}.kind"
        expected = f"pod: the stack runs {', '.join(executors)}, and a {task.kind} task needs the KubernetesExecutor"
        yield Problem(
            config.place(key), key, repr(task.kind), expected, f"make task {name!r} kind: pod, or add the executor"
        )


def _pool_problems(config: ReadConfig, catalog: Catalog) -> Iterator[Problem]:
    named = [("pool", config.dag.pool), *((f"tasks.{name}.pool", task.pool) for name, task in config.dag.tasks.items())]
    known = [DEFAULT_POOL, *catalog.platform.pools]
    for key, pool in named:
        if pool is not None and pool not in known:
            fix = nearest(pool, known) or f"declare it in the stack's airflow.pools: {pool}: {{slots: 1}}"
            yield Problem(config.place(key), key, repr(pool), f"a pool of the stack: {', '.join(known)}", fix)


def _secret_problems(config: ReadConfig, catalog: Catalog, provision: Provision | None) -> Iterator[Problem]:
    sources = [("env_from", config.dag.env_from)]
    sources += [(f"tasks.{name}.env_from", task.env_from) for name, task in config.dag.tasks.items()]
    known = [*catalog.platform.secrets, *(provision.secrets if provision else ())]
    for key, listed_there in sources:
        for position, source in enumerate(listed_there):
            if not source.secret or source.secret in known:
                continue
            expected = f"a Secret of the stack: {listed(known) or 'it declares none'}"
            path = f"tasks.secrets.{source.secret}.<VARIABLE>"
            fix = nearest(source.secret, known) or f"declare it: pulumi config set --secret --path '{path}'"
            yield Problem(config.place(f"{key}.{position}.secret"), key, repr(source.secret), expected, fix)


def _source_problems(config: ReadConfig, root: Path) -> Iterator[Problem]:
    for task in (None, *config.own_sources):
        source, key = config.source_of(task), f"tasks.{task}.source" if task else "source"
        if source is not None and source.files:
            continue
        for folder in config.dag.folders_of(task):
            there = (root / folder).is_dir()
            if source is not None or not there:
                found = "no files in it" if there else "no such folder"
                expected = f"{root.name}/{folder}/ with the tasks' code"
                yield Problem(config.place(key), key, found, expected, "add the folder or correct the name")


def _argument_problems(config: ReadConfig, name: str, task: Task, catalog: Catalog) -> Iterator[Problem]:
    for bad in bad_templates(task.templated):
        key = f"tasks.{name}.{bad.key}"
        fix = "correct it; literal braces are written {{ '{{' }}"
        yield Problem(config.place(key), key, shown(bad.text), f"a Jinja template ({bad.message})", fix)


_OF_A_TASK = (_image_problems, _other_image_problems, _executor_problems, entry_problems, _argument_problems)
