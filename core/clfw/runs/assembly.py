"""What a run is made of before it has a folder: plan, images, engine, console, and the model set up."""

from dataclasses import dataclass, replace
from pathlib import Path

from clfw.config.plan import Plan
from clfw.config.recipe import Recipe
from clfw.data.opening import DecodedImages
from clfw.io.memory import reporting_out_of_memory
from clfw.io.progress import Console
from clfw.training.setup import Engine, TrainingSetup, on_features, prepare_training


@dataclass(frozen=True, kw_only=True, slots=True)
class Assembly:
    """A run that could begin.

    Attributes:
        plan: every value, resolved and validated.
        images: the decoded pictures of every labelled split.
        engine: device, trainer and evaluator.
        console: where a person hears of it.
        setup: the model, placed and tried, with its batches.
    """

    plan: Plan
    images: DecodedImages
    engine: Engine
    console: Console
    setup: TrainingSetup

    @property
    def recipe(self) -> Recipe:
        """How to train."""
        return self.plan.recipe.params

    def on_features(self) -> "Assembly":
        """The same, with the features of a frozen backbone computed, so that its head can train."""
        with reporting_out_of_memory("before the first step", self.recipe.batch_size):
            setup = on_features(self.plan, self.images, self.setup, self.console)
        return replace(self, setup=setup)


def assemble(
    plan: Plan,
    images: DecodedImages,
    engine: Engine,
    console: Console,
    resumed: Path | None = None,
) -> Assembly:
    """Build, place and try the model.

    Args:
        resumed: the run folder whose frozen backbone is loaded; nothing is initialized then.

    Raises:
        ResourceError: there is no memory for it.
        PluginError: the model's plugin fails.
    """
    with reporting_out_of_memory("before the first step", plan.recipe.params.batch_size):
        setup = prepare_training(plan, images, engine, resumed)
    return Assembly(plan=plan, images=images, engine=engine, console=console, setup=setup)
