"""Layers upon each other: what is installed in the end, and secrets wherever they lie."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from local.layer_contents import contents, installed
from local.oci_layout import NAME
from pipelines.secret_findings import Finding
from tests.local.layouts import PACKED, blob, distribution, image

STATUS = b"""Package: jq
Status: install ok installed
Version: 1.7.1-6
Architecture: amd64

Package: gone
Status: deinstall ok config-files
Version: 1
Architecture: all
"""
COPYRIGHT = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nFiles: *\nLicense: Expat\n"


@pytest.mark.parametrize("packed", PACKED)
def test_upper_layers_replace_and_remove(tmp_path: Path, packed: str) -> None:
    layout, digest = image(
        tmp_path / "layout",
        [
            {**distribution("pandas", "3.0.0"), **distribution("six", "1.0"), **distribution("old", "1", "srv/python")},
            distribution("vendored", "1", "opt/site-packages/setuptools/_vendor"),
            {"opt/site-packages/.wh.pandas-3.0.0.dist-info": b"", **distribution("Pandas", "3.1.1")},
            {"srv/python/.wh..wh..opq": b"", **distribution("new", "2", "srv/python")},
            {"var/lib/dpkg/status": STATUS, "usr/share/doc/jq/copyright": COPYRIGHT},
        ],
        packed=packed,
    )
    found = installed([contents(layout, one, {}) for one in layout.image(digest).layers])
    assert [(one.name, one.version, one.licence) for one in found.distributions] == [
        ("new", "2", "MIT"),
        ("pandas", "3.1.1", "MIT"),
        ("six", "1.0", "MIT"),
    ]
    assert [(one.name, one.version, one.licence) for one in found.system] == [("jq", "1.7.1-6", "Expat")]


def test_a_secret_that_an_upper_layer_removes_is_still_found(tmp_path: Path) -> None:
    layout, digest = image(tmp_path / "layout", [{"opt/note": b"x hunter2hunter2 y"}, {"opt/.wh.note": b""}])
    known = {"the registry's password": b"hunter2hunter2"}
    layers = layout.image(digest).layers
    assert contents(layout, layers[0], known).findings == (Finding("opt/note", "the registry's password"),)
    # Kept, and asked again for other secrets.
    assert contents(layout, layers[0], known).findings != ()
    assert contents(layout, layers[0], {}).findings == ()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "layers").iterdir())
    assert b"hunter2" not in kept


def test_the_image_of_a_platform_is_found_behind_an_index(tmp_path: Path) -> None:
    layout, digest = image(tmp_path / "layout", [{"a": b"a"}])
    entry = {"digest": digest, "platform": {"os": "linux", "architecture": "arm64"}}
    document = {"mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]}
    index = blob(layout, json.dumps(document).encode())["digest"]
    assert layout.image(index, "linux/arm64").digest == digest
    with pytest.raises(KeyError):
        layout.image(index, "linux/amd64")


def test_an_archive_holds_one_image_by_its_name(tmp_path: Path) -> None:
    layout, digest = image(tmp_path / "layout", [{"a": b"a"}, {"a": b"a"}])
    image(tmp_path / "layout", [{"b": b"b"}])
    archive = io.BytesIO()
    layout.write_archive(layout.image(digest), "trial.local/a:1", archive)
    archive.seek(0)
    with tarfile.open(fileobj=archive) as opened:
        names = opened.getnames()
        index = json.load(opened.extractfile("index.json") or io.BytesIO())
    [manifest] = index["manifests"]
    assert (manifest["digest"], manifest["annotations"][NAME]) == (digest, "trial.local/a:1")
    # Manifest, configuration and one layer, which is there twice.
    assert len([name for name in names if name.startswith("blobs/")]) == 3
