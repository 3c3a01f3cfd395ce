"""``python -m bench``: measures, and writes bench/results/."""

from __future__ import annotations

from typing import Annotated

import typer

from bench import content_keys, many_images, program, report


def main(
    stages: Annotated[
        bool, typer.Option("--stages", help="Also make up, from empty caches: half an hour, as root.")
    ] = False,
    runs: Annotated[int, typer.Option(help="Counted runs of each process.")] = 5,
) -> None:
    """Times the program by number of image types, and content keys by bytes and folders; writes tables and a plot."""
    figures: dict[str, object] = {}
    typer.echo("the program alone, by number of image types ...")
    figures["program"] = {str(count): figure.to_json() for count, figure in program.measure(runs).items()}
    typer.echo("content keys against sha256sum ...")
    figures["content keys"] = {name: figure.to_json() for name, figure in content_keys.measure(runs).items()}
    typer.echo("keys of a thousand images ...")
    figures["many images"] = many_images.measure(runs).to_json()
    if stages:
        from bench import stages as of_up

        figures["stages"] = of_up.measure()
    report.write(figures)
    typer.echo(f"written to {report.RESULTS}")


if __name__ == "__main__":
    typer.run(main)
