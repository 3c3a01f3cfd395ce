"""``python -m commands``: one group a file."""

from __future__ import annotations

import typer

from commands import dags, images, local

app = typer.Typer(
    help="Airflow on Kubernetes with one small image per DAG type. Run it from the repository's folder.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(images.app, name="images")
app.add_typer(dags.app, name="dags")
app.add_typer(local.app, name="local")


def main() -> None:
    app(prog_name="python -m commands")


if __name__ == "__main__":
    main()
