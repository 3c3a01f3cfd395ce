"""Docker's rules, by its own documentation's examples."""

from __future__ import annotations

import pytest

from pipelines.ignore_rules import IgnoreRules

CASES = [
    ("notes", "notes", True),
    ("notes", "notes/a.txt", True),
    ("notes", "deep/notes", False),
    ("/notes", "notes", True),
    ("notes/", "notes", True),
    ("./notes", "notes", True),
    ("*.md", "a.md", True),
    ("*.md", "deep/a.md", False),
    ("**/*.md", "deep/er/a.md", True),
    ("*/temp*", "one/temporary", True),
    ("*/temp*", "temporary", False),
    ("*/*/temp*", "one/two/temp", True),
    ("temp?", "tempa", True),
    ("temp?", "temp", False),
    ("[ab].txt", "a.txt", True),
    ("[^ab].txt", "a.txt", False),
    ("# notes", "notes", False),
    ("\n  \nnotes", "notes", True),
    ("  notes  ", "notes", True),
    ("*.md\n!README.md", "README.md", False),
    ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True),
    ("docs\n!docs/keep.txt", "docs/keep.txt", False),
    ("docs\n!docs/keep.txt", "docs/other.txt", True),
    ("*", "Dockerfile", False),
    ("*", "anything", True),
    ("", "a/__pycache__/b.cpython-313.pyc", True),
    ("", ".git/HEAD", True),
    ("", ".dockerignore", True),
    ("", "a/.dockerignore", False),
    ("!**/*.pyc", "a/b.pyc", False),
    (".", "a", False),
]


@pytest.mark.parametrize(("text", "path", "ignored"), CASES)
def test_rule(text, path, ignored):
    assert IgnoreRules(text).ignores(path) is ignored


def test_a_folder_is_looked_into_when_something_in_it_may_be_wanted():
    assert IgnoreRules("docs").prunes("docs")
    assert not IgnoreRules("docs\n!docs/keep.txt").prunes("docs")
