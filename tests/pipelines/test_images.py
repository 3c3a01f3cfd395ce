"""Image folders as records: keys, references, and everything that is refused."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import jsonschema
import pytest

from pipelines.content_key import tag
from pipelines.errors import InputError
from pipelines.images import AirflowVersion, in_use, load_images
from pipelines.json_schemas import SCHEMAS, schema_text
from pipelines.lock_header import Requirements, with_header
from tests.pipelines.trees import AIRFLOW, FIXTURE, REPOSITORY, catalog, copy_tree, edit, images_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tree(tmp_path):
    return copy_tree(tmp_path / "tree")


def test_records():
    images = images_of(FIXTURE)
    assert list(images) == ["bases/slim", "letters", "warehouse"]
    letters, slim = images["letters"], images["bases/slim"]
    assert (letters.profile, letters.base, letters.upstream) == ("task", "bases/slim", None)
    assert (slim.profile, slim.base, slim.upstream) == ("base", None, "python:3.13-slim-trixie")
    assert letters.reference == f"ghcr.io/acme/pipeline-letters:{tag('0.1.0', letters.key)}"
    assert slim.reference == f"ghcr.io/acme/pipeline-bases-slim:{tag('1.0.0', slim.key)}"
    assert letters.context == Path("build/contexts/letters")
    assert letters.build_arguments == {"ALPHABET": "latin"}
    assert all(len(image.key) == 64 for image in images.values())


def stand_on(folder: Path, base: str) -> None:
    upstream = "python:3.13-slim-trixie"
    edit(folder / "pyproject.toml", f'upstream = "{upstream}"', f'base = "{base}"')
    edit(folder / "Dockerfile", upstream, f"de-airflow-pipeline-{base.replace('/', '-')}:1.0.0")


def test_bases_come_first(tree):
    for name, base in (("zebra", "bases/slim"), ("aardvark", "bases/zebra")):
        shutil.copytree(tree / "images/bases/slim", tree / "images/bases" / name)
        stand_on(tree / "images/bases" / name, base)
    edit(tree / "images/letters/pyproject.toml", "bases/slim", "bases/aardvark")
    edit(tree / "images/letters/Dockerfile", "bases-slim", "bases-aardvark")
    assert list(images_of(tree))[:4] == ["bases/slim", "bases/zebra", "bases/aardvark", "letters"]


def changed(tree: Path) -> set[str]:
    before = images_of(FIXTURE)
    return {name for name, image in images_of(tree).items() if image.key != before[name].key}


def test_a_base_on_which_nothing_stands_is_not_in_use(tree):
    everything = (*images_of(tree).values(),)
    assert in_use(everything) == everything
    types = [image for image in everything if image.dag_types]
    first, others = types[0], {image.name for image in types[1:]}
    kept = {image.name for image in in_use([image for image in everything if image.name not in others])}
    assert kept == {first.name, first.base}


def test_the_place_and_the_registry_do_not_matter(tree):
    assert changed(tree) == set()
    elsewhere = load_images(tree / "images", type(REPOSITORY)("localhost:5000", "me", "x"), AIRFLOW)
    assert {image.name: image.key for image in elsewhere} == {name: one.key for name, one in images_of(tree).items()}


def test_a_changed_file_changes_one_key(tree):
    (tree / "images/letters/alphabet.txt").write_text("abd\n")
    assert changed(tree) == {"letters"}


def test_an_ignored_file_changes_no_key(tree):
    (tree / "images/letters/notes.md").write_text("Other notes.\n")
    (tree / "images/letters/.dockerignore").write_text("# comment\nnotes.md\n")
    assert changed(tree) == set()


def test_a_base_changes_what_stands_on_it(tree):
    (tree / "images/bases/slim/Dockerfile").open("a").write("ENV A=1\n")
    assert changed(tree) == {"bases/slim", "letters"}


def test_an_upstream_changes_what_stands_on_it(tree):
    edit(tree / "images/bases/slim/pyproject.toml", "slim-trixie", "slim-bookworm")
    edit(tree / "images/bases/slim/Dockerfile", "slim-trixie", "slim-bookworm")
    assert changed(tree) == {"bases/slim", "letters"}


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("letters", '"latin"', '"greek"'),
        ("letters", "ALPHABET", "LETTERS"),
        ("warehouse", "[tool.dag-image]", '[tool.dag-image]\nplatforms = ["linux/arm64"]'),
    ],
)
def test_the_table_counts(tree, name, before, after):
    edit(tree / f"images/{name}/pyproject.toml", before, after)
    assert changed(tree) == {name}


def test_keys_are_of_what_is_staged(tree, tmp_path):
    staged = images_of(tree, tmp_path / "contexts")
    assert {name: image.key for name, image in staged.items()} == {
        name: image.key for name, image in images_of(tree).items()
    }
    assert sorted(path.name for path in (tmp_path / "contexts/letters").iterdir()) == [
        "Dockerfile",
        "alphabet.txt",
        "pyproject.toml",
        "requirements.lock",
    ]


def test_no_folder_is_no_image(tmp_path):
    assert load_images(tmp_path / "images", REPOSITORY, AIRFLOW) == ()


def relock(folder: Path, pins: list[str], lines: str) -> None:
    folder.joinpath("requirements.lock").write_text(with_header(Requirements(tuple(pins), "==3.13.*"), lines))


def pin(folder: Path, *pins: str) -> None:
    """Give a folder without dependencies these, and a lock that fits."""
    listed = ", ".join(f'"{one}"' for one in pins)
    edit(folder / "pyproject.toml", "[tool", f"dependencies = [{listed}]\n\n[tool")
    relock(folder, list(pins), "".join(f"{one} --hash=sha256:{'0' * 64}\n" for one in pins))


def table(folder: Path, line: str) -> None:
    """Add a line to the image's table."""
    edit(folder / "pyproject.toml", "[tool.dag-image]\n", f"[tool.dag-image]\n{line}\n")


def broken(tree: Path, airflow: AirflowVersion = AIRFLOW) -> list[str]:
    with pytest.raises(InputError) as raised:
        load_images(tree / "images", REPOSITORY, airflow, tree / "build")
    assert not (tree / "build").exists()
    return [f"{one.file} | {one.key} | {one.found} | {one.expected}" for one in raised.value.problems]


LETTERS, SLIM, WAREHOUSE = "images/letters", "images/bases/slim", "images/warehouse"
BAD = {
    "no lock": (
        lambda tree: (tree / LETTERS / "requirements.lock").unlink(),
        "images/letters/requirements.lock |  | no such file | a lock of the pins in pyproject.toml",
    ),
    "stale lock": (
        lambda tree: edit(tree / LETTERS / "pyproject.toml", "inflect==7.5.0", "inflect==7.5.1"),
        "images/letters/requirements.lock:5 | inflect | version 7.5.0 | version 7.5.1",
    ),
    "unpinned dependency": (
        lambda tree: edit(tree / LETTERS / "pyproject.toml", "inflect==7.5.0", "inflect>=7.5"),
        "images/letters/pyproject.toml | project.dependencies.0 | 'inflect>=7.5' | an exact pin: name==version",
    ),
    "wildcard pin": (
        lambda tree: edit(tree / LETTERS / "pyproject.toml", "inflect==7.5.0", "inflect==7.*"),
        "images/letters/pyproject.toml | project.dependencies.0 | 'inflect==7.*' | an exact pin: name==version",
    ),
    "dependency by address": (
        lambda tree: edit(tree / LETTERS / "pyproject.toml", "inflect==7.5.0", "inflect @ https://example.org/i.whl"),
        "images/letters/pyproject.toml | project.dependencies.0 | 'inflect @ https://example.org/i.whl' | an exact "
        "pin: name==version",
    ),
    "no dependency at all": (
        lambda tree: edit(tree / LETTERS / "pyproject.toml", "inflect==7.5.0", "-r other.txt"),
        "images/letters/pyproject.toml | project.dependencies.0 | '-r other.txt' | an exact pin: name==version",
    ),
    "Airflow in a task image": (
        lambda tree: edit(tree / LETTERS / "requirements.lock", "typeguard==", "apache-airflow-core=="),
        "images/letters/requirements.lock:13 | apache-airflow-core | version 4.6.0 | no Airflow: letters is a "
        "task image",
    ),
    "Airflow in a task image's base": (
        lambda tree: pin(tree / SLIM, "apache-airflow-task-sdk==1.2.2"),
        "images/bases/slim/requirements.lock:4 | apache-airflow-task-sdk | version 1.2.2 | no Airflow: letters is "
        "a task image",
    ),
    "task image on Airflow's": (
        lambda tree: edit(tree / SLIM / "pyproject.toml", "python:3.13-slim-trixie", "apache/airflow:3.2.2-python3.13"),
        "images/letters/pyproject.toml | tool.dag-image.base | apache/airflow:3.2.2-python3.13 | an image without "
        "Airflow: this is a task image",
    ),
    "worker image with another Airflow": (
        lambda tree: edit(tree / WAREHOUSE / "pyproject.toml", "3.2.2-", "3.2.1-"),
        "images/warehouse/pyproject.toml | tool.dag-image.upstream | apache/airflow:3.2.1-python3.13 | "
        "apache/airflow:3.2.2-python3.13, the Airflow and Python of the stack: this is a worker image",
    ),
    "worker image with another Python": (
        lambda tree: edit(tree / WAREHOUSE / "pyproject.toml", "python3.13", "python3.12"),
        "images/warehouse/pyproject.toml | tool.dag-image.upstream | apache/airflow:3.2.2-python3.12 | "
        "apache/airflow:3.2.2-python3.13, the Airflow and Python of the stack: this is a worker image",
    ),
    "worker image without Airflow": (
        lambda tree: edit(tree / WAREHOUSE / "pyproject.toml", "apache/airflow:3.2.2-python3.13", "python:3.13-slim"),
        "images/warehouse/pyproject.toml | tool.dag-image.upstream | python:3.13-slim | "
        "apache/airflow:3.2.2-python3.13, the Airflow and Python of the stack: this is a worker image",
    ),
    "worker image for another Python": (
        lambda tree: edit(tree / WAREHOUSE / "pyproject.toml", "==3.13.*", ">=3.14"),
        "images/warehouse/pyproject.toml | project.requires-python | '>=3.14' | a range that holds Python 3.13, which "
        "the stack runs",
    ),
    "task image for another Python than its base's": (
        lambda tree: edit(tree / LETTERS / "pyproject.toml", "==3.13.*", "==3.12.*"),
        "images/letters/pyproject.toml | project.requires-python | '==3.12.*' | a range that holds Python 3.13, which "
        "python:3.13-slim-trixie runs",
    ),
    "worker lock with another Airflow": (
        lambda tree: pin(tree / WAREHOUSE, "apache-airflow==3.2.1"),
        "images/warehouse/requirements.lock:4 | apache-airflow | version 3.2.1 | version 3.2.2, which the stack runs",
    ),
    "unknown base": (
        lambda tree: edit(tree / LETTERS / "pyproject.toml", "bases/slim", "bases/slum"),
        "images/letters/pyproject.toml | tool.dag-image.base | 'bases/slum' | one of bases/slim",
    ),
    "base that is none": (
        lambda tree: edit(tree / LETTERS / "pyproject.toml", "bases/slim", "warehouse"),
        "images/letters/pyproject.toml | tool.dag-image.base | 'warehouse' | one of bases/slim",
    ),
    "circle of bases": (
        lambda tree: edit(
            tree / SLIM / "pyproject.toml", 'upstream = "python:3.13-slim-trixie"', 'base = "bases/slim"'
        ),
        "images/bases/slim/pyproject.toml | tool.dag-image.base | bases/slim -> bases/slim | bases that end at an "
        "upstream image",
    ),
    "both base and upstream": (
        lambda tree: edit(tree / LETTERS / "pyproject.toml", "[tool.dag-image]", '[tool.dag-image]\nupstream = "a:1"'),
        "either base (a folder under images/) or upstream (an image), one of them",
    ),
    "latest": (
        lambda tree: edit(tree / SLIM / "pyproject.toml", "3.13-slim-trixie", "latest"),
        "images/bases/slim/pyproject.toml | tool.dag-image.upstream | 'python:latest' | an image with a tag other than "
        "latest",
    ),
    "no tag": (
        lambda tree: edit(tree / SLIM / "pyproject.toml", "python:3.13-slim-trixie", "localhost:5000/python"),
        "images/bases/slim/pyproject.toml | tool.dag-image.upstream | 'localhost:5000/python' | an image with a tag "
        "other than latest",
    ),
    "unknown profile": (
        lambda tree: edit(tree / LETTERS / "pyproject.toml", '"task"', '"tasks"'),
        "images/letters/pyproject.toml | tool.dag-image.profile | 'tasks' | one of task, worker, base",
    ),
    "profile base outside of bases": (
        lambda tree: edit(tree / LETTERS / "pyproject.toml", '"task"', '"base"'),
        "images/letters/pyproject.toml | tool.dag-image.profile | 'base' | 'base' for a folder in images/bases/, "
        "'task' or 'worker' elsewhere",
    ),
    "unknown key": (
        lambda tree: edit(tree / LETTERS / "pyproject.toml", "build-arguments", "build-argument"),
        "images/letters/pyproject.toml | tool.dag-image.build-argument | a key that nobody reads | one of profile, "
        "base, upstream, platforms, build-arguments, dag-types, smoke, smoke-network, system-packages, contexts, "
        "source-distributions",
    ),
    "name of another": (
        lambda tree: edit(tree / LETTERS / "pyproject.toml", 'name = "letters"', 'name = "digits"'),
        "images/letters/pyproject.toml | project.name | 'digits' | 'letters'",
    ),
    "name that is no repository": (
        lambda tree: (tree / LETTERS).rename(tree / "images/Letters_"),
        "images/Letters_ |  | an image named 'Letters_' | small letters, digits and single hyphens, at most 63, not "
        "bases, shared or bases-...",
    ),
    "no pyproject.toml": (
        lambda tree: (tree / LETTERS / "pyproject.toml").unlink(),
        "images/letters/pyproject.toml |  | no such file | [project] and [tool.dag-image]",
    ),
    "no TOML": (
        lambda tree: (tree / LETTERS / "pyproject.toml").write_text("[project"),
        "images/letters/pyproject.toml |  | Expected ']' at the end of a table declaration (at end of document) | TOML",
    ),
    "no Dockerfile": (
        lambda tree: (tree / LETTERS / "Dockerfile").unlink(),
        "images/letters/Dockerfile |  | no such file | ARG BASE_IMAGE, FROM ${BASE_IMAGE}",
    ),
    "Dockerfile on another image": (
        lambda tree: edit(tree / LETTERS / "Dockerfile", "FROM ${BASE_IMAGE}", "FROM python:3.13"),
        "images/letters/Dockerfile | FROM | python:3.13 | ${BASE_IMAGE} or an earlier stage",
    ),
    "Dockerfile that goes on after a comment": (
        lambda tree: edit(tree / LETTERS / "Dockerfile", "FROM ", "FROM \\\n  # from elsewhere\n  python:3.13\nFROM "),
        "images/letters/Dockerfile | FROM | python:3.13 | ${BASE_IMAGE} or an earlier stage",
    ),
    "Dockerfile that copies from another image": (
        lambda tree: edit(
            tree / LETTERS / "Dockerfile", "USER", "COPY --chown=1:1 --from=tools:latest /uv /bin/\nUSER"
        ),
        "images/letters/Dockerfile | COPY --from | tools:latest | ${BASE_IMAGE} or an earlier stage",
    ),
    "Dockerfile that mounts another image": (
        lambda tree: edit(
            tree / LETTERS / "Dockerfile", "USER", "RUN --mount=type=bind,from=tools:1,target=/t true\nUSER"
        ),
        "images/letters/Dockerfile | RUN --mount | tools:1 | ${BASE_IMAGE} or an earlier stage",
    ),
    "Dockerfile that another image reads": (
        lambda tree: edit(tree / LETTERS / "Dockerfile", "ARG BASE", "# syntax=docker/dockerfile:1\nARG BASE"),
        "images/letters/Dockerfile | syntax | docker/dockerfile:1 | the builder's own syntax",
    ),
    "build argument of the builder": (
        lambda tree: edit(tree / LETTERS / "pyproject.toml", "ALPHABET", "BUILDKIT_SYNTAX"),
        "images/letters/pyproject.toml | tool.dag-image.build-arguments.BUILDKIT_SYNTAX | 'BUILDKIT_SYNTAX' | the name",
    ),
    "no default for plain docker build": (
        lambda tree: edit(tree / LETTERS / "Dockerfile", "=de-airflow-pipeline-bases-slim:1.0.0", ""),
        "images/letters/Dockerfile | ARG BASE_IMAGE | no default | de-airflow-pipeline-bases-slim:1.0.0, as "
        "pyproject.toml says",
    ),
    "another default than the table's": (
        lambda tree: edit(tree / SLIM / "Dockerfile", "python:3.13-", "python:3.12-"),
        "images/bases/slim/Dockerfile | ARG BASE_IMAGE | python:3.12-slim-trixie | python:3.13-slim-trixie, as "
        "pyproject.toml says",
    ),
    "one DAG type, two folders": (
        lambda tree: table(tree / WAREHOUSE, 'dag-types = ["warehouse", "letters"]'),
        "images/letters/pyproject.toml | tool.dag-image.dag-types | 'letters', served by letters, warehouse | one "
        "image for each DAG type",
    ),
    "a DAG type twice": (
        lambda tree: table(tree / LETTERS, 'dag-types = ["a", "a"]'),
        "images/letters/pyproject.toml | tool.dag-image.dag-types | ['a', 'a'] | each at most once",
    ),
    "a DAG type of a base": (
        lambda tree: table(tree / SLIM, 'dag-types = ["a"]'),
        "no dag-types and no smoke for a base: no DAG runs in it",
    ),
    "a system package without a version": (
        lambda tree: table(tree / LETTERS, 'system-packages = ["jq"]'),
        "images/letters/pyproject.toml | tool.dag-image.system-packages.0 | 'jq' | a Debian package with its version",
    ),
    "a named context that is no folder": (
        lambda tree: table(tree / LETTERS, 'contexts = {sql = "shared/sql"}'),
        "images/letters/pyproject.toml | tool.dag-image.contexts.sql | no folder images/shared/sql | a folder below",
    ),
    "a named context elsewhere": (
        lambda tree: table(tree / LETTERS, 'contexts = {sql = "shared/../warehouse/sql"}'),
        "images/letters/pyproject.toml | tool.dag-image.contexts.sql | 'shared/../warehouse/sql' | a folder below",
    ),
    "a named context of the builder": (
        lambda tree: table(tree / LETTERS, 'contexts = {dockerfile = "shared/sql"}'),
        "images/letters/pyproject.toml | tool.dag-image.contexts.dockerfile | 'dockerfile' | small letters",
    ),
    "link out of the folder": (
        lambda tree: (tree / LETTERS / "link").symlink_to("/etc/passwd"),
        "images/letters/link |  | a link to /etc/passwd, outside of the image's folder | a file",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(tree, name):
    make, expected = BAD[name]
    make(tree)
    assert any(expected in problem for problem in broken(tree)), "\n".join(broken(tree))


def test_one_problem_hides_no_other(tree):
    (tree / LETTERS / "requirements.lock").unlink()
    edit(tree / WAREHOUSE / "pyproject.toml", "3.2.2-", "3.2.1-")
    (tree / SLIM / "Dockerfile").unlink()
    assert [problem.split(" | ")[0] for problem in broken(tree)] == [
        "images/bases/slim/Dockerfile",
        "images/letters/requirements.lock",
        "images/warehouse/pyproject.toml",
    ]


def test_a_broken_base_is_told_once(tree):
    (tree / SLIM / "pyproject.toml").write_text("[project]\n")
    assert {problem.split(" | ")[0] for problem in broken(tree)} == {"images/bases/slim/pyproject.toml"}


def test_a_long_circle_is_told_by_each_folder_in_it(tree):
    shutil.copytree(tree / SLIM, tree / "images/bases/thin")
    stand_on(tree / SLIM, "bases/thin")
    stand_on(tree / "images/bases/thin", "bases/slim")
    assert [problem.split(" | ")[2] for problem in broken(tree)] == [
        "bases/slim -> bases/thin -> bases/slim",
        "bases/thin -> bases/slim -> bases/thin",
    ]


ARG = "ARG BASE_IMAGE=de-airflow-pipeline-bases-slim:1.0.0\n"


@pytest.mark.parametrize(
    "dockerfile",
    [
        ARG + "FROM ${BASE_IMAGE} AS build\nRUN make\nFROM scratch AS files\nFROM ${BASE_IMAGE}\n",
        ARG + "from --platform=linux/amd64 $BASE_IMAGE as Build\nFROM build\n",
        ARG + "FROM \\\n  ${BASE_IMAGE}\n",
        ARG + "FROM ${BASE_IMAGE} AS Made\nFROM ${BASE_IMAGE}\nCOPY --from=made /a /b\nCOPY --from=0 /a /c\n"
        "RUN --mount=type=bind,from=made,target=/m --mount=type=cache,target=/c true\n# syntax=that is too late\n",
    ],
)
def test_dockerfiles_of_many_stages(tree, dockerfile):
    (tree / LETTERS / "Dockerfile").write_text(dockerfile)
    assert "letters" in images_of(tree)


def shared_folder(tree: Path) -> Path:
    folder = tree / "images/shared/sql"
    folder.mkdir(parents=True)
    (folder / "one.sql").write_text("select 1;\n")
    return folder


def test_one_image_may_serve_several_dag_types(tree):
    table(tree / LETTERS, 'dag-types = ["vowels", "consonants"]')
    assert images_of(tree)["letters"].dag_types == ("vowels", "consonants")
    found = catalog(tree).images
    assert sorted(found) == ["consonants", "vowels", "warehouse"]
    assert found["vowels"].reference == found["consonants"].reference == images_of(tree)["letters"].reference


@pytest.mark.parametrize(
    "line",
    [
        'dag-types = ["letters", "more"]',
        'smoke = ["true"]',
        "smoke-network = true",
        'system-packages = ["jq=1.7.1-6"]',
    ],
)
def test_the_table_counts_even_where_the_build_ignores_its_file(tree, line):
    (tree / LETTERS / ".dockerignore").write_text("pyproject.toml\n")
    before = images_of(tree)["letters"].key
    table(tree / LETTERS, line)
    assert images_of(tree)["letters"].key != before


def test_what_may_come_from_source_is_part_of_what_was_locked(tree):
    table(tree / LETTERS, 'source-distributions = ["inflect"]')
    [problem] = broken(tree)
    assert problem.startswith("images/letters/requirements.lock:1 | requirements-sha256 | a lock of other pins")


def test_a_named_context_is_staged_and_counts(tree, tmp_path):
    folder = shared_folder(tree)
    table(tree / LETTERS, 'contexts = {sql = "shared/sql"}')
    (tree / LETTERS / "Dockerfile").open("a").write("COPY --from=sql one.sql /\n")
    before = images_of(tree, tmp_path / "contexts")
    assert before["letters"].contexts == {"sql": Path("build/contexts/letters.contexts/sql")}
    assert (tmp_path / "contexts/letters.contexts/sql/one.sql").read_text() == "select 1;\n"
    assert {name: image.key for name, image in before.items()} == {
        name: image.key for name, image in images_of(tree).items()
    }
    (folder / "one.sql").write_text("select 2;\n")
    after = images_of(tree)
    assert {name for name, image in after.items() if image.key != before[name].key} == {"letters"}


def test_a_pinned_base_counts_and_is_what_is_built_on(tree):
    digests = {"python:3.13-slim-trixie": f"sha256:{'a' * 64}"}
    pinned = {image.name: image for image in load_images(tree / "images", REPOSITORY, AIRFLOW, None, digests)}
    assert pinned["bases/slim"].upstream == f"python:3.13-slim-trixie@sha256:{'a' * 64}"
    before = images_of(tree)
    assert {name for name in before if pinned[name].key != before[name].key} == {"bases/slim", "letters"}


def test_packages_are_those_of_the_bases_too(tree):
    own = images_of(tree)["letters"].packages
    pin(tree / SLIM, "certifi==2026.1.1")
    assert images_of(tree)["letters"].packages == {**own, "certifi": "2026.1.1"}


def test_the_alias_is_no_reference(tree):
    for image in images_of(tree).values():
        assert image.alias == image.reference.rpartition("-")[0]


@pytest.mark.parametrize("name", ["cost-of-living", "lakehouse", "bases/task"])
def test_the_schema_takes_what_the_program_takes(name):
    project = tomllib.loads((ROOT / "images" / name / "pyproject.toml").read_text())
    jsonschema.validate(project["tool"]["dag-image"], json.loads(schema_text(*SCHEMAS[Path("images/schema.json")])))
