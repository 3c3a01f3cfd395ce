"""The hash of a tree is of its content; the archive gives it back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_runtime import tree as runtime_tree
from pipelines.errors import InputError
from pipelines.file_tree import File, pack_files, read_tree, tree_hash

names = st.text("abé .-_", min_size=1, max_size=4).map(lambda name: f"n{name}")
trees = st.dictionaries(
    st.lists(names, min_size=1, max_size=3).map("/".join),
    st.builds(File, st.booleans(), st.binary(max_size=30)),
    max_size=5,
).filter(lambda tree: not any(other.startswith(f"{path}/") for path in tree for other in tree))


@given(trees)
def test_the_runtime_reads_it_alike(tree):
    assert runtime_tree.read_archive(pack_files(tree)) == tree
    assert runtime_tree.tree_hash(tree) == tree_hash(tree)


@given(trees, st.randoms())
def test_order_does_not_matter(tree, random):
    shuffled = dict(random.sample(list(tree.items()), len(tree)))
    assert tree_hash(shuffled) == tree_hash(tree)
    assert pack_files(shuffled) == pack_files(tree)


@given(trees, trees)
def test_other_content_has_another_hash(one, other):
    assert (tree_hash(one) == tree_hash(other)) is (one == other)


def test_links_are_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(InputError, match="a link would not be published"):
        read_tree(tmp_path, "dags/x")


def test_a_name_that_the_runtime_would_refuse_is_refused_here(tmp_path):
    (tmp_path / "a\\b.py").write_bytes(b"")
    with pytest.raises(InputError, match="a backslash in a name"):
        read_tree(tmp_path, "dags/x")
