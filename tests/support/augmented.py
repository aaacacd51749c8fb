"""Augmentations of the installed catalog, built and applied to pictures of noise."""

import torch

from clfw import Task
from clfw.api.components import load
from clfw.api.draws import Draws
from clfw.api.params import Layer, params_class, resolve
from clfw.plugins.manager import installed_catalog

OURS = {
    name: offers[0].component
    for (kind, name), offers in installed_catalog().offers.items()
    if kind == "augmentation" and offers[0].plugin.package == "clfw"
}
NAMES = sorted(OURS)
MIXING = ("cutmix", "mixup")


def build(name, channels=3, height=20, width=28, classes=64, **values):
    component = OURS[name]
    params = resolve(params_class(component), [Layer("test", values)], f"augment.{name}").params
    names = tuple(f"c{k}" for k in range(classes))
    task = Task(classes=names, channels=channels, height=height, width=width)
    return load(component.build)(params, task)


def pictures(count=64, channels=3, height=20, width=28):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, channels, height, width, generator=generator)


def apply(augment, images, rows=None, targets=None, seed=0, epoch=0):
    rows = torch.arange(len(images)) if rows is None else rows
    targets = rows % 64 if targets is None else targets
    return augment(images, targets, Draws(rows, seed=seed, epoch=epoch, component=0))
