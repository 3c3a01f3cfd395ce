"""What a build context holds, and when it is written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import image_staging
from pipelines.errors import InputError
from pipelines.image_staging import hashed, members, stage

names = st.text("abcXYZ .-_é", min_size=1, max_size=6).filter(lambda name: name.strip(".") == name and name != "")
trees = st.dictionaries(
    st.lists(names, min_size=1, max_size=3).map(lambda parts: "/".join(f"n{part}" for part in parts)),
    st.tuples(st.booleans(), st.binary(max_size=20)),
    min_size=1,
    max_size=6,
)


def write(folder: Path, tree: dict[str, tuple[bool, bytes]], *, mask: int = 0, time: int = 0) -> None:
    for path, (executable, content) in tree.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod((0o777 if executable else 0o666) & ~mask)
        if time:
            os.utime(file, (time, time))


def no_clash(tree: dict[str, tuple[bool, bytes]]) -> bool:
    return not any(other.startswith(f"{path}/") for path in tree for other in tree)


@pytest.mark.slow
@settings(max_examples=30)
@given(trees.filter(no_clash), st.sampled_from([0o022, 0o077, 0o027]), st.integers(1, 2**31 - 1), st.randoms())
def test_directory_mask_times_and_order_do_not_matter(tree, mask, time, random):
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        here, there = Path(one), Path(two) / "elsewhere" / "deep"
        write(here, tree, mask=0o022)
        write(there, dict(random.sample(list(tree.items()), len(tree))), mask=mask, time=time)
        (there / "empty" / "folder").mkdir(parents=True)
        assert hashed(here, members(here, "a")) == hashed(there, members(there, "b"))
        assert stage(there, members(there, "b"), Path(one) / "context") == hashed(there, members(there, "b"))


@settings(max_examples=30)
@given(trees.filter(no_clash), st.data())
def test_any_change_of_content_changes_the_entries(tree, data):
    path = data.draw(st.sampled_from(sorted(tree)))
    executable, content = tree[path]
    changed = data.draw(
        st.sampled_from(
            [
                {**tree, path: (not executable, content)},
                {**tree, path: (executable, content + b"!")},
                {**tree, "added": (False, b"")},
                {other: file for other, file in tree.items() if other != path},
            ]
        )
    )
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        write(Path(one), tree)
        write(Path(two), changed)
        assert hashed(Path(one), members(Path(one), "")) != hashed(Path(two), members(Path(two), ""))


@pytest.mark.slow
@settings(max_examples=30)
@given(trees.filter(no_clash), trees.filter(no_clash))
def test_a_context_becomes_what_the_folder_is(before, after):
    with TemporaryDirectory() as folder:
        source, context = Path(folder) / "source", Path(folder) / "context"
        for tree in (before, after):
            shutil.rmtree(source, ignore_errors=True)
            write(source, tree, mask=0o077)
            wanted = members(source, "")
            assert stage(source, wanted, context) == hashed(context, wanted)
            assert {path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file()} == set(tree)
            for path, (executable, content) in tree.items():
                assert (context / path).read_bytes() == content
                assert (context / path).stat().st_mode & 0o777 == (0o755 if executable else 0o644)
            assert all(path.stat().st_mode & 0o777 == 0o755 for path in context.rglob("*") if path.is_dir())


@pytest.fixture
def source(tmp_path):
    write(tmp_path / "source", {"Dockerfile": (False, b"FROM x"), "run": (True, b"#!"), "a/b": (False, b"c")})
    return tmp_path / "source"


def staged(source: Path) -> Path:
    stage(source, members(source, "images/x"), source.parent / "contexts" / "x")
    return source.parent / "contexts" / "x"


def test_an_unchanged_context_is_not_written(source):
    context = staged(source)
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in [context, *context.rglob("*")]}
    os.utime(source / "run", (1, 1))
    staged(source)
    assert before == {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in [context, *context.rglob("*")]}


@pytest.mark.parametrize(
    "meddle",
    [
        lambda context: (context / "run").write_bytes(b"!#"),
        lambda context: (context / "run").chmod(0o700),
        lambda context: (context / "more").write_bytes(b""),
        lambda context: (context / "a" / "b").unlink(),
        lambda context: (context / "Dockerfile").rename(context / "a" / "Dockerfile"),
    ],
)
def test_a_context_that_somebody_changed_is_written_again(source, meddle):
    context = staged(source)
    meddle(context)
    assert hashed(staged(source), members(source, "")) == hashed(source, members(source, ""))
    assert sorted(path.name for path in context.rglob("*")) == ["Dockerfile", "a", "b", "run"]


def test_an_interruption_leaves_the_old_context_and_no_half(source, monkeypatch):
    context = staged(source)
    (source / "run").write_bytes(b"new")

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(image_staging, "_copied", interrupted)
        with pytest.raises(KeyboardInterrupt):
            staged(source)
    assert (context / "run").read_bytes() == b"#!"
    assert (staged(source) / "run").read_bytes() == b"new"
    assert [path.name for path in context.parent.iterdir()] == ["x"]


def test_links_within_the_folder_are_kept(source):
    (source / "a" / "link").symlink_to("../run")
    assert (staged(source) / "a" / "link").readlink() == Path("../run")
    before = hashed(source, members(source, ""))
    (source / "a" / "link").unlink()
    (source / "a" / "link").symlink_to("../Dockerfile")
    assert hashed(source, members(source, "")) != before


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "../..", "b/../../.."])
def test_links_out_of_the_folder_are_refused(source, target):
    (source / "a" / "link").symlink_to(target)
    with pytest.raises(InputError, match="outside of the image's folder") as raised:
        members(source, "images/x")
    assert [problem.file for problem in raised.value.problems] == ["images/x/a/link"]


def test_what_is_neither_file_nor_link_is_refused_unless_ignored(source):
    os.mkfifo(source / "pipe")
    with pytest.raises(InputError, match="neither a file nor a link"):
        members(source, "images/x")
    (source / ".dockerignore").write_text("pipe\n")
    assert [member.path for member in members(source, "")] == ["Dockerfile", "a/b", "run"]


def test_names_that_are_not_utf8_are_refused(source):
    (Path(os.fsdecode(os.fsencode(source) + b"/\xff"))).write_bytes(b"")
    with pytest.raises(InputError, match="not UTF-8"):
        members(source, "images/x")
