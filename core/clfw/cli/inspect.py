"""`clfw inspect`: what a weights file says of itself. Imports no torch."""

from pathlib import Path

import click

from clfw.cli.options import json_option, print_json
from clfw.text import escape


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@json_option
def inspect(path: Path, as_json: bool) -> None:
    """Show what a weights file (or the one in a run folder) says of itself."""
    from clfw.artifacts.weights_header import find_weights, read_header

    header = read_header(find_weights(path))
    if as_json:
        tensors = {n: {"dtype": d, "shape": list(s)} for n, (d, s) in header.tensors.items()}
        print_json({**header.facts, "tensors": tensors})
        return
    facts = header.facts
    model, weights = facts["model"], facts["weights"]
    made_by = f"{model['component']} of {model.get('package')} {model.get('version')}"
    click.echo(f"model      {escape(made_by)}")
    click.echo(f"values     {model.get('values')}")
    click.echo(f"classes    {', '.join(map(escape, header.classes))}")
    preprocess = header.preprocess
    click.echo(
        f"input      {preprocess.channels} x {preprocess.height} x {preprocess.width} pixels, "
        f"{preprocess.fit}, mean {preprocess.mean}, std {preprocess.std}"
    )
    data = facts["data"]
    click.echo(f"data       {data.get('entry')} ({data.get('source')}), {data.get('fingerprint')}")
    click.echo(f"weights    {escape(weights['which'])}, step {weights['step']}")
    for split, figures in facts["metrics"].items():
        click.echo(
            f"{escape(split):<10} accuracy {figures['accuracy']:.2%}, loss {figures['loss']:.4f}"
        )
    seal = (
        f"{header.checksum} (the file is as it was written)"
        if header.checksum
        else "none: an older file"
    )
    click.echo(f"sha256     {seal}")
    click.echo("tensors")
    for name, (dtype, shape) in header.tensors.items():
        click.echo(f"  {name}  {dtype} {list(shape)}")
