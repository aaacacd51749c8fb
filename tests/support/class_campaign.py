"""The campaign of class sets: finished weights name classes rightly on any other set, or refuse it.

The weights are set by hand: the output of a class is high where the pictures have its spot that the
training set, as clfw opened it, counts to that class. So a wrong mapping shows, wherever it is made.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
import torch

from class_sets import NAMES, ClassSet, drawn_set, write_set
from clfw.artifacts.weights_header import Header, read_header
from clfw.catalog.registry import Registry, read_registry
from clfw.config.data_choice import Request
from clfw.config.plan import resolve_plan
from clfw.data.negotiation import natural_preprocess
from clfw.data.opening import decode_splits, open_data, task_of
from clfw.errors import ClfwError
from clfw.inference.inputs import data_for, open_split
from clfw.inference.predictions import Prediction
from clfw.io.progress import no_progress
from clfw.models.weights_io import save_weights
from clfw.plugins.manager import Catalog, installed_catalog
from clfw.runs.predicting import evaluate_split, predict_split
from clfw.training.setup import Engine
from clfw_plugins.small_cnns.fashion import build_mlp
from clfw_plugins.small_cnns.params import FashionMlpParams

RELATIONS = (
    "same classes", "fewer", "fewer, all declared", "more", "more, without pictures", "some others",
    "others", "look-alikes",
)  # fmt: skip
ALIKE = {
    "cat": "Cat", "Cat": "CAT", "CAT": "cat", "dog": "do g", "do g": "dog", "0": "1.0", "1": "01",
    "01": "1", "1.0": "1", "é": "e\u0301", "e\u0301": "é", "T-shirt": "T‑shirt", "T‑shirt": "T-shirt",
    "class 0": "0 class", "0 class": "class 0", "ß": "ss", "ss": "ß", "None": "nan", "nan": "None",
}  # fmt: skip


@dataclass
class Outcomes:
    """How often each relation of the two sets came to what, and what went wrong."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """Counts by relation and outcome, then in all."""
        kinds = sorted({kind for _, kind in self.counts})
        lines = [
            f"  {relation}: "
            + ", ".join(
                f"{self.counts[relation, k]} {k}" for k in kinds if self.counts[relation, k]
            )
            for relation in RELATIONS
        ]
        totals = [sum(self.counts[relation, kind] for relation in RELATIONS) for kind in kinds]
        told = ", ".join(f"{total} {kind}" for total, kind in zip(totals, kinds, strict=True))
        return "\n".join([*lines, f"{sum(totals)} uses of weights on other class sets: {told}"])


class Wrong(Exception):
    """A class under another's name, or a refusal without cause."""


def campaign(count: int, seed: int, folder: Path, until_fault: bool = False) -> Outcomes:
    """`count` pairs of a set to train on and another one, each evaluated and predicted."""
    outcomes = Outcomes()
    catalog, registry = installed_catalog(), read_registry()
    for case in range(count):
        draw = Random(f"{seed}/{case}")
        relation = RELATIONS[case % len(RELATIONS)]
        trained = drawn_set(draw, draw.sample(NAMES, draw.randrange(2, 7)), testing=True)
        while trained.ambiguous():
            trained = drawn_set(draw, sorted(set(trained.train)), testing=True)
        other = related(draw, relation, sorted(set(trained.train)))
        where = folder / str(case)
        try:
            header = trained_weights(trained, where, catalog, registry)
            for outcome in used(header, trained, other, where, catalog, registry):
                outcomes.counts[relation, outcome] += 1
        except Wrong as wrong:
            outcomes.counts[relation, "wrong"] += 1
            outcomes.faults.append(f"case {case}, {relation}: {wrong}\n  {trained}\n  {other}")
            if until_fault:
                break
    return outcomes


def related(draw: Random, relation: str, names: list[str]) -> ClassSet:
    """A set whose classes stand in this relation to `names`."""
    more = draw.sample([name for name in NAMES if name not in names], 2)
    fewer = draw.sample(names, draw.randrange(1, len(names)))
    testing = draw.random() < 0.6
    if relation == "same classes":
        return drawn_set(draw, names, testing=testing)
    if relation.startswith("fewer"):
        rest = [name for name in names if name not in fewer] if "declared" in relation else []
        return drawn_set(
            draw, fewer if len(fewer) > 1 else names, rest if len(fewer) > 1 else (), testing
        )
    if relation == "more":
        return drawn_set(draw, [*names, *more], testing=testing)
    if relation == "more, without pictures":
        return drawn_set(draw, names, more, testing=testing)
    if relation == "some others":
        return drawn_set(draw, [*fewer, *more], testing=testing)
    if relation == "others":
        return drawn_set(draw, more, testing=testing)
    alike = [ALIKE.get(name, name) for name in names]
    alike = alike if alike != names and len(set(alike)) == len(alike) else more
    return drawn_set(draw, alike, testing=testing)


def trained_weights(data: ClassSet, folder: Path, catalog: Catalog, registry: Registry) -> Header:
    """A weights file that knows the classes as clfw opened them, each by the spot of its pictures."""
    write_set(data, folder / "trained")
    settings = [*data.settings(folder / "trained"), "model.hidden=[]"]
    request = Request(model="fashion_mlp", data=data.reader, settings=settings)
    try:
        opened = open_data(resolve_plan(request, catalog, registry).data)
    except ClfwError as error:
        raise Wrong(f"training refused: {error.message}") from None
    natural = natural_preprocess(opened, opened.choice.common)
    pictures = decode_splits(opened, natural, ("train",), no_progress)
    model = build_mlp(FashionMlpParams(hidden=()), task_of(opened.rows, pictures.preprocess))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for k in range(len(opened.rows.classes)):
            spot = int(np.asarray(pictures.images)[pictures.targets == k].min(0).argmax())
            model[1].weight[k, spot] = 10.0
    facts = {
        "model": {"component": "fashion_mlp", "package": "clfw", "version": "0",
                  "values": {"hidden": []}},
        "classes": list(opened.rows.classes),
        "preprocess": pictures.preprocess.to_json(),
        "data": {"entry": "spots", "source": "full"},
        "weights": {"which": "best", "step": 1, "averaged": False},
        "metrics": {},
    }  # fmt: skip
    save_weights(folder / "model.safetensors", model, facts)
    return read_header(folder / "model.safetensors")


def used(
    header: Header,
    trained: ClassSet,
    other: ClassSet,
    folder: Path,
    catalog: Catalog,
    registry: Registry,
) -> list[str]:
    """What evaluation, where there are labels, and prediction on the test split of `other` come to."""
    write_set(other, folder / "other")
    request = Request(data=other.reader, settings=other.settings(folder / "other"))
    outcomes = []
    foreign = set(other.test) - set(trained.train)
    for action in ("evaluate", "predict") if other.labeled else ("predict",):
        try:
            entry = data_for(header, request, catalog, registry)
            opened = open_split(
                header, entry, request, catalog, "test", no_progress, keep_bad=action == "predict"
            )
            if action == "evaluate":
                opened.require_labels()
                figures = evaluate_split(header, opened, catalog, Engine(), "cpu")
                found = {c.name: (c.support, c.recall) for c in figures.per_class if c.support}
                if found != {n: (c, 1.0) for n, c in Counter(other.test).items()}:
                    raise Wrong(f"evaluated as {found}")
                if figures.accuracy != 1.0:
                    raise Wrong(f"accuracy {figures.accuracy}")
            else:
                check_predictions(
                    predict_split(header, opened, catalog, Engine(), "cpu"), other, foreign
                )
        except ClfwError as error:
            if not refusable(trained, other, foreign):
                raise Wrong(f"{action}: refused: {error.message}") from None
            outcomes.append(f"refused to {action}")
        else:
            if other.ambiguous():
                raise Wrong(f"{action}: took numbers that are names of other classes")
            outcomes.append(f"right to {action}" if not foreign else "right where known")
    return outcomes


def refusable(trained: ClassSet, other: ClassSet, foreign: set[str]) -> bool:
    """Whether the other set has a class of its own, or cannot write one that the weights know."""
    unwritten = set(trained.train) - set(other.names)
    return bool(
        other.ambiguous()
        or (other.labeled and foreign)
        or (other.submission and unwritten and other.labels != other.names)
    )


def check_predictions(rows: list[Prediction], other: ClassSet, foreign: set[str]) -> None:
    """Raise unless each picture of a known class has its name, and the text that the set writes."""
    if len(rows) != len(other.test):
        raise Wrong(f"{len(rows)} predictions for {len(other.test)} pictures")
    if other.reader == "image_folder":
        wanted = {f"test/{other.text(n)}/{number}.png": n for number, n in enumerate(other.test)}
    else:
        wanted = {str(number): name for number, name in enumerate(other.test, 1)}
    for row in rows:
        name = wanted[row.key]
        if name not in foreign and row.name != name:
            raise Wrong(f"{row.key} is '{name}' and was called '{row.name}'")
        text = other.text(row.name) if row.name in other.names else row.name
        if row.label != text:
            raise Wrong(f"'{row.name}' is written '{text}' and was written '{row.label}'")
