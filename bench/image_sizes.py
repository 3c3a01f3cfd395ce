"""What nodes pull: each image against one fat image, a second image on a node, and a day's schedule on a cold one.

All bytes are compressed, as the registry's manifests have them; a layer that the node holds is not pulled again.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bench.pushed_images import FAT, Pushed, push_all
from bench.subject import Figures, Subject
from local.machine import Machine
from local.progress import Progress
from registry.manifest import Manifest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OF_FAT = 0.4
HELD_TO_IT = ("cost-of-living", "api", "dbt")
SECOND, DAY = 0.6, 0.8
MEGABYTE = 1e6


def measure(runs: int = 1) -> Figures:
    """Once, whatever ``runs``: sizes do not vary."""
    del runs
    return figures_of(push_all(Machine.here(), Progress()))


def figures_of(pushed: Pushed) -> Figures:
    images = {image.name: image for image in pushed.sources.images if image.profile != "base"}
    manifests = {name: pushed.manifests[name] for name in images}
    fat = pushed.manifests[FAT]
    types: dict[str, Any] = {}
    for name, image in images.items():
        others = [other for other in images if other != name and images[other].profile == image.profile]
        types[name] = {
            "profile": image.profile,
            "bytes": manifests[name].size,
            "second": {other: pulled([manifests[other]], [manifests[name]]) for other in others},
        }
    return {
        "fat": {"bytes": fat.size, "conflicts": _conflicts(pushed), "moved": pushed.fat.lock.moved},
        "types": types,
        "day": {
            "dags": {dag: pulled([], [manifests[name] for name in used]) for dag, used in schedule(pushed).items()},
            "all": pulled([], manifests.values()),
        },
    }


def pulled(held: Iterable[Manifest], wanted: Iterable[Manifest]) -> int:
    """Bytes that a node with the images ``held`` pulls to have those ``wanted`` as well."""
    there = {part.digest for manifest in held for part in (manifest.configuration, *manifest.layers)}
    parts = {part.digest: part.size for manifest in wanted for part in (manifest.configuration, *manifest.layers)}
    return sum(size for digest, size in parts.items() if digest not in there)


def schedule(pushed: Pushed) -> dict[str, list[str]]:
    """DAG -> the images that a day's run of it pulls; each DAG runs, each task once."""
    catalog = pushed.sources.catalog.images
    return {
        config.dag_id: sorted({catalog[config.dag.image_of(task)].image for task in config.dag.tasks})
        for config in pushed.sources.dags
    }


def _conflicts(pushed: Pushed) -> list[dict[str, Any]]:
    return [
        {"pin": one.pin.text, "types": list(one.pin.types), "instead": one.instead, "reason": one.reason}
        for one in pushed.fat.lock.conflicts
    ]


def second_share(one: Mapping[str, Any]) -> float | None:
    """The part of its bytes that an image pulls as the second of its profile on a node, median over the first ones."""
    return statistics.median(one["second"].values()) / one["bytes"] if one["second"] else None


def table(figures: Figures) -> list[str]:
    fat = figures["fat"]["bytes"]
    lines = ["## What nodes pull: every image against one fat image", ""]
    lines += [f"The fat image holds the dependencies of all types: {_megabytes(fat)}.", ""]
    lines += ["| image | profile | to pull | of the fat image | as the second of its profile on a node |"]
    lines += ["| --- | --- | ---: | ---: | ---: |"]
    for name, one in sorted(figures["types"].items(), key=lambda item: item[1]["bytes"]):
        limit = f" (at most {OF_FAT:.0%})" if name in HELD_TO_IT else ""
        share = second_share(one)
        second = f"{share * one['bytes'] / MEGABYTE:.0f} MB, {share:.0%}" if share is not None else ""
        ratio = f"{one['bytes'] / fat:.0%}{limit}"
        lines.append(f"| {name} | {one['profile']} | {_megabytes(one['bytes'])} | {ratio} | {second} |")
    shares = [share for one in figures["types"].values() if (share := second_share(one)) is not None]
    tasks = [second_share(one) or 0 for one in figures["types"].values() if one["profile"] == "task"]
    lines += ["", f"A second image pulls {statistics.median(shares):.0%} of its bytes in the median of all images, "]
    lines[-1] += f"{statistics.median(tasks):.0%} in that of the task images; at most {SECOND:.0%}."
    return [*lines, "", *_day(figures), "", *_dropped(figures)]


def _day(figures: Figures) -> list[str]:
    fat, day = figures["fat"]["bytes"], figures["day"]
    lines = ["### A day's schedule on a cold node", ""]
    lines += ["| DAG | pulled | of the fat image |", "| --- | ---: | ---: |"]
    for dag, size in sorted(day["dags"].items(), key=lambda item: item[1]):
        lines.append(f"| {dag} | {_megabytes(size)} | {size / fat:.0%} |")
    median = statistics.median(day["dags"].values())
    lines.append(f"| the median DAG | {_megabytes(median)} | {median / fat:.0%} (at most {DAY:.0%}) |")
    lines.append(f"| all of them on one node | {_megabytes(day['all'])} | {day['all'] / fat:.0%} |")
    return lines


def _dropped(figures: Figures) -> list[str]:
    fat = figures["fat"]
    lines = ["### What the fat image had to drop", ""]
    lines += ["As the resolver found it, pin by pin, under the packages of the Airflow release:", ""]
    lines += ["| pin | of | there instead | the resolver says |", "| --- | --- | --- | --- |"]
    for one in fat["conflicts"]:
        instead = one["instead"] or "nothing: left out"
        lines.append(f"| {one['pin']} | {', '.join(one['types'])} | {instead} | {_said(one['reason'])} |")
    moved = len(fat["moved"])
    lines += ["", f"{moved} packages have another version there than in some type's own lock."]
    return lines


def _said(reason: str) -> str:
    """The conclusion of the resolver's message, in one cell."""
    words = reason.removeprefix("error: No solution found when resolving dependencies").lstrip(" :")
    return words.removeprefix("cause: ").replace("|", "\\|")


def _megabytes(size: float) -> str:
    return f"{size / MEGABYTE:.0f} MB"


def draw(axes: Axes, figures: Figures) -> None:
    fat = figures["fat"]["bytes"]
    types = sorted(figures["types"].items(), key=lambda item: item[1]["bytes"])
    names = [*(name for name, _ in types), "fat"]
    sizes = [*(one["bytes"] / MEGABYTE for _, one in types), fat / MEGABYTE]
    own = [(second_share(one) or 1) * one["bytes"] / MEGABYTE for _, one in types]
    axes.barh(names, sizes, color=[*("tab:blue" for _ in types), "tab:gray"], label="to pull on a cold node")
    axes.barh(names[:-1], own, color="tab:orange", label="of it as the second image")
    axes.axvline(OF_FAT * fat / MEGABYTE, color="tab:red", linestyle="--", label=f"{OF_FAT:.0%} of the fat image")
    axes.set(title="Images on the registry", xlabel="MB, compressed")
    axes.legend()


SUBJECT = Subject(
    "sizes",
    "image sizes",
    "sizes of all images and of one fat image on the registry",
    measure,
    table,
    draw,
    needs="the running platform, and ten minutes where its BuildKit has nothing cached",
)
