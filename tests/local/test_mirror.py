"""What decides whether a stand-in is built again, and the commands that build it."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some
from packaging.requirements import Requirement

from infra import mirrored_images
from infra.mirrored_images import of_others
from infra.settings import Tasks
from infra.settings_stores import MinioStore, PostgresDatabase
from local import toolchain
from local.machine import Machine
from local.mirror import AT_REQUEST, RECIPES, build, ensure_mirror, recipes, rootfs
from local.progress import Progress
from local.waiting import GaveUp
from pipelines.image_lock import parse_lock
from registry import stand_ins
from tests.infra import stacks

ROOT = Path(__file__).parents[2]
TOOLS = {"uv": "1", "minio": "a", "mc": "a", "statsd_exporter": "a", "python": "b"}
EVERY = (*RECIPES, *AT_REQUEST, recipes.ANACONDA)
FOLDERS = [recipe.folder for recipe in EVERY]


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recipes' files in a folder that a test may change."""
    target = tmp_path / "mirror"
    shutil.copytree(recipes.FOLDER, target, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(recipes, "FOLDER", target)
    monkeypatch.setattr(recipes, "SHARED", target / "shared")
    return target


def stands_on(folder: str) -> set[str]:
    """The recipe and all that are built on it."""
    found = {folder}
    for recipe in EVERY:
        if recipe.base in found:
            found.add(recipe.folder)
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {folder for folder in before if before[folder] != after[folder]}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_changed_recipe_re_keys_itself_and_what_stands_on_it(folder: str, copied: Path) -> None:
    before = recipes.keys("root", TOOLS, EVERY)
    with (copied / folder / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("\n")
    assert changed(before, recipes.keys("root", TOOLS, EVERY)) == stands_on(folder)


def test_another_root_file_system_or_shared_script_re_keys_all(copied: Path) -> None:
    before = recipes.keys("root", TOOLS, EVERY)
    assert changed(before, recipes.keys("other", TOOLS, EVERY)) == set(FOLDERS)
    (copied / "shared" / "STAND-IN.txt").write_text("other")
    assert changed(before, recipes.keys("root", TOOLS, EVERY)) == set(FOLDERS)


@pytest.mark.parametrize(
    ("tool", "folders"),
    [
        ("uv", {"airflow", "anaconda"}),
        ("minio", {"object-store"}),
        ("mc", {"object-store"}),
        ("statsd_exporter", {"statsd-exporter"}),
        ("python", {"anaconda"}),
    ],
)
def test_another_tool_re_keys_what_it_builds(tool: str, folders: set[str]) -> None:
    before = recipes.keys("root", TOOLS, EVERY)
    assert changed(before, recipes.keys("root", {**TOOLS, tool: "other"}, EVERY)) == folders


def test_each_recipe_says_in_its_dockerfile_what_it_stands_on() -> None:
    references = {recipe.folder: recipe.reference for recipe in EVERY}
    for recipe in EVERY:
        first = re.search(r"^FROM (\S+)", (recipe.path / "Dockerfile").read_text(), re.MULTILINE)
        assert first is not None
        assert first.group(1) == (references[recipe.base] if recipe.base else "scratch")


def test_every_upstream_image_that_the_dev_stack_needs_has_a_stand_in() -> None:
    named = {MinioStore().image, PostgresDatabase().image, Tasks().xcom_sidecar_image}
    projects = {path.parent: tomllib.loads(path.read_text()) for path in (ROOT / "images").rglob("pyproject.toml")}
    tables = {folder.relative_to(ROOT / "images"): project["tool"]["dag-image"] for folder, project in projects.items()}
    stood_on = {table.get("base") for table in tables.values()}
    # Of a base that nothing stands on no image is built.
    named |= {table["upstream"] for name, table in tables.items() if "upstream" in table and str(name) in stood_on}
    assert named <= {recipe.reference for recipe in RECIPES}


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_every_image_of_others_that_an_example_stack_runs_has_a_stand_in(stack: str) -> None:
    settings = stacks.dev() if stack == "dev" else stacks.example(stack)
    assert set(of_others(settings)) <= {recipe.reference for recipe in (*RECIPES, *AT_REQUEST)}


@pytest.mark.parametrize(
    ("images", "folders", "programs"),
    [
        ((), set(), []),
        (("quay.io/prometheus/statsd-exporter:v0.30.0",), {"statsd-exporter"}, ["statsd_exporter"]),
        (
            [f"apache/airflow:{tag}" for tag in mirrored_images.PGBOUNCER_TAGS],
            {"pgbouncer", "pgbouncer-exporter"},
            [],
        ),
    ],
)
def test_what_a_stack_asks_for_is_built_besides(
    images: Sequence[str], folders: set[str], programs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    compiled: list[str] = []
    monkeypatch.setattr(build, "_ensure", lambda machine, progress, found: built.extend(one.folder for one in found))
    monkeypatch.setattr(
        toolchain, "ensure", lambda cache, progress, modules: compiled.extend(one.name for one in modules)
    )
    ensure_mirror(Machine.here(), Progress(), images)
    assert built == [recipe.folder for recipe in RECIPES] + [one.folder for one in AT_REQUEST if one.folder in folders]
    assert compiled == programs


def test_the_statsd_exporter_is_of_the_version_that_its_name_says() -> None:
    (module,) = toolchain.AT_REQUEST
    flags = toolchain.link_flags(module, (toolchain.SOURCES / module.name / "go.mod").read_text())
    version = next(one for one in AT_REQUEST if one.folder == "statsd-exporter").reference.rpartition(":")[2]
    assert f"-X=github.com/prometheus/common/version.Version={version}" in flags


def test_one_that_no_platform_needs_is_none_of_its_recipes() -> None:
    """It would be built by every first `make up`."""
    assert recipes.ANACONDA not in RECIPES
    assert not set(AT_REQUEST) & set(RECIPES)
    assert recipes.keys("root", {"uv": "1", "minio": "a", "mc": "a"}).keys() == {recipe.folder for recipe in RECIPES}


@pytest.mark.parametrize("name", ["airflow", "anaconda"])
def test_a_lock_pins_what_is_asked_for(name: str) -> None:
    folder = recipes.FOLDER / name
    lock = parse_lock((folder / "requirements.lock").read_text())
    assert not lock.unreadable
    for line in (folder / "requirements.in").read_text().splitlines():
        wanted = Requirement(line)
        package = lock.package(wanted.name)
        assert package is not None
        assert wanted.specifier.contains(package.version)
    assert all(package.version and package.hashes for package in lock.packages)


def test_the_airflow_stand_in_has_the_version_that_its_name_says() -> None:
    folder = recipes.FOLDER / "airflow"
    lock = parse_lock((folder / "requirements.lock").read_text())
    core, named = lock.package("apache-airflow-core"), (folder / "Dockerfile").read_text()
    assert core is not None
    assert f"AIRFLOW_VERSION={core.version}" in named
    assert f":{core.version}-" in next(recipe.reference for recipe in RECIPES if recipe.folder == "airflow")


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_committed_names_a_host(folder: str) -> None:
    for file in (recipes.FOLDER / folder).iterdir():
        assert not re.search(r"https?://|\.(org|com|io)/", file.read_text()), file


def test_sources_are_those_of_this_machine_for_the_newer_suite() -> None:
    targets = """\
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm contrib
http://mirror.example/debian/ bookworm-updates main
http://mirror.example/debian/ bookworm-backports main
https://secure.example/debian-security/ bookworm-security main
https://other.example/node_20.x/ nodistro main
"""
    assert rootfs.apt_sources(targets) == (
        "deb http://mirror.example/debian trixie main",
        "deb http://mirror.example/debian trixie-updates main",
        "deb https://secure.example/debian-security trixie-security main",
    )


def test_a_machine_without_a_debian_mirror_is_refused() -> None:
    with pytest.raises(GaveUp, match="no Debian mirror"):
        rootfs.apt_sources("http://mirror.example/ubuntu/ noble main\n")


def test_proxies_are_kept_and_nothing_else() -> None:
    dump = 'Acquire::http::Proxy "http://proxy.example:3128";\nAcquire::Retries "3";\nAcquire::https::Proxy "";\n'
    assert rootfs.apt_proxies(dump) == ('Acquire::http::Proxy "http://proxy.example:3128";',)


def certificate(body: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----"


@given(some.sets(some.text("AB+/", min_size=1)), some.sets(some.text("AB+/", min_size=1)))
def test_only_certificates_that_debian_does_not_ship_are_taken(shipped: set[str], own: set[str]) -> None:
    bundle = "\n".join(certificate(body) for body in sorted(shipped | own))
    found = rootfs.own_certificates(bundle, [certificate(body) for body in shipped])
    assert found == tuple(sorted(certificate(body) for body in own - shipped))


def test_an_index_with_a_password_never_reaches_an_image(tmp_path: Path) -> None:
    assert rootfs.package_index({"HOME": str(tmp_path), "PIP_INDEX_URL": "https://index.example/simple"})
    with pytest.raises(GaveUp, match="password") as caught:
        rootfs.package_index({"HOME": str(tmp_path), "PIP_INDEX_URL": "https://me:hunter2@index.example/simple"})
    assert "hunter2" not in str(caught.value)


def test_every_user_of_a_build_can_read_what_it_is_given(
    tmp_path: Path, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow's packages are installed as Airflow's user, by scripts and from a lock that are a clone's."""
    for path in copied.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    monkeypatch.setattr(build, "FOLDER", copied)
    target = tmp_path / "staged"
    build.stage(target)
    assert {path.stat().st_mode & 0o777 for path in target.rglob("*") if path.is_dir()} == {0o755}
    for name, mode in {"shared/compile-bytecode": 0o755, "uv/uv": 0o755, "airflow/requirements.lock": 0o644}.items():
        assert (target / name).stat().st_mode & 0o777 == mode
    recipe = next(recipe for recipe in RECIPES if recipe.folder == "airflow")
    work = build.Work(Machine.here({"HOME": str(tmp_path)}), {"airflow": "0123"}, tmp_path / "rootfs.tar", target)
    given = [
        word.partition("=")[2]
        for word in build.command(work, recipe)
        if word.startswith(("shared=", "uv=", "context="))
    ]
    assert given == [str(target / name) for name in ("airflow", "shared", "uv")]


LOG_INS = ("http://me:hunter2@host.example", "http://hunter2@host.example:3128/")


@pytest.mark.parametrize("url", LOG_INS)
def test_a_log_in_of_apt_never_reaches_an_image(url: str) -> None:
    with pytest.raises(GaveUp, match=r"apt source holds .*password") as source:
        rootfs.apt_sources(f"{url.rstrip('/')}/debian bookworm main\n")
    with pytest.raises(GaveUp, match=r"apt's proxy holds .*password") as proxy:
        rootfs.apt_proxies(f'Acquire::http::Proxy "{url}";\n')
    assert "hunter2" not in f"{source.value} {proxy.value}"
    elsewhere = f"{url.rstrip('/')}/node nodistro main\nhttp://mirror.example/debian bookworm main\n"
    assert rootfs.apt_sources(elsewhere) == ("deb http://mirror.example/debian trixie main",)


@pytest.mark.parametrize("url", [*LOG_INS, "me:hunter2@host.example:3128"])
def test_a_log_in_of_a_proxy_never_reaches_a_command_line(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = build.Work(Machine.here({"HOME": str(tmp_path)}), {"postgres": "0123"}, tmp_path / "rootfs.tar", tmp_path)
    recipe = next(recipe for recipe in RECIPES if recipe.folder == "postgres")
    for name in build.PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://host.example:3128/a@b")
    assert "build-arg:https_proxy=http://host.example:3128/a@b" in list(build.command(work, recipe))
    monkeypatch.setenv("https_proxy", url)
    with pytest.raises(GaveUp, match=r"https_proxy holds .*password") as caught:
        list(build.command(work, recipe))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"sources": ("deb http://other.example/debian trixie main",)},
        {"proxies": ("Acquire::http::Proxy x;",)},
        {"certificates": ("x",)},
        {"index": "https://index.example"},
    ],
)
def test_each_of_the_surroundings_is_in_the_key(change: dict[str, object]) -> None:
    before = rootfs.Surroundings(("deb http://mirror.example/debian trixie main",))
    assert dataclasses.replace(before, **change).key() != before.key()


def test_certificates_are_laid_over_the_root_file_system(tmp_path: Path) -> None:
    found = rootfs.Surroundings(("deb http://mirror.example/debian trixie main",), certificates=("one", "two"))
    rootfs.write_overlay(tmp_path, found)
    written = sorted(path.read_text() for path in (tmp_path / "usr/local/share/ca-certificates").iterdir())
    assert written == ["one\n", "two\n"]
    assert not (tmp_path / "etc").exists()
    command = rootfs.mmdebstrap(tmp_path / "root.tar", tmp_path, found)
    assert command[-3:] == ["trixie", str(tmp_path / "root.tar"), *found.sources]


def test_what_is_laid_over_is_readable_for_all_whatever_the_umask(tmp_path: Path) -> None:
    found = rootfs.Surroundings((), certificates=("one",), index="https://index.example")
    before = os.umask(0o077)
    try:
        rootfs.write_overlay(tmp_path / "overlay", found)
    finally:
        os.umask(before)
    for name in ("usr/local/share/ca-certificates/machine-0.crt", "etc/pip.conf", "etc/uv", "etc/uv/uv.toml"):
        mode = (tmp_path / "overlay" / name).stat().st_mode
        assert mode & 0o044 == 0o044, name


def test_a_build_pushes_under_the_real_name_and_under_its_key(tmp_path: Path) -> None:
    machine = Machine.here({"HOME": str(tmp_path)})
    work = build.Work(machine, {"postgres": "0123"}, tmp_path / "rootfs.tar", tmp_path)
    recipe = next(recipe for recipe in RECIPES if recipe.folder == "postgres")
    command = list(build.command(work, recipe))
    repository = f"{machine.mirror}/docker.io/library/postgres"
    assert f'"name={repository}:17.10-trixie,{repository}:0123"' in command[-1]
    assert "label:io.de-airflow-pipeline.stand-in=true" in command


@pytest.mark.platform
def test_nothing_is_built_when_the_mirror_holds_everything(running: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_build", lambda *_: pytest.fail("a stand-in was built again"))
    ensure_mirror(running, Progress())


@pytest.mark.platform
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.folder)
def test_a_stand_in_says_that_it_is_one(running: Machine, recipe: recipes.Recipe) -> None:
    repository, _, tag = build.mirrored(running, recipe.reference).removeprefix(f"{running.mirror}/").rpartition(":")
    with httpx.Client(base_url=f"http://{running.mirror}/v2/{repository}", trust_env=False) as mirror:
        accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        manifest = mirror.get(f"manifests/{tag}", headers=accept).raise_for_status().json()
        configuration = mirror.get(f"blobs/{manifest['config']['digest']}").raise_for_status().json()
    assert configuration["config"]["Labels"][stand_ins.LABEL] == "true"
