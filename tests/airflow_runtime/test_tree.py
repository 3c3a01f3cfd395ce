import gzip
import io
import runpy
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_runtime import tree
from airflow_runtime.tree import BadArchive, File, pack, read_archive, read_tree, tree_hash, write_tree
from pipelines import file_tree

RUN_TASK = runpy.run_path(str(Path(__file__).parents[2] / "images/bases/task/run_task.py"))

names = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1, max_size=8).filter(
    lambda name: name not in {".", "..", "__pycache__"}
)
files = st.builds(File, st.booleans(), st.binary(max_size=64))
# A folder per file: no path can be both a file and a folder.
trees = st.dictionaries(st.tuples(names, names), files, max_size=6).map(
    lambda found: {f"d{folder}/f{name}": file for (folder, name), file in found.items()}
)


@given(trees)
def test_a_packed_tree_reads_back_and_keeps_its_hash(content):
    assert read_archive(pack(content)) == content
    assert tree_hash(dict(reversed(content.items()))) == tree_hash(content)


@given(trees, trees)
def test_only_equal_trees_have_equal_hashes(one, other):
    assert (tree_hash(one) == tree_hash(other)) == (one == other)


def test_the_execute_bit_and_the_border_between_name_and_content_count():
    plain = tree_hash({"ab": File(False, b"c")})
    assert plain != tree_hash({"ab": File(True, b"c")})
    assert plain != tree_hash({"a": File(False, b"bc")})


def test_the_hash_is_the_one_that_versions_in_buckets_have():
    # printf 'de-airflow-pipeline tree 1\n- 4 5\na.pyhellox 3 0\nb/c' | sha256sum
    expected = "3c7472d293ca4e8f7cd67f821d77602392e37f21d54717b1eb02595ca7adb472"
    assert tree_hash({"b/c": File(True, b""), "a.py": File(False, b"hello")}) == expected


@given(trees)
def test_what_packs_and_what_runs_follow_the_same_rule(content):
    assert file_tree.tree_hash(content) == tree_hash(content) == RUN_TASK["tree_hash"](content)
    assert (
        read_archive(file_tree.pack_files(content)) == content == RUN_TASK["read_archive"](pack(content), "an archive")
    )


def test_a_written_tree_reads_back_without_the_bytecode_that_importing_left(tmp_path):
    content = {"a.py": File(False, b"x = 1\n"), "bin/run": File(True, b"#!/bin/sh\n"), "ä/b.txt": File(False, b"")}
    write_tree(content, tmp_path / "tree")
    (tmp_path / "tree" / "__pycache__").mkdir()
    (tmp_path / "tree" / "__pycache__" / "a.cpython-313.pyc").write_bytes(b"")
    assert read_tree(tmp_path / "tree") == content


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as writer:
        for member, content in members:
            member.size = len(content)
            writer.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def regular(name: str, content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), content


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([regular("../escape")], "plain relative path"),
        ([regular("a/../../escape")], "plain relative path"),
        ([regular("/etc/passwd")], "plain relative path"),
        ([regular("a//b")], "plain relative path"),
        ([regular("./a")], "plain relative path"),
        ([regular("a\\b")], "plain relative path"),
        ([special("link", tarfile.SYMTYPE, "/etc/passwd")], "neither a plain file nor a folder"),
        ([regular("a"), special("hard", tarfile.LNKTYPE, "a")], "neither a plain file nor a folder"),
        ([special("pipe", tarfile.FIFOTYPE)], "neither a plain file nor a folder"),
        ([special("device", tarfile.CHRTYPE)], "neither a plain file nor a folder"),
        ([regular("a"), regular("a", b"other")], "there twice"),
        ([regular("a"), regular("a/b")], "both a file and a folder"),
        ([regular("__pycache__/a.pyc")], "bytecode"),
    ],
)
def test_what_no_published_tree_holds_is_refused(members, reason):
    with pytest.raises(BadArchive, match=reason):
        read_archive(archive(*members))


def sparse(size: int) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo("a")
    member.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(size), "GNU.sparse.name": "a"}
    return member, b""


def test_a_file_of_holes_is_refused_before_it_fills_the_memory():
    with pytest.raises(BadArchive, match="neither a plain file nor a folder"):
        read_archive(archive(sparse(1 << 50)))


def test_a_size_beyond_all_reading_is_damage():
    name, size = b"a".ljust(124, b"\0"), b"\x80" + b"\x7f" * 11
    header = name + size + b"\0" * 12 + b" " * 8 + b"0".ljust(356, b"\0")
    summed = header[:148] + b"%06o\0 " % sum(header) + header[156:]
    with pytest.raises(BadArchive):
        read_archive(gzip.compress(summed + bytes(1024)))


def test_folders_are_no_content():
    assert read_archive(archive(special("a", tarfile.DIRTYPE), regular("a/b"))) == {"a/b": File(False, b"x")}


@pytest.mark.parametrize("data", [b"", b"no gzip", gzip.compress(b"no tar at all" * 100, mtime=0)])
def test_damage_is_refused(data):
    with pytest.raises(BadArchive):
        read_archive(data)


@given(st.integers(min_value=1, max_value=200))
def test_an_archive_that_was_cut_is_refused(missing):
    whole = pack({"a.py": File(False, bytes(range(256)) * 4)})
    with pytest.raises(BadArchive):
        read_archive(whole[: -min(missing, len(whole))])


def test_an_archive_that_swells_is_refused_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr(tree, "MAXIMUM_BYTES", 100_000)
    with pytest.raises(BadArchive, match="more than 100000 bytes"):
        read_archive(pack({"a": File(False, bytes(1_000_000))}))


def test_too_many_files_are_refused(monkeypatch):
    monkeypatch.setattr(tree, "MAXIMUM_FILES", 3)
    with pytest.raises(BadArchive, match="more than 3 files"):
        read_archive(pack({f"{number}": File(False, b"") for number in range(4)}))
