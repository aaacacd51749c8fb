"""`fashion_cnn` by clfw against training that opens every PNG of a CSV anew in each epoch.

    python benchmarks/lazy_csv.py

The other side is the custom Dataset of many tutorials: `train.csv` of ids and labels, `ID.png` read by
Pillow in `__getitem__`, a DataLoader, the loss read at every step. The network is the same.
"""

import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from bare import adam_recipe, clfw_epochs, network
from clfw.models.device import prepare
from environment import own_cache
from peer_loops import amsgrad, tutorial_epoch
from pictures import Decoded, decoded
from timing import Comparison, interleaved, parser, report, timed

BATCH_SIZE = 128


class LazyPictures(Dataset):
    """Rows of a CSV, each picture opened when it is asked for."""

    def __init__(self, folder: Path, data: Decoded) -> None:
        self._folder = folder
        with (folder / "train.csv").open(encoding="utf-8") as file:
            self._rows = list(csv.DictReader(file))
        self._transform = transforms.Compose(
            [
                transforms.ToTensor(),
                transforms.Normalize(data.preprocess.mean, data.preprocess.std),
            ]
        )

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        values = self._rows[row]
        image = Image.open(self._folder / "train" / f"{values['id']}.png").convert("L")
        return self._transform(image), int(values["label"])


def write_files(folder: Path, data: Decoded) -> None:
    """`train.csv` and `train/ID.png`."""
    (folder / "train").mkdir()
    for number, pixels in enumerate(data.pixels):
        Image.fromarray(pixels[..., 0]).save(folder / "train" / f"{number}.png")
    lines = [f"{number},{target}" for number, target in enumerate(data.targets.tolist())]
    (folder / "train.csv").write_text("\n".join(["id,label", *lines]) + "\n", encoding="utf-8")


def lazy_epoch(folder: Path, data: Decoded) -> float:
    """Seconds of one epoch."""
    model = network("fashion_cnn", data.task)
    optimizer = amsgrad(model.parameters())
    loader = DataLoader(LazyPictures(folder, data), batch_size=BATCH_SIZE, shuffle=True)
    return timed(lambda: tutorial_epoch(model, loader, optimizer))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and report."""
    options = parser(__doc__ or "")
    options.add_argument("--pictures", type=int, default=12_000, help="in an epoch")
    chosen = options.parse_args(arguments)
    if chosen.quick:
        chosen.pairs, chosen.pictures = 1, 128
    prepare(None, deterministic=False)  # clfw's allocator setting, for both sides
    with own_cache(), tempfile.TemporaryDirectory(prefix="clfw-lazy-") as folder:
        data = decoded("fashion_csv", chosen.data_dir).first(chosen.pictures)
        write_files(Path(folder), data)
        count = len(data.targets)
        model = network("fashion_cnn", data.task)
        recipe = adam_recipe(BATCH_SIZE)
        ours, theirs = interleaved(
            lambda: count / clfw_epochs(model, data, recipe)[0].seconds,
            lambda: count / lazy_epoch(Path(folder), data),
            pairs=chosen.pairs,
        )
    comparison = Comparison(
        work=f"fashion_cnn, batch {BATCH_SIZE}",
        against="CSV and PNG opened lazily",
        unit="images/s",
        form="ours / theirs",
        goal="at least",
        target=7,
        ours=ours,
        theirs=theirs,
        notes=(
            f"{data.told('fashion_csv')} an epoch; the files are in the page cache; clfw decodes them "
            "once, before its first epoch, which is not counted",
        ),
        source=data.source,
    )
    report("lazy_csv", [comparison], chosen)


if __name__ == "__main__":
    main()
