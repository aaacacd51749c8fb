"""The optimizers do to the bit what PyTorch's own fused classes do."""

from typing import Any

import pytest
import torch
from pydantic import Field
from torch import Tensor, nn

from clfw.api.params import Layer, Params
from clfw.config.optimizers import OPTIMIZERS, AdamParams, OptimizerEntry, UpdateBatch
from clfw.config.recipe import Recipe, resolve_recipe
from clfw.training.optimizers import Optimizer, ParameterGroup, build_optimizer, parameter_groups
from training_job import fit, network, pictures, weights

RECIPES: dict[str, dict[str, Any]] = {
    "adam": {"optimizer_params": AdamParams(betas=(0.8, 0.99)), "weight_decay": 0.1},
    "adam with amsgrad": {"optimizer_params": {"amsgrad": True}},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.3, "optimizer_params": {"amsgrad": True}},
    "sgd": {"optimizer": "sgd", "optimizer_params": {"momentum": 0.0}, "weight_decay": 0.1},
    "sgd with momentum": {"optimizer": "sgd"},
    "sgd with nesterov": {"optimizer": "sgd", "optimizer_params": {"nesterov": True}},
}
SHAPES = [(8, 3, 3, 3), (8,), (5, 7), ()]
SKIPPED = 5  # the step whose `found_inf` is 1


def parameters() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn(shape, generator=generator) for shape in SHAPES]
    made[0] = made[0].to(memory_format=torch.channels_last)
    return [tensor.requires_grad_() for tensor in made]


def of_torch(recipe: Recipe, parameters: list[Tensor]) -> torch.optim.Optimizer:
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    return kind[recipe.optimizer](
        parameters, lr=recipe.lr, weight_decay=recipe.weight_decay, fused=True,
        **recipe.optimizer_params.model_dump(),
    )  # fmt: skip


def over(parameters: list[Tensor], recipe: Recipe) -> Optimizer:
    group = ParameterGroup(parameters=parameters, weight_decay=recipe.weight_decay)
    return Optimizer(parameters, [group], recipe)


@pytest.mark.parametrize("name", RECIPES)
def test_every_step_has_the_bits_of_torchs_own_class(name: str) -> None:
    recipe = Recipe(lr=0.01, **RECIPES[name])
    ours, theirs = parameters(), parameters()
    mine = over(ours, recipe)
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
    both = over(late, recipe)
    for step in range(3):
        late[0].grad = torch.ones_like(late[0])
        late[1].grad = torch.ones_like(late[1]) if step == 2 else None
        both.step()
    alone[1].grad = torch.ones_like(alone[1])
    over(alone, recipe).step()
    assert torch.equal(late[1], alone[1])
    assert not torch.equal(late[1], parameters()[1])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_recipe_chooses_the_rate_and_every_trainable_parameter_is_in_order(name: str) -> None:
    model = network()
    optimizer = build_optimizer(model, Recipe(lr=0.02, optimizer=name))
    assert optimizer.lr == 0.02
    assert list(map(id, optimizer.parameters)) == list(map(id, model.parameters()))
    (group,) = optimizer.groups
    assert (group.weight_decay, group.lr_scale) == (0.0, 1.0)


@pytest.mark.parametrize("name", RECIPES)
def test_the_state_goes_on_elsewhere_to_the_same_bits(name: str) -> None:
    recipe = Recipe(lr=0.01, **RECIPES[name])
    whole, first, second = parameters(), parameters(), parameters()
    one, before, after = (over(each, recipe) for each in (whole, first, second))
    for step in range(4):
        optimizer, moved = (before, first) if step < 2 else (after, second)
        if step == 2:
            after.load_state_dict(before.state_dict())
            with torch.no_grad():
                [new.copy_(old) for new, old in zip(second, first, strict=True)]
        for each in (*whole, *moved):
            each.grad = torch.full_like(each, 0.1 * (step + 1))
        one.step()
        optimizer.step()
    assert all(map(torch.equal, whole, second))
    kept = OPTIMIZERS[recipe.optimizer].state_names(recipe.optimizer_params)
    assert {key.partition("/")[2] for key in after.state_dict()} == kept


def test_a_state_of_another_optimizer_is_refused() -> None:
    recipe = Recipe(optimizer="adam")
    optimizer = over(parameters(), recipe)
    with pytest.raises(ValueError, match="the optimizer's state holds momentum_buffer"):
        optimizer.load_state_dict({"0/momentum_buffer": torch.zeros(8, 3, 3, 3)})


def layered() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(),
        nn.Linear(16, 3),
    )  # fmt: skip


def test_norms_and_biases_may_be_spared_weight_decay() -> None:
    model = layered()
    decayed, spared = parameter_groups(model, Recipe(weight_decay=0.1, decay_norm_and_bias=False))
    assert (decayed.weight_decay, spared.weight_decay) == (0.1, 0.0)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert [names[id(p)] for p in decayed.parameters] == ["0.weight", "3.weight", "5.weight"]
    assert [names[id(p)] for p in spared.parameters] == [
        "0.bias", "1.weight", "1.bias", "3.bias", "5.bias",
    ]  # fmt: skip


def test_each_layer_learns_slower_than_the_one_after_it() -> None:
    model = layered()
    groups = parameter_groups(model, Recipe(layer_decay=0.5))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {group.lr_scale: [names[id(p)] for p in group.parameters] for group in groups} == {
        0.25: ["0.weight", "0.bias", "1.weight", "1.bias"],
        0.5: ["3.weight", "3.bias"],
        1.0: ["5.weight", "5.bias"],
    }


@pytest.mark.parametrize("name", RECIPES)
def test_groups_step_as_torchs_own_do(name: str) -> None:
    recipe = Recipe(lr=0.01, **RECIPES[name], layer_decay=0.5, decay_norm_and_bias=False)
    ours, theirs = layered(), layered()
    optimizer = build_optimizer(ours, recipe)
    reference = of_torch(recipe, list(theirs.parameters()))
    reference.param_groups.clear()
    for group in parameter_groups(theirs, recipe):
        reference.add_param_group({
            "params": group.parameters, "lr": recipe.lr * group.lr_scale,
            "weight_decay": group.weight_decay,
        })  # fmt: skip
    for step in range(3):
        for model in (ours, theirs):
            for number, parameter in enumerate(model.parameters()):
                parameter.grad = torch.full_like(parameter, 0.1 * (number - step))
        optimizer.step()
        reference.step()
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))


class SignParams(Params):
    """The `optimizer` group of the test's own optimizer."""

    sharpness: float = Field(1.0, gt=0, description="1 for the sign, less for softer steps")


def update_by_sign(batch: UpdateBatch, params: SignParams) -> None:
    """signSGD (Bernstein et al. 2018), with a count of its updates."""
    batch.steps()
    for parameter, gradient in zip(batch.parameters, batch.gradients, strict=True):
        assert batch.found_inf is not None
        parameter.sub_(batch.lr * params.sharpness * gradient.sign() * (1 - batch.found_inf))


def test_an_optimizer_is_one_entry_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = OptimizerEntry(
        summary="by the sign", params=SignParams, state_names=lambda params: frozenset({"step"}),
        update=update_by_sign,
    )  # fmt: skip
    monkeypatch.setitem(OPTIMIZERS, "sign", entry)
    layers = {
        "train": [Layer("--set", {"optimizer": "sign", "lr": 0.25, "steps": 1})],
        "optimizer": [Layer("--set", {"sharpness": 0.5})],
        "schedule": [],
        "loss": [],
    }
    recipe = resolve_recipe(layers).params
    assert recipe.groups()["optimizer"] == {"sharpness": 0.5}
    model, before = network(), weights(network())
    fit(model, pictures(8), **dict(recipe))
    moved = (weights(model) - before).abs()
    assert torch.allclose(moved[moved > 0], torch.tensor(0.125))
    assert (moved > 0).any()
