"""The key depends on all that decides a build, and on nothing else."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipelines.content_key import Entry, Recipe, content_key, tag

names = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=8)
entries = st.lists(
    st.builds(Entry, names, st.sampled_from(["file", "executable", "link"]), st.binary(min_size=32, max_size=32)),
    unique_by=lambda entry: entry.path,
    max_size=6,
)
recipes = st.builds(
    Recipe,
    base=st.text(max_size=8),
    platforms=st.lists(names, max_size=3, unique=True).map(tuple),
    build_arguments=st.dictionaries(names, st.text(max_size=4), max_size=3),
    export=st.text(max_size=4),
    declared=st.text(max_size=4),
    contexts=st.dictionaries(names, entries.map(tuple), max_size=2),
)


@given(recipes, entries, st.randoms())
def test_order_does_not_matter(recipe, found, random):
    shuffled = random.sample(found, len(found))
    arguments = dict(random.sample(list(recipe.build_arguments.items()), len(recipe.build_arguments)))
    platforms = tuple(random.sample(recipe.platforms, len(recipe.platforms)))
    other = replace(recipe, build_arguments=arguments, platforms=platforms)
    assert content_key(recipe, found) == content_key(other, shuffled)


@given(recipes, entries, recipes, entries)
def test_two_contents_have_two_keys(recipe, found, other, others):
    same = (
        recipe.base == other.base
        and recipe.export == other.export
        and sorted(recipe.platforms) == sorted(other.platforms)
        and recipe.build_arguments == other.build_arguments
        and recipe.declared == other.declared
        and {name: sorted(files) for name, files in recipe.contexts.items()}
        == {name: sorted(files) for name, files in other.contexts.items()}
        and sorted(found) == sorted(others)
    )
    assert (content_key(recipe, found) == content_key(other, others)) is same


@given(recipes, entries, st.data())
def test_each_part_of_a_file_counts(recipe, found, data):
    entry = Entry("a", "file", b"0" * 32)
    rest = [other for other in found if other.path not in ("a", "b")]
    change = data.draw(st.sampled_from([{"path": "b"}, {"kind": "executable"}, {"content": b"1" * 32}]))
    assert content_key(recipe, [*rest, entry]) != content_key(recipe, [*rest, replace(entry, **change)])
    assert content_key(recipe, [*rest, entry]) != content_key(recipe, rest)


def test_fields_do_not_run_into_each_other():
    one = Recipe("x", (), {"ab": "c"}, "")
    assert content_key(one, ()) != content_key(replace(one, build_arguments={"a": "bc"}), ())
    assert content_key(Recipe("x", (), {}, "y"), ()) != content_key(Recipe("xexport", (), {}, ""), ())


def test_the_schema_of_the_key_is_kept():
    """A change of this value rebuilds every image of every user: it needs a reason, and a new schema number."""
    recipe = Recipe("python:3.13-slim-trixie", ("linux/amd64",), {"A": "1"}, "type=image")
    key = content_key(recipe, [Entry("Dockerfile", "file", b"0" * 32)])
    assert tag("1.0.0", key) == "1.0.0-58e987ca215b"
