"""`clfw doctor`: tries every plugin in a process of its own, and looks at the environment."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clfw.cli.options import json_option, lookup_options, plugin_files, print_json
from clfw.errors import PluginError
from clfw.text import plural

if TYPE_CHECKING:
    from clfw.plugins.plugin import Plugin


@click.command()
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=20.0, show_default=True,
    help="Longest time that importing one plugin may take, seconds.",
)  # fmt: skip
@lookup_options
@json_option
def doctor(timeout: float, registry: Path | None, disabled: tuple[str, ...], as_json: bool) -> None:
    """Find plugins that exit, crash or hang, and what is wrong with the environment.

    A plugin that failed is not imported any more, until its files change or it passes here.
    """
    from clfw.cli.diagnostics import diagnose

    rows = [*plugin_rows(timeout, disabled), *diagnose(registry)]
    if as_json:
        print_json(rows)
    else:
        width = max(len(row["what"]) for row in rows)
        for row in rows:
            click.echo(
                f"{'ok   ' if row['ok'] else 'FAULT'}  {row['what']:<{width}}  {row['said']}"
            )
            if row["remedy"]:
                click.echo(f"{'':<{width + 9}}{row['remedy']}")
    faults = [row["what"] for row in rows if not row["ok"]]
    if faults:
        said = f"{plural(len(faults), 'fault')}: {', '.join(faults)}"
        raise PluginError(said, hint="see the lines above")


def plugin_rows(timeout: float, disabled: tuple[str, ...]) -> list[dict[str, Any]]:
    """A row a plugin: probed, then, where that went well, loaded."""
    from clfw.io.progress import ProgressBar
    from clfw.io.progress_bars import RichBar
    from clfw.plugins.manager import build_catalog, discover_plugins, load_plugin, new_host
    from clfw.plugins.probe_results import OWN, save_probe_results
    from clfw.plugins.probing import probe

    found = discover_plugins(disabled, plugin_files(), use_probe_results=False)
    environment = [plugin for plugin in found if plugin.state == "ok"]
    bar = RichBar("probing", len(found), "plugins") if sys.stderr.isatty() else ProgressBar()
    verdicts = {}
    for plugin in environment:
        verdicts[plugin.identity] = probe(plugin, timeout)
        bar.advance(1)
    bar.close()
    save_probe_results([(plugin, verdicts[plugin.identity]) for plugin in environment])
    host, rows = new_host(), []
    catalog = build_catalog(
        load_plugin(host, plugin)
        if plugin.state == "ok" and not verdicts[plugin.identity]
        else plugin
        for plugin in found
    )
    for plugin in catalog.plugins:
        if reason := verdicts.get(plugin.identity, ""):
            remedy = "pip install --force-reinstall clfw"
            if plugin.package != OWN:
                remedy = "not imported until its files change; mend it, then clfw doctor"
            rows.append(row_of(plugin, False, reason, remedy))
        elif clash := catalog.clash_of(plugin):
            remedy = f"switch one off: --disable-plugin {plugin.name}"
            rows.append(row_of(plugin, False, clash, remedy))
        else:
            count = plural(len(plugin.components), "component")
            said = f"{count}, {plugin.import_ms:.1f} ms"
            fine = plugin.state != "broken"
            rows.append(row_of(plugin, fine, plugin.reason or said, plugin.remedy))
    return rows


def row_of(plugin: "Plugin", fine: bool, said: str, remedy: str) -> dict[str, Any]:
    """One finding on a plugin."""
    what = f"plugin {plugin.name} ({plugin.origin})"
    return {"what": what, "ok": fine, "said": said, "remedy": remedy}
