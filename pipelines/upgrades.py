"""What becomes of a running stack when this checkout is deployed: what restarts, whether the database's schema moves,
which images are built, in what order; and whether an older one can be gone back to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pipelines.errors import Problem
from pipelines.images import Image
from pipelines.schema_heads import Schema, head_of, schema_for, versions_with

#: Every process of Airflow's that is always there.
COMPONENTS = ("api-server", "dag-processor", "scheduler", "triggerer")
NEWEST = "newest"
TABLE = "pipelines/schema_heads.py"


@dataclass(frozen=True)
class Running:
    """What a cluster runs: Airflow, its Python and its chart, None where nothing tells; the schema's revision, None
    where there is no schema; and the references that DAGs in service name, by DAG type."""

    airflow: str | None
    python: str | None
    chart: str | None
    revision: str | None
    images: Mapping[str, str]


@dataclass(frozen=True)
class Wanted:
    """What a checkout deploys; ``images`` stand bases first."""

    airflow: str
    python: str
    chart: str
    images: tuple[Image, ...]


@dataclass(frozen=True)
class Rebuilt:
    """An image that is not in service under this reference yet, and why not."""

    name: str
    reference: str
    why: str


@dataclass(frozen=True)
class UpgradePlan:
    """``changes`` are (what, from, to); ``restarts`` components of Airflow's; ``steps`` what happens, in order."""

    changes: tuple[tuple[str, str, str], ...]
    schema: Schema
    restarts: tuple[str, ...]
    rebuilt: tuple[Rebuilt, ...]
    steps: tuple[str, ...]

    @property
    def moves(self) -> bool:
        """Whether the database cannot be read by what runs now any more."""
        return self.schema == "moves"


def upgrade_plan(running: Running, wanted: Wanted, *, backup: bool) -> UpgradePlan:
    """What deploying ``wanted`` does; ``backup``: a dump goes before a migration."""
    changes = tuple(_changes(running, wanted))
    schema = schema_for(wanted.airflow, running.revision)
    restarts = COMPONENTS if any(what in ("Airflow", "Python", "chart") for what, _, _ in changes) else ()
    rebuilt = tuple(_rebuilt(running, wanted))
    steps = tuple(_steps(changes, schema, restarts, rebuilt, backup=backup))
    return UpgradePlan(changes, schema, restarts, rebuilt, steps)


def upgrade_problems(stack: str, running: Running, wanted: Wanted) -> list[Problem]:
    """Why a running stack cannot be brought to what this checkout wants."""
    schema = schema_for(wanted.airflow, running.revision)
    if schema == "ahead":
        return [schema_ahead(stack, running.revision or "", wanted.airflow, "<commit>")]
    if schema == "unknown":
        found = f"revision {running.revision}, for Airflow {wanted.airflow}"
        expected = f"versions of Airflow whose schema {TABLE} knows"
        fix = f"add {wanted.airflow} to it, as Airflow's own airflow/utils/db.py says"
        return [Problem(f"stack {stack}", "the database's schema", found, expected, fix)]
    return []


def schema_ahead(stack: str, revision: str, airflow: str, commit: str) -> Problem:
    """The refusal to run an Airflow on a newer one's database, with the ways out."""
    head = head_of(airflow)
    fix = (
        f"stacks rollback {stack} {commit} --restore {NEWEST} puts the last dump of revision {head} back, and loses "
        f"what Airflow has recorded since; or stay with {versions_with(revision)}"
    )
    found = f"revision {revision}, of {versions_with(revision)}"
    return Problem(f"stack {stack}", "the database's schema", found, f"revision {head}, of Airflow {airflow}", fix)


def dump_for(airflow: str, keys: Iterable[str]) -> str | None:
    """The newest dump that a version of Airflow can read, of keys whose names end in their schema's revision."""
    head = head_of(airflow)
    fitting = [key for key in sorted(keys) if head and key.endswith(f"-{head}.dump")]
    return fitting[-1] if fitting else None


def revision_of(key: str) -> str:
    """The revision of the schema that a dump holds: the end of its name."""
    return key.rpartition("-")[2].removesuffix(".dump")


def _changes(running: Running, wanted: Wanted) -> Iterator[tuple[str, str, str]]:
    pairs = (
        ("Airflow", running.airflow, wanted.airflow),
        ("Python", running.python, wanted.python),
        ("chart", running.chart, wanted.chart),
    )
    for what, before, after in pairs:
        if before != after:
            yield what, before or "nothing", after


def _rebuilt(running: Running, wanted: Wanted) -> Iterator[Rebuilt]:
    """In the order of building: what another image stands on comes before it."""
    served = set(running.images.values())
    new = {image.name for image in wanted.images if image.dag_types and image.reference not in served}
    known = {image.name: image for image in wanted.images}
    # A base is named by no DAG: it is built where one that stands on it is.
    for name in tuple(new):
        while (base := known[name].base) is not None:
            new.add(base)
            name = base
    for image in wanted.images:
        if image.name in new:
            yield Rebuilt(image.name, image.reference, _why(image, running, wanted))


def _why(image: Image, running: Running, wanted: Wanted) -> str:
    if not image.dag_types:
        return f"stands on {image.upstream or image.base}"
    if not any(type_ in running.images for type_ in image.dag_types):
        return "no DAG in service names it yet"
    if image.profile == "worker" and (running.airflow, running.python) != (wanted.airflow, wanted.python):
        return f"runs Airflow {running.airflow} for Python {running.python}"
    return "its content is another"


def _steps(
    changes: tuple[tuple[str, str, str], ...],
    schema: Schema,
    restarts: tuple[str, ...],
    rebuilt: tuple[Rebuilt, ...],
    *,
    backup: bool,
) -> Iterator[str]:
    if rebuilt:
        yield f"build and push, beside all else: {', '.join(one.name for one in rebuilt)}"
    airflow = next((f"{before} to {after}" for what, before, after in changes if what == "Airflow"), "")
    if airflow and backup:
        yield "dump the database to backups/ in the bucket"
    if airflow:
        moves = "; what runs meanwhile works on the new schema" if schema == "moves" else ", which changes nothing"
        yield f"airflow db migrate, by a Job of the new image{'' if schema == 'empty' else moves}"
    if restarts:
        yield f"Helm release: {', '.join(restarts)} restart, one pod of each at a time; task pods go on"
    if rebuilt:
        yield "publish DAG files that name the new images; runs in flight keep theirs"
