"""The preprocessing of a run: the data's natural values, or what the network requires."""

from dataclasses import replace

from clfw.api.params import Params, Resolved
from clfw.api.preprocess import Preprocess
from clfw.catalog.registry import Registry
from clfw.config.data_folders import weights_folder
from clfw.config.data_params import DataParams
from clfw.config.described_network import embed
from clfw.config.plan import Plan
from clfw.data.image_survey import ImageSurvey, survey_images
from clfw.data.opening import OpenedDataset
from clfw.errors import InputMissing, UsageError
from clfw.plugins.manager import Catalog
from clfw.plugins.plugin_calls import call_plugin
from clfw.text import escape, plural


def negotiate_preprocess(
    plan: Plan, opened: OpenedDataset, catalog: Catalog, survey: ImageSurvey | None = None
) -> tuple[Plan, Preprocess]:
    """The data's natural values, changed where the network requires its own input.

    A network inside the model is looked up in the catalog.
    """
    natural = natural_preprocess(opened, opened.choice.common, survey)
    model = plan.model
    if not model.component.prepare:
        return plan, natural
    folder = weights_folder(plan.data_folder)
    params, preprocess = call_plugin(
        model.plugin, model.component.prepare, model.params, natural, folder
    )
    values: Resolved[Params] = Resolved(params, model.values.origins)
    model = embed(replace(model, values=values), catalog, f"model '{model.entry}'")
    return replace(plan, model=model), preprocess


def require_weights(plan: Plan, registry: Registry) -> None:
    """Raise if a file is absent that a new run of the model starts from.

    The hint begins with the command that fetches the file, if there is one.
    """
    reference = plan.model.component.require
    if not reference:
        return
    folder = weights_folder(plan.data_folder)
    try:
        call_plugin(plan.model.plugin, reference, plan.model.params, folder)
    except InputMissing as error:
        entry = fetched_by(error.fetchable, registry) if error.fetchable else ""
        if not entry:
            raise
        hint = f"clfw fetch {entry} once, or {error.hint}"
        raise InputMissing(error.message, hint=hint) from None


def fetched_by(name: str, registry: Registry) -> str:
    """The model entry that `clfw fetch` brings a file of that name for; "" for none."""
    for (section, entry), found in registry.entries.items():
        files = [part.get("file") for part in found.fields.get("fetch", [])]
        if section == "models" and name in files:
            return entry
    return ""


def model_notes(plan: Plan, preprocess: Preprocess) -> tuple[str, ...]:
    """What the model says about itself and its input, a line each."""
    if not plan.model.component.notes:
        return ()
    lines = call_plugin(
        plan.model.plugin, plan.model.component.notes, plan.model.params, preprocess
    )
    return tuple(escape(str(line), 400) for line in lines)


def natural_preprocess(
    opened: OpenedDataset, values: DataParams, survey: ImageSurvey | None = None
) -> Preprocess:
    """What the parameters say; where they are None, what suits pictures of every class."""
    size = (values.image_size,) * 2 if isinstance(values.image_size, int) else values.image_size
    channels: int | None = values.channels
    if size is None or channels is None:
        survey = survey or survey_images(opened)
        size, channels = size or survey.size, channels or survey.channels
    for name in ("mean", "std"):
        given = getattr(values, name)
        if given is not None and len(given) not in (1, channels):
            raise UsageError(
                f"data.{name}: has {plural(len(given), 'value')} for {plural(channels, 'channel')}"
            )
    return Preprocess(
        channels=channels,
        height=size[0],
        width=size[1],
        fit=values.fit,
        mean=per_channel(values.mean, channels),
        std=per_channel(values.std, channels),
    )


def per_channel(values: tuple[float, ...] | None, channels: int) -> tuple[float, ...]:
    """One value per channel, a single one repeated; () for None."""
    if values is None:
        return ()
    return values * channels if len(values) == 1 else values
