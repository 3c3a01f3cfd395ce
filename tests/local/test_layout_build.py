"""The commands by which images come into a layout, and that nothing of them pushes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from local import layout_build, probes
from local.layout_build import BuildFailedError, Request, buildctl, buildx
from local.machine import Machine
from local.oci_layout import Layout
from local.waiting import GaveUp
from pipelines.images import EXPORT
from tests.pipelines.trees import copy_tree, images_of

REQUEST = Request(
    "letters",
    "ghcr.io/acme/pipeline-letters:1.0-abc",
    Path("build/contexts/letters"),
    {"ALPHABET": "latin", "BASE_IMAGE": "ghcr.io/acme/pipeline-bases-slim:1"},
    ("linux/amd64", "linux/arm64"),
    {"sql": Path("build/contexts/letters.contexts/sql")},
    ("ghcr.io/acme/pipeline-bases-slim:1", f"sha256:{'a' * 64}"),
)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine.here({"HOME": str(tmp_path)})


def pairs(command: list[str], option: str) -> set[str]:
    return {value for name, value in pairwise(command) if name == option}


def test_buildctl_takes_all_of_a_request(machine: Machine) -> None:
    command = [*buildctl(REQUEST, machine, Layout(Path("/l")), Path("/m.json"))]
    assert pairs(command, "--oci-layout") == {"base=/l"}
    assert pairs(command, "--local") >= {"context=build/contexts/letters", "sql=build/contexts/letters.contexts/sql"}
    assert pairs(command, "--opt") >= {
        "build-arg:ALPHABET=latin",
        "context:sql=local:sql",
        f"context:ghcr.io/acme/pipeline-bases-slim:1=oci-layout://base@sha256:{'a' * 64}",
        "platform=linux/amd64,linux/arm64",
    }


def test_buildx_takes_all_of_a_request(machine: Machine) -> None:
    command = [*buildx(REQUEST, machine, Layout(Path("/l")), Path("/m.json"))]
    assert pairs(command, "--build-context") == {
        "sql=build/contexts/letters.contexts/sql",
        f"ghcr.io/acme/pipeline-bases-slim:1=oci-layout:///l:1@sha256:{'a' * 64}",
    }
    assert pairs(command, "--build-arg") >= {"ALPHABET=latin"}
    assert command[-1] == "build/contexts/letters"
    # An attestation in the image would change its digest with every build.
    assert {"--provenance=false", "--sbom=false"} <= {*command}


@pytest.mark.parametrize("command", [buildctl, buildx])
def test_layers_are_packed_as_the_stack_packs_them_and_nothing_is_pushed(command, machine: Machine) -> None:
    words = [*command(REQUEST, machine, Layout(Path("/l")), Path("/m.json"))]
    [output] = pairs(words, "--output")
    assert output.startswith('type=oci,tar=false,"dest=/l",')
    assert output.endswith(EXPORT.removeprefix("type=image,push=true,"))
    assert "push" not in " ".join(words)


def test_a_request_stands_on_the_base_of_the_layout(tmp_path: Path) -> None:
    images = images_of(copy_tree(tmp_path / "tree"))
    references = {name: image.reference for name, image in images.items()}
    request = layout_build.request_of(images["letters"], references, {"bases/slim": "sha256:1"})
    assert request.base == (references["bases/slim"], "sha256:1")
    assert request.arguments["BASE_IMAGE"] == references["bases/slim"]


def test_a_failed_build_is_told_with_its_step(machine: Machine, tmp_path: Path, monkeypatch) -> None:
    script = "echo '#4 [2/2] RUN false'; echo '#4 0.1 why'; echo '#4 ERROR: exit code: 1'; exit 1"
    monkeypatch.setitem(layout_build.COMMANDS, "buildctl", lambda *_: ["sh", "-c", script])
    heard: list[str] = []
    with pytest.raises(BuildFailedError) as caught:
        layout_build.build(REQUEST, "buildctl", machine, Layout(tmp_path / "layout"), heard.append, cached=False)
    assert heard == ["[2/2] RUN false"]
    assert str(caught.value) == (
        "the build of letters failed:\n  step    [2/2] RUN false\n  why\n  reason  exit code: 1"
    )


def test_without_a_builder_it_says_what_to_start(machine: Machine, monkeypatch) -> None:
    monkeypatch.setattr(probes, "socket_answers", lambda path: "nobody")
    monkeypatch.setattr(layout_build.shutil, "which", lambda name: None)
    with pytest.raises(GaveUp, match="neither the platform"):
        layout_build.choose(machine)


def test_a_builder_of_another_toolchain_is_told_by_name(machine: Machine, monkeypatch) -> None:
    monkeypatch.setattr(probes, "socket_answers", lambda path: None)
    with pytest.raises(GaveUp, match=r"another toolchain than this clone's.*make up"):
        layout_build.choose(machine)


def test_a_cache_is_taken_from_where_there_is_one(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = layout_build._cache("buildx", REQUEST, True)
    assert [word for word in first if word.startswith("--")] == ["--cache-to"]
    (tmp_path / "build/cache/letters").mkdir(parents=True)
    (tmp_path / "build/cache/letters/index.json").touch()
    assert [word for word in layout_build._cache("buildx", REQUEST, True) if word.startswith("--")] == [
        "--cache-from",
        "--cache-to",
    ]
    assert layout_build._cache("buildctl", REQUEST, False) == ()
