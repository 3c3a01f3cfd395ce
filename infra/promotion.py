"""``promotions/<stack>.yaml``: which images a stack runs that builds none, digest for digest.

``stacks promote`` writes it, a pull request shows it, and the program refuses what does not fit the checkout.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError

from infra.settings_problems import problems
from infra.settings_record import Record
from infra.settings_types import Digest, Filled
from pipelines.errors import InputError, Problem
from pipelines.images import Image
from registry.reference import Reference

FOLDER = Path("promotions")
HEADING = "# Written by `python -m commands stacks promote`; read the digests, edit none of them.\n"


class PromotedImage(Record):
    """``reference`` is in the stack's registry; ``source`` is the reference that was copied; ``when`` is in UTC."""

    reference: Filled
    digest: Digest
    source: Annotated[Filled, Field(alias="from")]
    by: Filled
    when: Filled

    @property
    def pinned(self) -> str:
        """``server/repository@digest``."""
        parsed = Reference.parse(self.reference)
        return f"{parsed.server}/{parsed.repository}@{self.digest}"


class Promotion(Record):
    """``images`` by the image's name; ``base_digests`` are those that the images were built on, part of their keys."""

    source: Annotated[Filled, Field(alias="from")]
    base_digests: Mapping[str, Digest] = Field(default_factory=dict)
    images: Mapping[str, PromotedImage] = Field(default_factory=dict)

    def text(self) -> str:
        """The file's text: the same promotion is the same text."""
        document = self.model_dump(by_alias=True)
        document["images"] = dict(sorted(document["images"].items()))
        document["baseDigests"] = dict(sorted(document["baseDigests"].items()))
        return HEADING + yaml.safe_dump(document, sort_keys=False, width=1 << 20)


def path_of(stack: str) -> Path:
    """Where a stack's promotion stands, from the project's folder."""
    return FOLDER / f"{stack}.yaml"


def read(root: Path, path: Path) -> Promotion:
    """The promotion in a file. Raises InputError with every problem."""
    stack = path.stem
    try:
        document = yaml.safe_load((root / path).read_text(encoding="utf-8"))
        return Promotion.model_validate(document)
    except FileNotFoundError:
        raise InputError([Problem(path.as_posix(), "", "no such file", "the images to run", _again(stack))]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        found = " ".join(str(error).split())
        raise InputError([Problem(path.as_posix(), "", found, "YAML", _again(stack))]) from None
    except ValidationError as error:
        if not isinstance(document, dict):
            found = type(document).__name__
            raise InputError([Problem(path.as_posix(), "", found, "a mapping", _again(stack))]) from None
        raise InputError(problems(error, Promotion, path.as_posix())) from None


def digests(promotion: Promotion, path: Path, images: Iterable[Image]) -> dict[str, str]:
    """Image name -> digest, of all that DAGs may name. Raises InputError naming every image that is not promoted, or
    that was promoted in another form than this checkout's."""
    found, wrong = {}, []
    for image in images:
        if not image.dag_types:
            continue
        promoted = promotion.images.get(image.name)
        if promoted is None or promoted.reference != image.reference:
            what = promoted.reference if promoted else "nothing"
            fix = f"{_again(path.stem, promotion.source)}, or go back to the commit that was promoted"
            wrong.append(Problem(path.as_posix(), f"images.{image.name}", what, image.reference, fix))
        else:
            found[image.name] = promoted.digest
    if wrong:
        raise InputError(wrong)
    return found


def _again(stack: str, source: str = "<from>") -> str:
    return f"python -m commands stacks promote {source} {stack}"
