"""What the ``pyproject.toml`` of an image folder may say: ``[project]`` and ``[tool.dag-image]``."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pipelines.text_forms import Matching

#: https://distribution.github.io/distribution/spec/api/: one component of a repository name; and no two separators.
NAME = "[a-z0-9]+(?:-[a-z0-9]+)*"
LONGEST_NAME = 63

Value = TypeVar("Value", bound=Hashable)


def _distinct(values: tuple[Value, ...]) -> tuple[Value, ...]:
    if len(set(values)) != len(values):
        raise ValueError("each at most once")
    return values


Version = Annotated[str, Matching("[A-Za-z0-9_][A-Za-z0-9_.]{0,63}", "a version that can stand in a tag")]
Upstream = Annotated[
    str,
    Matching(
        # https://pkg.go.dev/github.com/distribution/reference, with a tag, and optionally a digest.
        r"[a-z0-9][A-Za-z0-9._-]*(:[0-9]+)?(/[a-z0-9._-]+)*:(?!latest(@|$))[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
        r"(@sha256:[0-9a-f]{64})?",
        "an image with a tag other than latest",
    ),
]
OperatingSystem = Annotated[str, Matching("linux/[a-z0-9]+(/[a-z0-9]+)?", "a platform such as linux/amd64")]
Argument = Annotated[
    str,
    Matching(
        "(?!BUILDKIT_|BASE_IMAGE$|SOURCE_DATE_EPOCH$)[A-Za-z_][A-Za-z0-9_]*",
        "the name of a build argument, none of BASE_IMAGE, SOURCE_DATE_EPOCH and BUILDKIT_...",
    ),
]
DagType = Annotated[
    str,
    Matching(f"(?=.{{1,{LONGEST_NAME}}}$){NAME}", f"small letters, digits and single hyphens, at most {LONGEST_NAME}"),
]
SystemPackage = Annotated[
    str,
    # https://www.debian.org/doc/debian-policy/ch-controlfields.html: Source, Version.
    Matching(
        r"[a-z0-9][a-z0-9+.-]+=[0-9][A-Za-z0-9.+~:-]*", "a Debian package with its version, such as jq=1.7.1-6+deb13u1"
    ),
]
ContextName = Annotated[
    str,
    Matching(
        f"(?!(?:context|dockerfile|scratch)$)(?![0-9]+$){NAME}",
        "small letters, digits and single hyphens, no number, none of context, dockerfile and scratch",
    ),
]
SharedFolder = Annotated[
    str,
    Matching(r"shared(?:/(?!\.)[A-Za-z0-9._-]+)+", "a folder below images/shared, such as shared/sql"),
]
Distribution = Annotated[
    str,
    # https://packaging.python.org/en/latest/specifications/name-normalization/
    Matching("[a-z0-9]+(-[a-z0-9]+)*", "a package's normalized name, such as python-dateutil"),
]
Word = Annotated[str, Field(min_length=1)]
Profile = Literal["task", "worker", "base"]


class DagImageTable(BaseModel):
    """``[tool.dag-image]`` of an image's pyproject.toml.

    An image stands on a ``base`` (a folder below ``images/bases``) or on an ``upstream`` image of others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Annotated[Profile, Field(description="what runs it: KubernetesPodOperator pods or Airflow's workers")]
    base: Annotated[str | None, Field(description="the folder below images/ that it stands on")] = None
    upstream: Annotated[Upstream | None, Field(description="the image of others that it stands on")] = None
    platforms: Annotated[
        tuple[OperatingSystem, ...], AfterValidator(_distinct), Field(min_length=1, description="what it is built for")
    ] = ("linux/amd64",)
    build_arguments: Annotated[
        dict[Argument, str], Field(alias="build-arguments", description="ARGs of the Dockerfile")
    ] = Field(default_factory=dict)
    dag_types: Annotated[
        tuple[DagType, ...] | None,
        AfterValidator(lambda values: values if values is None else _distinct(values)),
        Field(alias="dag-types", min_length=1, description="the DAG types that it serves; the folder's name if absent"),
    ] = None
    smoke: Annotated[
        tuple[Word, ...] | None, Field(min_length=1, description="the command that `images test` runs in it")
    ] = None
    smoke_network: Annotated[
        bool, Field(alias="smoke-network", description="whether the smoke command has a network", strict=True)
    ] = False
    system_packages: Annotated[
        tuple[SystemPackage, ...],
        AfterValidator(_distinct),
        Field(alias="system-packages", description="Debian packages, each with its exact version"),
    ] = ()
    contexts: Annotated[
        dict[ContextName, SharedFolder],
        Field(description="named contexts: folders below images/shared that the Dockerfile may copy from"),
    ] = Field(default_factory=dict)
    source_distributions: Annotated[
        tuple[Distribution, ...],
        AfterValidator(_distinct),
        Field(alias="source-distributions", description="packages that need not be wheels"),
    ] = ()

    @model_validator(mode="after")
    def _stands_on_one(self) -> DagImageTable:
        if (self.base is None) == (self.upstream is None):
            raise ValueError("either base (a folder under images/) or upstream (an image), one of them")
        return self

    @model_validator(mode="after")
    def _no_dag_runs_in_a_base(self) -> DagImageTable:
        if self.profile == "base" and (self.dag_types is not None or self.smoke is not None):
            raise ValueError("no dag-types and no smoke for a base: no DAG runs in it")
        return self


class ProjectTable(BaseModel):
    """``[project]`` as far as an image needs it; ``requires_python`` is empty where nothing of Python is pinned."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    version: Version
    requires_python: str = Field(alias="requires-python", default="")
    dependencies: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _for_a_python(self) -> ProjectTable:
        if self.dependencies and not self.requires_python:
            raise ValueError('requires-python, such as "==3.13.*": there are dependencies')
        return self
