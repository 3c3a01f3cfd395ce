from __future__ import annotations

from typing import Any

import pytest

from infra import airflow_backing
from infra.airflow_backing import Backing
from infra.mirrored_images import PGBOUNCER_TAGS, copy_of, of_others, original_of
from infra.settings_stores import Pool
from pipelines import releases
from pipelines.errors import InputError
from tests.infra import stacks

MIRROR = "ghcr.io/acme/mirror"
EXTERNAL = {"kind": "external", "host": "db.example.org", "password": "x", "pool": {}, "backup": {"enabled": True}}
BUSYBOX = f"{MIRROR}/docker.io/library/busybox:1.37.0-musl"


def with_mirror(**keys: Any) -> Any:
    return stacks.stack(images={"mirror": MIRROR}, airflow={"metrics": {}}, **keys)


def test_every_image_of_others_comes_from_the_mirror() -> None:
    settings = with_mirror()
    found = of_others(settings)
    assert found == (
        f"{MIRROR}/docker.io/apache/airflow:{releases.AIRFLOW}-python{releases.PYTHON}",
        BUSYBOX,
        f"{MIRROR}/docker.io/library/postgres:17.10-trixie",
        f"{MIRROR}/docker.io/pgsty/silo:RELEASE.2026-09-16T00-00-00Z",
        f"{MIRROR}/quay.io/prometheus/statsd-exporter:v0.30.0",
    )
    assert settings.tasks.xcom_sidecar_image == BUSYBOX


def test_without_a_mirror_nothing_changes() -> None:
    assert stacks.stack().airflow.image == releases.airflow_image()
    assert not any("ghcr.io" in image for image in of_others(stacks.stack()))


def test_a_pool_brings_its_own_images_along() -> None:
    found = of_others(with_mirror(database=EXTERNAL))
    assert {f"{MIRROR}/docker.io/apache/airflow:{tag}" for tag in PGBOUNCER_TAGS} <= set(found)
    values: dict[str, Any] = {"secret": [], "env": [], **{part: {} for part in airflow_backing.COMPONENTS}}
    own = airflow_backing.over(values, Backing(pool=Pool()))
    assert "images" not in own
    copied = airflow_backing.over(
        {**values, "images": {"statsd": {}}}, Backing(pool=Pool(), repository="ghcr.io/acme/mirror/airflow")
    )
    repository = {"repository": "ghcr.io/acme/mirror/airflow"}
    assert copied["images"] == {"statsd": {}, "pgbouncer": repository, "pgbouncerExporter": repository}


@pytest.mark.parametrize(
    ("reference", "copy"),
    [
        ("busybox:1.37.0-musl", BUSYBOX),
        ("quay.io/a/b:1", f"{MIRROR}/quay.io/a/b:1"),
        (f"a/b:1@sha256:{'0' * 64}", f"{MIRROR}/docker.io/a/b:1@sha256:{'0' * 64}"),
    ],
)
def test_a_copy_s_name_holds_the_whole_name_of_what_it_is_of(reference: str, copy: str) -> None:
    assert copy_of(MIRROR, reference) == copy
    assert copy_of(MIRROR, original_of(MIRROR, copy)) == copy


@pytest.mark.parametrize("mirror", ["acme/mirror", "ghcr.io", "https://ghcr.io/acme", "ghcr.io/acme/mirror:1"])
def test_what_is_no_place_for_copies_is_refused(mirror: str) -> None:
    with pytest.raises(InputError, match=r"images\.mirror"):
        stacks.stack(images={"mirror": mirror})
