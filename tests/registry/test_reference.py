import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.reference import Reference

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("busybox", Reference("docker.io", "library/busybox", "latest", None)),
        ("apache/airflow:3.2.2", Reference("docker.io", "apache/airflow", "3.2.2", None)),
        ("localhost:5000/local/x:1-a", Reference("localhost:5000", "local/x", "1-a", None)),
        ("localhost/x", Reference("localhost", "x", "latest", None)),
        (f"ghcr.io/o/x:1@{DIGEST}", Reference("ghcr.io", "o/x", "1", DIGEST)),
        (f"ghcr.io/o/x@{DIGEST}", Reference("ghcr.io", "o/x", None, DIGEST)),
    ],
)
def test_reference_is_read_as_docker_reads_it(text: str, expected: Reference) -> None:
    assert Reference.parse(text) == expected


@pytest.mark.parametrize("text", ["", "@" + DIGEST, "localhost:5000/", ":tag"])
def test_what_names_no_image_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no image reference"):
        Reference.parse(text)


component = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True)


@given(
    st.sampled_from(["localhost:5000", "ghcr.io", "registry.example:443"]),
    st.lists(component, min_size=1, max_size=4),
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,40}", fullmatch=True),
    st.sampled_from([None, DIGEST]),
)
def test_parts_survive_the_round_trip(server: str, path: list[str], tag: str, digest: str | None) -> None:
    repository = "/".join(path)
    text = f"{server}/{repository}:{tag}" + (f"@{digest}" if digest else "")
    assert Reference.parse(text) == Reference(server, repository, tag, digest)
