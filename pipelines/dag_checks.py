"""What must hold between DAG configs, the catalog, the source folders and the hand-written DAG files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from pipelines.argument_template import bad_templates
from pipelines.catalog import Catalog
from pipelines.dag_form import Task
from pipelines.dag_reading import ReadConfig
from pipelines.dag_source_code import defined_names, hand_written_dag_ids, hand_written_files, parsed
from pipelines.errors import Problem
from pipelines.validation import nearest, shown
from pipelines.xcom_checks import xcom_problems

DEFAULT_POOL = "default_pool"
PROFILE_OF = {"pod": "task", "python": "worker"}


def dag_problems(configs: Sequence[ReadConfig], catalog: Catalog, root: Path) -> list[Problem]:
    """All of them."""
    problems = _duplicates(configs, root)
    for config in configs:
        problems += _source_problems(config, root)
        problems += _order_problems(config)
        problems += xcom_problems(config)
        for name, task in config.dag.tasks.items():
            problems += _image_problems(config, name, task, catalog)
            problems += _executor_problems(config, name, task, catalog)
            problems += _entry_problems(config, name, task)
            problems += _argument_problems(config, name, task)
        problems += _pool_problems(config, catalog)
        problems += _secret_problems(config, catalog)
    return problems


def _duplicates(configs: Iterable[ReadConfig], root: Path) -> list[Problem]:
    """Each dag_id once, over configs and hand-written files; and no two files published under one name."""
    places = defaultdict(list)
    for config in configs:
        places[config.dag.dag_id].append((config.place("dag_id"), "dag_id"))
    problems = []
    for path in hand_written_files(root):
        shown_as = f"{root.name}/{path.name}"
        tree, wrong = parsed(path.read_bytes(), shown_as)
        problems += wrong
        ids = hand_written_dag_ids(tree) if tree else {}
        for dag_id, line in ids.items():
            places[dag_id].append((f"{shown_as}:{line}", "dag_id"))
        if path.stem not in ids and path.stem in places:
            places[path.stem].append((shown_as, ""))
    for dag_id, found in places.items():
        first, *others = found
        problems += [
            Problem(place, key, repr(dag_id), f"a dag_id of its own: {first[0]} has it", "rename one of them")
            for place, key in others
        ]
    return problems


def _image_problems(config: ReadConfig, name: str, task: Task, catalog: Catalog) -> Iterator[Problem]:
    key = f"tasks.{name}.image" if task.image or not config.dag.image else "image"
    place, type_ = config.place(key), config.dag.image_of(name)
    image = catalog.images.get(type_)
    known = sorted(catalog.images)
    if not type_:
        yield Problem(place, key, "nothing", f"an image type: {', '.join(known)}", "name one for the task or the DAG")
    elif image is None:
        expected = f"one of {', '.join(known)}" if known else "a folder in images/, and there is none"
        yield Problem(place, key, repr(type_), expected, nearest(type_, known) or f"add images/{type_}/")
    elif image.profile and image.profile != PROFILE_OF[task.kind]:
        fitting = [type_ for type_ in known if catalog.images[type_].profile == PROFILE_OF[task.kind]]
        expected = f"a {PROFILE_OF[task.kind]} image for a {task.kind} task: {', '.join(fitting) or 'there is none'}"
        other = next(kind for kind, profile in PROFILE_OF.items() if profile != PROFILE_OF[task.kind])
        fix = f"name another image, or make task {name!r} kind: {other}"
        yield Problem(place, key, f"{type_!r}, a {image.profile} image", expected, fix)


def _executor_problems(config: ReadConfig, name: str, task: Task, catalog: Catalog) -> Iterator[Problem]:
    executors = catalog.platform.executors
    if task.kind == "python" and "KubernetesExecutor" not in executors:
        key = f"tasks.{name}.kind"
        expected = f"pod: the stack runs {', '.join(executors)}, and a python task needs the KubernetesExecutor"
        yield Problem(
            config.place(key), key, "'python'", expected, f"make task {name!r} kind: pod, or add the executor"
        )


def _pool_problems(config: ReadConfig, catalog: Catalog) -> Iterator[Problem]:
    named = [("pool", config.dag.pool), *((f"tasks.{name}.pool", task.pool) for name, task in config.dag.tasks.items())]
    known = [DEFAULT_POOL, *catalog.platform.pools]
    for key, pool in named:
        if pool is not None and pool not in known:
            fix = nearest(pool, known) or f"declare it in the stack's airflow.pools: {pool}: {{slots: 1}}"
            yield Problem(config.place(key), key, repr(pool), f"a pool of the stack: {', '.join(known)}", fix)


def _secret_problems(config: ReadConfig, catalog: Catalog) -> Iterator[Problem]:
    sources = [("env_from", config.dag.env_from)]
    sources += [(f"tasks.{name}.env_from", task.env_from) for name, task in config.dag.tasks.items()]
    known = list(catalog.platform.secrets)
    for key, named in sources:
        for secret in [source.secret for source in named if source.secret and source.secret not in known]:
            expected = f"a Secret of the stack: {', '.join(known) or 'it declares none'}"
            path = f"tasks.secrets.{secret}.<VARIABLE>"
            fix = nearest(secret, known) or f"declare it: pulumi config set --secret --path '{path}'"
            yield Problem(config.place(key), key, repr(secret), expected, fix)


def _source_problems(config: ReadConfig, root: Path) -> Iterator[Problem]:
    if config.source is None or not config.source.files:
        found = "no such folder" if config.source is None else "no files in it"
        expected = f"{root.name}/{config.dag.source}/ with the tasks' code"
        yield Problem(config.place("source"), "source", found, expected, "add the folder or correct the name")


def _order_problems(config: ReadConfig) -> Iterator[Problem]:
    tasks = config.dag.tasks
    for name, task in tasks.items():
        key = f"tasks.{name}.depends_on"
        for other in task.depends_on:
            if other not in tasks:
                expected = f"one of {', '.join(tasks)}"
                yield Problem(
                    config.place(key), key, repr(other), expected, nearest(other, list(tasks)) or "correct it"
                )
        if len(set(task.depends_on)) < len(task.depends_on):
            yield Problem(config.place(key), key, shown(list(task.depends_on)), "each task once", "remove the others")
    try:
        TopologicalSorter({name: task.depends_on for name, task in tasks.items()}).prepare()
    except CycleError as error:
        cycle = error.args[1]
        key = f"tasks.{cycle[0]}.depends_on"
        # The sorter lists each task before the one that waits for it.
        found = " waits for ".join(reversed(cycle))
        yield Problem(config.place(key), key, found, "an order to run them in", "remove one of these dependencies")


def _entry_problems(config: ReadConfig, name: str, task: Task) -> Iterator[Problem]:
    if config.source is None or not config.source.files or not task.entry:
        return
    key = f"tasks.{name}.entry"
    place = config.place(key)
    module, function = task.entry.split(":")
    candidates = [f"{module.replace('.', '/')}{ending}" for ending in (".py", "/__init__.py")]
    file = next((candidate for candidate in candidates if candidate in config.source.files), None)
    if file is None:
        modules = sorted(path[:-3].replace("/", ".") for path in config.source.files if path.endswith(".py"))
        expected = f"a module in {config.dag.source}/: {', '.join(modules) or 'there is none'}"
        yield Problem(place, key, f"no module {module!r}", expected, nearest(module, modules) or f"add {candidates[0]}")
        return
    tree, wrong = parsed(
        config.source.files[file].content, f"{config.file.rpartition('/')[0]}/{config.dag.source}/{file}"
    )
    yield from wrong
    names = defined_names(tree) if tree else None
    if names is not None and function not in names:
        fix = nearest(function, sorted(names)) or f"define {function} there"
        yield Problem(place, key, f"no function {function!r}", f"a function that {file} defines", fix)


def _argument_problems(config: ReadConfig, name: str, task: Task) -> Iterator[Problem]:
    for bad in bad_templates(task.templated):
        key = f"tasks.{name}.{bad.key}"
        fix = "correct it; literal braces are written {{ '{{' }}"
        yield Problem(config.place(key), key, shown(bad.text), f"a Jinja template ({bad.message})", fix)
