"""What a publication holds."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import replace

import pytest

from airflow_runtime import tree as runtime_tree
from pipelines import dag_tree
from pipelines.dag_config import load_dags
from pipelines.dag_tree import MAXIMUM_BYTES, pack, published_tree
from pipelines.errors import InputError
from tests.pipelines.trees import FIXTURE, catalog, copy_tree, edit


@pytest.fixture
def root(tmp_path):
    return copy_tree(tmp_path / "tree")


def tree_of(root):
    known = catalog(root)
    return published_tree(load_dags(root / "dags", known), known, root / "dags")


def test_the_files():
    tree = tree_of(FIXTURE)
    assert list(tree.files) == [
        ".airflowignore",
        "by_hand.py",
        "images.json",
        "letters.py",
        "pod_templates/letters.yaml",
        "pod_templates/warehouse.yaml",
        "sources/letters/letters.py",
        "sources/warehouse/warehouse.py",
        "warehouse.py",
    ]
    assert tree.files["by_hand.py"] == (FIXTURE / "dags/by_hand.py").read_bytes()
    assert tree.files["images.json"].decode() == catalog().to_json()


def test_folders_are_put_together_and_a_task_may_have_its_own(tmp_path):
    root = copy_tree(tmp_path / "tree")
    for name, text in {"shared": "SAME = 1\n", "own": "def count(**words): ...\n"}.items():
        (root / "dags" / name).mkdir()
        (root / "dags" / name / f"{name}.py").write_text(text)
    edit(root / "dags/letters.yaml", "source: letters", "source: [letters, shared]")
    edit(root / "dags/letters.yaml", "letters:count\n", "own:count\n    source: [own, shared]\n")
    tree = tree_of(root)
    assert [path for path in tree.files if path.startswith("sources/letters")] == [
        "sources/letters.count/own.py",
        "sources/letters.count/shared.py",
        "sources/letters/letters.py",
        "sources/letters/shared.py",
    ]
    contents = {digest: set(runtime_tree.read_archive(packed)) for digest, packed in tree.sources.items()}
    text = tree.files["letters.py"].decode()
    named = [files for digest, files in contents.items() if f"sources/{digest}.tar.gz" in text]
    assert sorted(map(sorted, named)) == [["letters.py", "shared.py"], ["own.py", "shared.py"]]
    assert all(f"# source sha256:{digest}" in text for digest, files in contents.items() if files in named)


def test_one_folder_in_a_list_is_that_folder(tmp_path):
    root = copy_tree(tmp_path / "tree")
    edit(root / "dags/letters.yaml", "source: letters", "source: [letters]")
    assert tree_of(root).sources == tree_of(FIXTURE).sources


def test_the_runtime_reads_the_archive():
    tree = tree_of(FIXTURE)
    files = runtime_tree.read_archive(pack(tree))
    inner = {path.removeprefix("tree/"): file for path, file in files.items() if path.startswith("tree/")}
    assert runtime_tree.tree_hash(inner) == tree.version
    assert {path: file.content for path, file in inner.items()} == tree.files
    archives = {path: file.content for path, file in files.items() if path.startswith("sources/")}
    assert archives == {f"sources/{digest}.tar.gz": content for digest, content in tree.sources.items()}
    for digest, content in tree.sources.items():
        assert runtime_tree.tree_hash(runtime_tree.read_archive(content)) == digest


def test_each_generated_file_names_its_source():
    tree = tree_of(FIXTURE)
    [digest] = [one for one in tree.sources if f"sources/{one}.tar.gz" in tree.files["letters.py"].decode()]
    assert runtime_tree.read_archive(tree.sources[digest]).keys() == {"letters.py"}


def test_archive_and_version_are_the_same_from_another_place(root):
    for path in root.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    (root / "dags/letters/__pycache__").mkdir()
    (root / "dags/letters/__pycache__/letters.cpython-313.pyc").write_bytes(b"x")
    assert tree_of(root) == tree_of(FIXTURE)
    assert pack(tree_of(root)) == pack(tree_of(FIXTURE))


def test_the_archive_has_no_owner_and_no_time():
    with tarfile.open(fileobj=io.BytesIO(pack(tree_of(FIXTURE)))) as archive:
        members = archive.getmembers()
    assert {(one.uid, one.gid, one.uname, one.gname, one.mtime, one.mode) for one in members} == {
        (0, 0, "", "", 0, 0o644)
    }


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("dags/letters/letters.py", "def count(**words): ...\ndef tell(**words): ...\n"),
        ("dags/by_hand.py", "# another\n"),
        ("images/letters/alphabet.txt", "abd\n"),
    ],
)
def test_any_change_makes_another_version(root, path, text):
    (root / path).write_text(text)
    assert tree_of(root).version != tree_of(FIXTURE).version


def test_an_execute_bit_makes_another_version(root):
    (root / "dags/letters/letters.py").chmod(0o755)
    tree = tree_of(root)
    assert tree.executables == {"sources/letters/letters.py"}
    assert tree.version != tree_of(FIXTURE).version
    assert runtime_tree.read_archive(pack(tree))["tree/sources/letters/letters.py"].executable


def test_a_changed_source_changes_one_generated_file(root):
    (root / "dags/letters/letters.py").write_text("def count(**words): ...\ndef tell(**words): ...\n")
    before, after = tree_of(FIXTURE).files, tree_of(root).files
    assert {path for path in before if before[path] != after[path]} == {"letters.py", "sources/letters/letters.py"}


def test_a_folder_may_be_named_like_a_file(root):
    (root / "dags/x.py").mkdir()
    assert tree_of(root) == tree_of(FIXTURE)


def test_the_limits_are_those_of_the_runtime():
    assert dag_tree.MAXIMUM_FILES == runtime_tree.MAXIMUM_FILES
    assert dag_tree.MAXIMUM_UNPACKED_BYTES == runtime_tree.MAXIMUM_BYTES


def test_what_the_runtime_would_not_unpack_is_refused(monkeypatch):
    tree = tree_of(FIXTURE)
    archive = pack(tree)
    files, unpacked = len(tree.files) + len(tree.sources), len(gzip.decompress(archive))
    for known, packed in (("MAXIMUM_FILES", files), ("MAXIMUM_UNPACKED_BYTES", unpacked)):
        monkeypatch.setattr(dag_tree, known, packed)
    assert pack(tree) == archive
    for known, packed in (("MAXIMUM_FILES", files), ("MAXIMUM_UNPACKED_BYTES", unpacked)):
        monkeypatch.setattr(dag_tree, known, packed - 1)
    with pytest.raises(InputError) as raised:
        pack(tree)
    assert {(one.found, one.expected) for one in raised.value.problems} == {
        (f"{unpacked} bytes", f"at most {unpacked - 1} bytes, unpacked"),
        (f"{files} files", f"at most {files - 1} files: Airflow unpacks no more"),
    }


def test_too_large_is_refused():
    tree = tree_of(FIXTURE)
    large = bytes(byte for number in range(MAXIMUM_BYTES // 2) for byte in (number * number * 7919).to_bytes(8)[-3:])
    with pytest.raises(InputError, match=r"compressed: a publication is one ConfigMap") as raised:
        pack(replace(tree, files={**tree.files, "sources/letters/data.bin": large}))
    assert "the largest files are sources/letters/data.bin" in raised.value.problems[0].fix
