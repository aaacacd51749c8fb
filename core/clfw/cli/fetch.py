"""`clfw fetch`: a full dataset or pretrained weights, from the network or a local copy."""

from pathlib import Path

import click

from clfw.cli.options import (
    complete,
    data_dir_option,
    json_option,
    load_catalog,
    lookup_options,
    print_json,
)
from clfw.io.terminal import say


@click.command()
@click.argument("name", shell_complete=complete("models", "data"))
@click.option(
    "--from", "source", type=click.Path(path_type=Path), metavar="PATH",
    help="Take a local file or folder instead of the network.",
)  # fmt: skip
@data_dir_option
@lookup_options
@json_option
def fetch(
    name: str,
    source: Path | None,
    data_dir: Path | None,
    registry: Path | None,
    disabled: tuple[str, ...],
    as_json: bool,
) -> None:
    """Get the full data of a data entry, or the pretrained weights of a model entry.

    \b
    clfw fetch mnist
    clfw fetch fashion_csv --from Downloads/fashion_csv.zip
    clfw fetch resnet18_frozen
    """
    environment = load_catalog(registry, disabled)

    from clfw.fetch.collect import Console
    from clfw.fetch.entry import fetch as fetch_files
    from clfw.io.progress_bars import show_bytes, show_progress

    report = Console(say=say, bytes_bar=show_bytes, pictures_bar=show_progress)
    try:
        fetched = fetch_files(
            name,
            environment.catalog,
            environment.registry,
            folder=data_dir,
            source=source,
            console=report,
        )
    except KeyboardInterrupt:
        say(f"what has come is kept: clfw fetch {name} goes on from it")
        raise
    if as_json:
        print_json(
            {
                "name": fetched.name,
                "kind": fetched.kind,
                "path": str(fetched.path),
                "files": fetched.origins,
                "rows": fetched.rows,
            }
        )
        return
    rows = ", ".join(f"{count:,} {split}" for split, count in fetched.rows.items())
    what = f"{rows} rows" if rows else "weights"
    click.echo(f"{fetched.name}: {what} in {fetched.path}")
