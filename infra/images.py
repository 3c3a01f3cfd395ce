"""One image per DAG type and per base, built from its staged folder, pushed under its content-addressed reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker_build as docker_build

from pipelines.build_plan import build_arguments
from pipelines.images import EXPORT, Image


@dataclass(frozen=True)
class ImagesArguments:
    """Images, bases before what stands on them, and the name of the buildx builder.

    ``promoted`` (image name -> digest) are images that another stack has built: then nothing is built here.
    """

    images: Sequence[Image]
    builder: str
    promoted: Mapping[str, str] | None = None


class Images(pulumi.ComponentResource):
    """The builds; ``digests`` maps an image's name to what its build reports, unknown in a preview that would build."""

    digests: Mapping[str, pulumi.Output[str]]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, arguments: ImagesArguments, opts: pulumi.ResourceOptions) -> None:
        super().__init__("de-airflow-pipeline:infra:Images", "images", None, opts)
        if arguments.promoted is not None:
            self.digests = {name: pulumi.Output.from_input(digest) for name, digest in arguments.promoted.items()}
            self.ready = ()
            self.register_outputs({"digests": self.digests})
            return
        references = {image.name: image.reference for image in arguments.images}
        built: dict[str, docker_build.Image] = {}
        for image in arguments.images:
            after = [built[image.base]] if image.base else []
            built[image.name] = docker_build.Image(
                image.name,
                push=False,
                exports=[docker_build.ExportArgs(raw=EXPORT)],
                tags=[image.reference, image.alias],
                context=_context(image),
                dockerfile=docker_build.DockerfileArgs(location=(image.context / "Dockerfile").as_posix()),
                build_args=build_arguments(image, references),
                platforms=[docker_build.Platform(platform) for platform in image.platforms],
                builder=docker_build.BuilderConfigArgs(name=arguments.builder),
                build_on_preview=False,
                # Deleting the resource would delete the manifest that runs in flight still pull.
                opts=pulumi.ResourceOptions(parent=self, depends_on=after, retain_on_delete=True),
            )
        self.digests = {name: image.digest for name, image in built.items()}
        self.ready = tuple(built.values())
        self.register_outputs({"digests": self.digests})


def _context(image: Image) -> docker_build.BuildContextArgs:
    named = {name: docker_build.ContextArgs(location=path.as_posix()) for name, path in sorted(image.contexts.items())}
    return docker_build.BuildContextArgs(location=image.context.as_posix(), named=named or None)
