"""What Elyra's templates write: commands that download when a pod starts, ids with a time in them, its own operator.

Of each template from Elyra 2 to 4; ``images/bases/elyra`` has the command that stands here instead, with what the other
downloads already in it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from datetime import datetime

import libcst as cst

from adoption.arguments import Item, Items
from adoption.draft import Draft
from adoption.moved import OPERATOR, SECRET
from adoption.records import Edit
from adoption.syntax import MISSING
from pipelines.python_source import literal

NOTEBOOK = "airflow_notebook.pipeline.NotebookOp"
#: Of images/bases/elyra.
COMMAND = "elyra-node"
STAMPED = re.compile(r"(?P<stable>.*[^-])-(?P<stamp>\d{10})")
FOLDER = r"\./jupyter-work-dir/?"
DOWNLOADS = re.compile(
    rf"(?:(?:mkdir -p {FOLDER}|cd {FOLDER}|echo 'Downloading [^']*'"
    r"|curl (?:--fail )?(?:-H 'Cache-Control: no-cache' )?-L \S+ --output (?:bootstrapper\.py|requirements-elyra\.txt)"
    r"|python3 -m pip install (?:--user )?packaging|python3 -m pip freeze > requirements-current\.txt) && )+"
    r"python3 bootstrapper\.py (?P<words>.*)",
    re.DOTALL,
)
SHELL = re.compile(r"[;&|<>$`()*?~\n\\\"]")
QUOTED = re.compile(r"'[^']*'")
STORE = ("--cos-endpoint", "--cos-bucket")
OPTIONS = (
    "--pipeline-name",
    *STORE,
    "--cos-directory",
    "--cos-dependencies-archive",
    "--file",
    "--inputs",
    "--outputs",
)
#: Argument of NotebookOp -> option.
OF_NOTEBOOK: Mapping[str, str] = {
    "cos_endpoint": "--cos-endpoint",
    "cos_bucket": "--cos-bucket",
    "cos_directory": "--cos-directory",
    "cos_dependencies_archive": "--cos-dependencies-archive",
    "notebook": "--file",
    "pipeline_inputs": "--inputs",
    "pipeline_outputs": "--outputs",
}
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
RUN_NAME = "ELYRA_RUN_NAME"
OLD_TIME, NEW_TIME = "{{ ts_nodash }}", "{{ dag_run.run_after | ts_nodash }}"
MAY_USE = "data/"
WHY_KEPT = "the image has what this downloads when the pod starts"
WHY = f"{WHY_KEPT}; endpoint, bucket and credentials come from the stack's Secret"
RUNS = ("spec.containers.command", "spec.containers.args")


def stable_id(dag_id: str) -> str | None:
    """The id without the time that Elyra puts behind it (month, day, hour, minute, second), or None."""
    found = STAMPED.fullmatch(dag_id)
    if not found:
        return None
    try:
        # 2024: a year that has every day.
        datetime.strptime(f"2024{found['stamp']}", "%Y%m%d%H%M%S")
    except ValueError:
        return None
    return found["stable"]


def apply(draft: Draft) -> None:
    """The commands of all operators, and what Elyra assigns to operators afterwards."""
    for call in draft.source.all(cst.Call):
        if draft.source.called(call) == OPERATOR:
            _run_name(draft, call)
            items = Items(draft.source, call)
            if NOTEBOOK in draft.source.imported(call.func):
                _notebook(draft, items)
            else:
                _command(draft, items)
    for assign in draft.source.all(cst.Assign):
        _assigned(draft, assign)


def _run_name(draft: Draft, call: cst.Call) -> None:
    """``ELYRA_RUN_NAME``, from the time of a run that Airflow 3 may start without one."""
    variables = Items(draft.source, call).get("env_vars")
    if not variables or not isinstance(variables.value, cst.Dict):
        return
    named = Items(draft.source, variables.value)
    item = named.get(RUN_NAME)
    found = draft.source.value(item.value) if item else None
    if item and isinstance(found, str) and OLD_TIME in found:
        becomes = literal(found.replace(OLD_TIME, NEW_TIME))
        why = "a run that somebody starts has no such time in Airflow 3, and the task would fail"
        draft.change(item.node, becomes, why, [named.revalued(item, becomes)], ("spec.containers.env",))


def _command(draft: Draft, items: Items) -> None:
    arguments, commands = items.get("arguments"), items.get("cmds")
    texts = draft.source.value(arguments.value) if arguments else None
    if not arguments or not isinstance(texts, list) or len(texts) != 1 or not isinstance(texts[0], str):
        return
    if "bootstrapper.py" not in texts[0] or not commands:
        return
    options = _options(texts[0])
    if options is None:
        draft.leave(
            arguments.node, f"a command that is not Elyra's own any more: call {COMMAND} of the elyra base image"
        )
        return
    edits = [
        items.revalued(commands, f"[{literal(COMMAND)}]"),
        items.revalued(arguments, _words(draft, items, arguments, options)),
    ]
    _told(draft, items, arguments, options, edits)


def _notebook(draft: Draft, items: Items) -> None:
    if items.unknown or items.get("arguments") or not items.get("notebook"):
        draft.leave(items.node, f"an operator that is no more: call {COMMAND} of the elyra base image")
        return
    options: dict[str, str] = {}
    gone = [item for item in items.all if item.name in (*OF_NOTEBOOK, "requirements_url", "bootstrap_script_url")]
    for item in gone:
        found = draft.source.value(item.value)
        if found is MISSING:
            draft.leave(item.node, "computed: only what is written out can become words of a command")
            return
        text = ";".join(part.strip() for part in found) if isinstance(found, list) else found
        if text and item.name in OF_NOTEBOOK:
            options[OF_NOTEBOOK[item.name]] = text
    first, second = gone[:2]
    edits = [
        items.rewritten(first, "cmds", f"[{literal(COMMAND)}]"),
        items.rewritten(second, "arguments", _words(draft, items, second, options)),
    ]
    draft.remove(items, gone[2:], "an argument of Elyra's own operator, now a word of the command")
    _told(draft, items, first, options, edits)


def _options(command: str) -> dict[str, str] | None:
    """Option -> value of a command that is Elyra's and nothing more."""
    found = DOWNLOADS.fullmatch(command.strip())
    if not found or SHELL.search(QUOTED.sub("", found["words"])):
        return None
    try:
        words = shlex.split(found["words"])
    except ValueError:
        return None
    options = dict(zip(words[::2], words[1::2], strict=False))
    known = len(words) % 2 == 0 and len(options) == len(words) // 2 and options.keys() <= set(OPTIONS)
    return options if known else None


def _words(draft: Draft, items: Items, item: Item, options: Mapping[str, str]) -> str:
    left_out = () if draft.choices.keep_store else STORE
    named = {"--pipeline-name": _pipeline(draft), **options}
    words = [f"{option}={named[option]}" for option in OPTIONS if named.get(option) and option not in left_out]
    text = draft.source.text
    line = text[text.rfind("\n", 0, item.start) + 1 : item.start]
    indent = " " * (len(line) - len(line.lstrip()) if not line.strip() else len(line))
    return "[\n" + "".join(f"{indent}    {literal(word)},\n" for word in words) + f"{indent}]"


def _pipeline(draft: Draft) -> str:
    """The first DAG's id, without its time."""
    for call in draft.source.all(cst.Call):
        if draft.source.called(call).endswith(".DAG"):
            items = Items(draft.source, call)
            item = items.get("dag_id") or (items.all[0] if items.all else None)
            found = draft.source.value(draft.source.resolved(item.value)) if item else None
            if isinstance(found, str):
                return stable_id(found) or found
    return "pipeline"


def _told(draft: Draft, items: Items, item: Item, options: Mapping[str, str], edits: list[Edit]) -> None:
    kept = draft.choices.keep_store
    draft.change(item.node, f"{COMMAND} {options.get('--file', '')}", WHY_KEPT if kept else WHY, edits, RUNS)
    if kept:
        return
    folder = options.get("--cos-directory", "")
    if not folder.startswith(MAY_USE):
        why = (
            f"tasks may use {MAY_USE} of the stack's bucket, and this pipeline's files are in {folder!r}: set Elyra's "
            f"object storage path prefix to {MAY_USE}elyra and submit again, or adopt with --keep-store"
        )
        draft.leave(item.node, why)
    _without_credentials(draft, items.get("secrets"))


def _without_credentials(draft: Draft, secrets: Item | None) -> None:
    if not secrets or not isinstance(secrets.value, cst.List):
        return
    listed = Items(draft.source, secrets.value)
    gone = [item for item in listed.all if _is_credential(draft, item)]
    draft.remove(listed, gone, "the store's credentials come from the stack's Secret", ("spec.containers.env",))


def _is_credential(draft: Draft, item: Item) -> bool:
    call = draft.source.resolved(item.value)
    if not isinstance(call, cst.Call) or draft.source.called(call) != SECRET:
        return False
    arguments = Items(draft.source, call)
    target = arguments.get("deploy_target") or (arguments.all[1] if len(arguments.all) > 1 else None)
    return target is not None and draft.source.value(target.value) in CREDENTIALS


def _assigned(draft: Draft, assign: cst.Assign) -> None:
    """``op.image_pull_policy = "Always"``, as Elyra writes it below the operator."""
    target = assign.targets[0].target
    if len(assign.targets) != 1 or not isinstance(target, cst.Attribute) or target.attr.value != "image_pull_policy":
        return
    call = draft.source.resolved(target.value)
    if not isinstance(call, cst.Call) or draft.source.called(call) != OPERATOR:
        return
    if draft.source.value(assign.value) in ("Always", "Never"):
        becomes = literal("IfNotPresent")
        why = "a reference that never changes is pulled once a node"
        edit = Edit(*draft.source.span(assign.value), becomes)
        draft.change(assign, becomes, why, [edit], ("spec.containers.imagePullPolicy",), needed=False)
