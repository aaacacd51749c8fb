"""The optimisers do to the bit what PyTorch's own fused classes do."""

from typing import Any

import pytest
import torch
from torch import Tensor

from clfw.config.recipe import Recipe
from clfw.training.optimizers import SGD, Adam, build_optimizer
from training_job import network

RECIPES: dict[str, dict[str, Any]] = {
    "adam": {"betas": (0.8, 0.99), "weight_decay": 0.1},
    "adam with amsgrad": {"amsgrad": True},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.3, "amsgrad": True},
    "sgd": {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.1},
    "sgd with momentum": {"optimizer": "sgd", "momentum": 0.9},
    "sgd with nesterov": {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
}
SHAPES = [(8, 3, 3, 3), (8,), (5, 7), ()]
SKIPPED = 5  # the step whose `found_inf` is 1


def parameters() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn(shape, generator=generator) for shape in SHAPES]
    made[0] = made[0].to(memory_format=torch.channels_last)
    return [tensor.requires_grad_() for tensor in made]


def of_torch(recipe: Recipe, parameters: list[Tensor]) -> torch.optim.Optimizer:
    shared: dict[str, Any] = {"lr": recipe.lr, "weight_decay": recipe.weight_decay, "fused": True}
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, momentum=recipe.momentum, nesterov=recipe.nesterov, **shared
        )
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(parameters, betas=recipe.betas, amsgrad=recipe.amsgrad, **shared)


@pytest.mark.parametrize("name", RECIPES)
def test_every_step_has_the_bits_of_torchs_own_class(name: str) -> None:
    recipe = Recipe(lr=0.01, **RECIPES[name])
    ours, theirs = parameters(), parameters()
    mine = SGD(ours, recipe) if recipe.optimizer == "sgd" else Adam(ours, recipe)
    reference = of_torch(recipe, theirs)
    generator = torch.Generator().manual_seed(1)
    for step in range(8):
        for a, b in zip(ours, theirs, strict=True):
            gradient = torch.randn(a.shape, generator=generator)
            a.grad = torch.empty_like(a).copy_(gradient)
            b.grad = a.grad.clone()
        mine.lr = reference.param_groups[0]["lr"] = 0.01 / (step + 1)
        mine.found_inf = torch.tensor(float(step == SKIPPED))
        reference.found_inf = mine.found_inf  # type: ignore[attr-defined]
        before = [p.detach().clone() for p in ours]
        mine.step()
        reference.step()
        moved = not all(map(torch.equal, before, ours))
        assert moved == (step != SKIPPED)
        assert all(map(torch.equal, ours, theirs))
    for a, b in zip(ours, theirs, strict=True):
        kept = {n: t for n, t in reference.state[b].items() if t is not None}
        assert mine.state.get(a, {}).keys() == kept.keys()
        assert all(torch.equal(mine.state[a][n], kept[n]) for n in kept)


@pytest.mark.parametrize("name", RECIPES)
def test_a_parameter_without_a_gradient_stays_and_starts_later_as_if_new(name: str) -> None:
    recipe = Recipe(lr=0.01, **RECIPES[name])
    late, alone = parameters()[:2], parameters()[:2]
    both = SGD(late, recipe) if recipe.optimizer == "sgd" else Adam(late, recipe)
    for step in range(3):
        late[0].grad = torch.ones_like(late[0])
        late[1].grad = torch.ones_like(late[1]) if step == 2 else None
        both.step()
    alone[1].grad = torch.ones_like(alone[1])
    (SGD(alone, recipe) if recipe.optimizer == "sgd" else Adam(alone, recipe)).step()
    assert torch.equal(late[1], alone[1])
    assert not torch.equal(late[1], parameters()[1])


@pytest.mark.parametrize(("name", "kind"), [("adam", Adam), ("adamw", Adam), ("sgd", SGD)])
def test_the_recipe_chooses_the_optimiser_and_its_rate(name: str, kind: type) -> None:
    model = network()
    optimizer = build_optimizer(model, Recipe(lr=0.02, **RECIPES[name]))
    assert type(optimizer) is kind
    assert optimizer.lr == 0.02
    assert list(map(id, optimizer.parameters)) == list(map(id, model.parameters()))
