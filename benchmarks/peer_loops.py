"""How each peer trains a network on MNIST in its ordinary use, with its own defaults.

Every function takes the network, a folder that torchvision's MNIST class reads, the batch size, the
number of epochs and a stopwatch for the epochs; it gives back what turns images into logits. Only
what would slow a peer for nothing is switched off: progress bars, log files, checkpoints.
"""

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

LR = 1e-3
MEAN, STD = (0.1307,), (0.3081,)


class Watch(Protocol):
    """Told when an epoch's training begins and ends."""

    def begin(self) -> None: ...

    def end(self) -> None: ...


Fit = Callable[[nn.Module, Path, int, int, Watch], Callable[[Tensor], Tensor]]


def mnist(folder: Path, **options: Any) -> Any:
    """torchvision's set with PIL transforms, as every tutorial has it."""
    from torchvision import datasets, transforms

    steps = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    return datasets.MNIST(folder, transform=steps, **options)


def amsgrad(parameters: Any) -> torch.optim.Optimizer:
    """The optimiser of the document."""
    return torch.optim.Adam(parameters, lr=LR, amsgrad=True)


def tutorial_epoch(
    network: nn.Module, loader: Iterable[Any], optimizer: torch.optim.Optimizer
) -> None:
    """One epoch as every tutorial writes it, the loss read at every step."""
    network.train()
    running_loss = 0.0
    for images, targets in loader:
        optimizer.zero_grad()
        loss = cross_entropy(network(images), targets)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()


def tutorial(network: nn.Module, folder: Path, batch_size: int, epochs: int, watch: Watch) -> Any:
    """torchvision set, PIL transforms, DataLoader, and the loss read at every step."""
    loader = DataLoader(mnist(folder), batch_size=batch_size, shuffle=True)
    optimizer = amsgrad(network.parameters())
    for _ in range(epochs):
        watch.begin()
        tutorial_epoch(network, loader, optimizer)
        watch.end()
    return network.eval()


def lightning(network: nn.Module, folder: Path, batch_size: int, epochs: int, watch: Watch) -> Any:
    """A LightningModule that logs its loss, and a Trainer."""
    from lightning.pytorch import Callback, LightningModule, Trainer

    class Classifier(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def training_step(self, batch: Any, number: int) -> Tensor:
            images, targets = batch
            loss = cross_entropy(self.network(images), targets)
            self.log("train_loss", loss)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return amsgrad(self.parameters())

    class Epochs(Callback):
        def on_train_epoch_start(self, *arguments: Any) -> None:
            watch.begin()

        def on_train_epoch_end(self, *arguments: Any) -> None:
            watch.end()

    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=[Epochs()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Classifier(), DataLoader(mnist(folder), batch_size=batch_size, shuffle=True))
    return network.eval()


def hf_trainer(network: nn.Module, folder: Path, batch_size: int, epochs: int, watch: Watch) -> Any:
    """A model that returns its loss, a set of dictionaries, and transformers' Trainer."""
    from torch.optim.lr_scheduler import LambdaLR
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pixel_values: Tensor, labels: Tensor) -> dict[str, Tensor]:
            logits = self.network(pixel_values)
            return {"loss": cross_entropy(logits, labels), "logits": logits}

    class Rows(Dataset):
        def __init__(self) -> None:
            self._rows = mnist(folder)

        def __len__(self) -> int:
            return len(self._rows)

        def __getitem__(self, row: int) -> dict[str, Any]:
            image, label = self._rows[row]
            return {"pixel_values": image, "labels": label}

    class Epochs(TrainerCallback):
        def on_epoch_begin(self, *arguments: Any, **more: Any) -> None:
            watch.begin()

        def on_epoch_end(self, *arguments: Any, **more: Any) -> None:
            watch.end()

    settings = TrainingArguments(
        output_dir=str(folder / "hf"),
        per_device_train_batch_size=batch_size,
        num_train_epochs=epochs,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    optimizer = amsgrad(network.parameters())
    Trainer(
        model=Classifier(),
        args=settings,
        train_dataset=Rows(),
        optimizers=(optimizer, LambdaLR(optimizer, lambda step: 1.0)),
        callbacks=[Epochs()],
    ).train()
    return network.eval()


def fastai(network: nn.Module, folder: Path, batch_size: int, epochs: int, watch: Watch) -> Any:
    """DataLoaders with fastai's own number of workers, and a Learner."""
    from fastai.vision.all import Callback, DataLoaders, Learner, OptimWrapper

    class Epochs(Callback):
        def before_train(self) -> None:
            watch.begin()

        def after_train(self) -> None:
            watch.end()

    loaders = DataLoaders.from_dsets(mnist(folder), mnist(folder, train=False), bs=batch_size)
    learner = Learner(
        loaders,
        network,
        loss_func=nn.CrossEntropyLoss(),
        opt_func=partial(OptimWrapper, opt=torch.optim.Adam, amsgrad=True),
        cbs=[Epochs()],
    )
    with learner.no_bar(), learner.no_logging():
        learner.fit(epochs, LR)
    return network.eval()


def timm(network: nn.Module, folder: Path, batch_size: int, epochs: int, watch: Watch) -> Any:
    """What timm's train.py does: its dataset, its loader with four workers, its meters."""
    from timm.data import create_dataset, create_loader
    from timm.utils import AverageMeter

    dataset = create_dataset("torch/mnist", root=str(folder), split="train", is_training=True)
    loader = create_loader(
        dataset,
        input_size=(1, 28, 28),
        batch_size=batch_size,
        is_training=True,
        no_aug=True,
        mean=MEAN,
        std=STD,
        num_workers=4,
        device=torch.device("cpu"),
    )
    optimizer = amsgrad(network.parameters())
    for _ in range(epochs):
        watch.begin()
        network.train()
        losses = AverageMeter()
        for number, (images, targets) in enumerate(loader):
            loss = cross_entropy(network(images), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if number % 50 == 0:
                losses.update(loss.item(), len(images))
        watch.end()
    return network.eval()


def skorch(network: nn.Module, folder: Path, batch_size: int, epochs: int, watch: Watch) -> Any:
    """A NeuralNetClassifier on arrays in memory."""
    from skorch import NeuralNetClassifier
    from skorch.callbacks import Callback

    class Epochs(Callback):
        def on_epoch_begin(self, *arguments: Any, **more: Any) -> None:
            watch.begin()

        def on_epoch_end(self, *arguments: Any, **more: Any) -> None:
            watch.end()

    images, targets = arrays(folder)
    net = NeuralNetClassifier(
        network,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__amsgrad=True,
        lr=LR,
        batch_size=batch_size,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[Epochs()],
        verbose=0,
    )
    net.fit(images, targets)
    return net.module_.eval()


def keras(network: nn.Module, folder: Path, batch_size: int, epochs: int, watch: Watch) -> Any:
    """The same layers in Keras on its torch backend, from arrays in memory."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras as k

    class Epochs(k.callbacks.Callback):
        def on_epoch_begin(self, *arguments: Any, **more: Any) -> None:
            watch.begin()

        def on_epoch_end(self, *arguments: Any, **more: Any) -> None:
            watch.end()

    normal = k.initializers.RandomNormal(stddev=0.01, seed=0)
    model = k.Sequential(
        [
            k.Input((28, 28, 1)),
            k.layers.Conv2D(32, 3, padding="same", activation="relu", kernel_initializer=normal),
            k.layers.MaxPooling2D(),
            k.layers.Conv2D(64, 3, padding="same", activation="relu", kernel_initializer=normal),
            k.layers.MaxPooling2D(),
            k.layers.Flatten(),
            k.layers.Dense(128, activation="relu"),
            k.layers.Dense(10),
        ]
    )
    model.compile(
        optimizer=k.optimizers.Adam(LR, amsgrad=True),
        loss=k.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    images, targets = arrays(folder)
    model.fit(images.transpose(0, 2, 3, 1), targets, batch_size=batch_size, epochs=epochs,
              callbacks=[Epochs()], verbose=0)  # fmt: skip
    return lambda rows: torch.as_tensor(model.predict(rows.permute(0, 2, 3, 1).numpy(), verbose=0))


def arrays(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The training pictures as (N, 1, H, W) float32, normalised, and their classes."""
    rows = mnist(folder)
    images = (rows.data.numpy()[:, None].astype(np.float32) / 255 - MEAN[0]) / STD[0]
    return images.astype(np.float32), rows.targets.numpy()
