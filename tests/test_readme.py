"""What README.md, CONTRIBUTING.md and docs/ tell people to type, to write and to open: it is there, and it works."""

from __future__ import annotations

import ast
import re
import shutil
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner

from commands.__main__ import app
from infra.settings_source import parse, read_stack_file
from local import engine, preflight
from pipelines.catalog import catalog_of
from pipelines.dag_config import load_dags
from pipelines.dag_tree import published_tree
from pipelines.lock_header import Requirements, with_header
from tests.pipelines.trees import PLATFORM, images_of

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
TEXTS = {name: (ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md", *PAGES)}
README = TEXTS["README.md"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: A verb follows the group, or nothing that could be one: an option, the end.
COMMAND = re.compile(r"python -m commands ([a-z]+)(?: ([a-z][a-z-]*))?")
#: Modules of this repository. All of them import what only .venv has.
MODULE = re.compile(r"python -m (?:bench|commands|local|tests)\b")


def code(text: str) -> list[str]:
    """Everything that stands as code: blocks, and what is between backticks elsewhere."""
    return [block for _, block in BLOCK.findall(text)] + re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))


def blocks(language: str) -> list[str]:
    return [block for name, block in BLOCK.findall(README) if name == language]


EVERYTHING = "\n".join(part for text in TEXTS.values() for part in code(text))
TARGETS = sorted(set(re.findall(r"\bmake ([a-z][a-z-]*)", EVERYTHING)))
VERBS = sorted({words for text in TEXTS.values() for words in COMMAND.findall(text)})
PACKAGES = {"tests", *(path.parent.name for path in ROOT.glob("*/__init__.py"))}
LINKS = sorted({(name, link) for name, text in TEXTS.items() for link in re.findall(r"\]\((?!https?:)([^)#]+)", text)})


def test_there_is_something_to_check() -> None:
    assert {"up", "test", "status", "smoke", "down", "purge", "help", "lint", "test-fast"} <= set(TARGETS)
    assert {("images", "list"), ("images", "lock"), ("dags", "build")} <= set(VERBS)
    assert {("stacks", "rotate-fernet"), ("doctor", "")} <= set(VERBS)
    assert {("README.md", "docs/dag-configs.md"), ("docs/plan.md", "../plan/schema.json")} <= set(LINKS)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_is_in_the_makefile(target: str) -> None:
    assert re.search(rf"^{target}:.* ## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_command_is_there(verb: tuple[str, str]) -> None:
    assert CliRunner().invoke(app, [*filter(None, verb), "--help"]).exit_code == 0


@pytest.mark.parametrize("document", TEXTS)
def test_commands_are_run_by_the_environment_that_has_what_they_need(document: str) -> None:
    text = TEXTS[document]
    said = [match for match in MODULE.finditer(text) if not text[: match.start()].endswith(".venv/bin/")]
    assert [text[match.start() :].partition("\n")[0] for match in said] == []


@pytest.mark.parametrize(("document", "link"), LINKS)
def test_a_link_leads_somewhere(document: str, link: str) -> None:
    assert (ROOT / document).parent.joinpath(link).exists()


def test_every_page_is_reached_from_the_readme() -> None:
    end = README.partition("\n## Read on\n")[2]
    assert [page for page in PAGES if f"({page})" not in end] == []


def test_folders_that_contributors_are_sent_to_exist() -> None:
    named = [span for span in code(TEXTS["CONTRIBUTING.md"]) if re.fullmatch(r"[a-z_]+/", span)]
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).is_dir()] == []


def imported(folder: Path) -> set[str]:
    """The packages of this repository that a package's modules name, itself left out."""
    trees = [ast.parse(path.read_text()) for path in folder.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {name.partition(".")[0] for name in names} & PACKAGES - {folder.name}


def test_a_package_imports_what_contributors_are_told() -> None:
    told = dict(re.findall(r"^\| `([a-z_]+)/` \|.*\| (.*) \|$", TEXTS["CONTRIBUTING.md"], re.MULTILINE))
    assert told.keys() == PACKAGES - {"tests"}
    more = {name: imported(ROOT / name) - set(re.findall(r"`(\w+)`", cell)) for name, cell in told.items()}
    assert {name: found for name, found in more.items() if found} == {}


def test_contributors_are_told_every_marker_and_where_types_are_strict() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    markers = {marker.partition(":")[0] for marker in tools["pytest"]["ini_options"]["markers"]}
    [strict] = [one["module"] for one in tools["mypy"]["overrides"] if one.get("strict")]
    folders = {f"{module.removesuffix('.*')}/" for module in strict}
    assert markers <= set(code(TEXTS["CONTRIBUTING.md"]))
    [told] = re.findall(r"\(strict on ([^)]+)\)", TEXTS["CONTRIBUTING.md"])
    assert set(re.findall(r"`([^`]+)`", told)) == folders


def test_the_choices_are_those_that_make_up_knows() -> None:
    [engines] = re.findall(r"`APPLY=([a-z|-]+)`", README)
    [charts] = re.findall(r"`CHART=([a-z|-]+)`", README)
    assert engines.split("|") == [*get_args(engine.Engine)]
    assert charts.split("|") == [*get_args(engine.ChartKind)]


def test_the_requirements_are_those_that_are_checked() -> None:
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pulumi = next(Requirement(line) for line in lines if line.startswith("pulumi=="))
    [pinned] = pulumi.specifier
    assert f"Python ≥ {python.removeprefix('>=')}" in README
    assert f"Go ≥ {'.'.join(map(str, preflight.GO_MINIMUM))}" in README
    assert f"Pulumi CLI ≥ {pinned.version.rpartition('.')[0]}" in README


def test_the_settings_of_an_own_cluster_are_settings() -> None:
    """What ``pulumi config set`` makes of them is walked through in tests/platform/test_own_stack.py."""
    [steps] = [block for block in blocks("sh") if "pulumi stack init" in block]
    given = read_stack_file(ROOT / "Pulumi.dev.yaml")
    for key, value in re.findall(r"^pulumi config set (?:--path )?([\w.]+) ([\w.-]+)", steps, re.MULTILINE):
        first, _, second = key.partition(".")
        given[first] = {**given.get(first, {}), second: value} if second else value  # type: ignore[dict-item]
    log_in = dict.fromkeys(re.findall(r"registryCredentials\[0\]\.(\w+)", steps), "ghcr.io")
    settings = parse({**given, "registryCredentials": [log_in]}, "Pulumi.team.yaml")
    assert (settings.name, settings.kubernetes.context, settings.images.builder) == ("team", "kind-team", "default")
    assert (settings.registry.server, settings.registry.owner) == ("ghcr.io", "acme")


def test_no_secret_is_typed_into_a_command_line() -> None:
    [line] = [line for block in blocks("sh") for line in block.splitlines() if ".password'" in line]
    assert line.partition("#")[0].rstrip().endswith(".password'")


def written(root: Path) -> Path:
    """The files of the README's examples, on the repository's own base; the lock is made by hand."""
    [dockerfile], [pyproject] = blocks("dockerfile"), blocks("toml")
    [dag], [task] = blocks("yaml"), blocks("python")
    shutil.copytree(ROOT / "images" / "bases" / "task", root / "images" / "bases" / "task")
    project = tomllib.loads(pyproject)["project"]
    requirements = Requirements(tuple(project["dependencies"]), project["requires-python"])
    pins = [f"{pin} --hash=sha256:{number:064}" for number, pin in enumerate(project["dependencies"])]
    for path, content in {
        "images/geo/Dockerfile": dockerfile,
        "images/geo/pyproject.toml": pyproject,
        "images/geo/requirements.lock": with_header(requirements, "\n".join([*pins, ""])),
        "dags/parcels.yaml": dag,
        "dags/parcels/measure.py": task,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return root


def test_the_examples_are_an_image_and_a_dag(tmp_path: Path) -> None:
    root = written(tmp_path)
    images = images_of(root, tmp_path / "contexts")
    geo, known = images["geo"], catalog_of(images.values(), PLATFORM)
    [parcels] = load_dags(root / "dags", known)
    assert (geo.profile, geo.reference.partition(":")[0]) == ("task", "ghcr.io/acme/pipeline-geo")
    [measure] = parcels.dag.tasks.values()
    assert parcels.dag.image_of("measure") == "geo"
    module, function = measure.entry.split(":")
    tree = ast.parse((root / "dags/parcels" / f"{module}.py").read_text())
    [defined] = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == function]
    assert [argument.arg for argument in defined.args.args] == [*measure.arguments]
    files = published_tree((parcels,), known, root / "dags").files
    compile(files["parcels.py"], "parcels.py", "exec")
    assert geo.reference in files["parcels.py"].decode()


def test_an_image_holds_nothing_of_the_moment_it_was_built_in() -> None:
    """pip's cache, which lies in the home folder, keeps the hour of each download."""
    for line in blocks("dockerfile")[0].split("\n"):
        assert "pip install" not in line or "--no-cache-dir" in line
