"""The header of a weights file, read strictly, without torch.

The format is safetensors. One metadata key, "clfw", holds canonical JSON with everything that a
prediction needs.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from clfw.api import run_files
from clfw.api.preprocess import DECODER, MAX_SIDE, Preprocess
from clfw.api.task import Task
from clfw.artifacts.checksum import CHECKSUM, FORMAT, FORMAT_WITHOUT_CHECKSUM, KEY, verify_checksum
from clfw.errors import DataError, InputMissing
from clfw.io.json_text import strict_json
from clfw.io.safetensors_header import header_length, looks_like, parse_header
from clfw.text import escape

PART = 2**22  # bytes read at a time
FILE_NAME = "model.safetensors"


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """What a weights file says about itself.

    Attributes:
        facts: the decoded "clfw" metadata.
        tensors: dtype and shape by name.
    """

    path: Path
    facts: dict[str, Any]
    tensors: dict[str, tuple[str, tuple[int, ...]]]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""
        return tuple(self.facts["classes"])

    @property
    def checksum(self) -> str:
        """The verified SHA-256 of the file; "" if it was written without one."""
        return str(self.facts.get(CHECKSUM, ""))

    @property
    def preprocess(self) -> Preprocess:
        """How pictures were prepared in training."""
        fields = dict(self.facts["preprocess"])
        fields["mean"], fields["std"] = tuple(fields["mean"]), tuple(fields["std"])
        return Preprocess(**fields)

    @property
    def task(self) -> Task:
        """What the network was built for."""
        preprocess = self.preprocess
        return Task(
            classes=self.classes,
            channels=preprocess.channels,
            height=preprocess.height,
            width=preprocess.width,
        )


def find_weights(path: Path) -> Path:
    """The weights file that `path` names: itself, or the one in a run folder."""
    if path.is_dir():
        inside = path / FILE_NAME
        if not inside.exists():
            raise InputMissing(
                f"{path}: has no {FILE_NAME}", hint="name the folder of a finished run"
            )
        return inside
    if not path.exists():
        raise InputMissing(f"no file or folder '{escape(str(path))}'")
    return path


def read_header(path: Path) -> Header:
    """The checked header of a weights file written by clfw.

    Raises:
        DataError: not a safetensors file (says what it looks like), not one of ours, or damaged.
    """
    text = require_whole(path)
    return check_header(text, path.stat().st_size - 8 - len(text), path)


def require_whole(path: Path) -> bytes:
    """The header's text, once the whole file has been verified against its checksum, if it has one.

    Raises:
        DataError: not a safetensors file, or damaged.
    """
    size, where = path.stat().st_size, escape(str(path))
    with path.open("rb") as file:
        length = header_length(file.read(520), size, where)
        file.seek(8)
        text = file.read(length)
        parse_header(text, size - 8 - length, where)
        verify_checksum(text, iter(lambda: file.read(PART), b""), where, repair_hint(path))
    return text


def lost_weights(run: Path) -> str:
    """Why the weights file of a finished run is unusable; "" if it is intact."""
    path = run / FILE_NAME
    if not path.exists():
        return f"{path}: is gone"
    try:
        require_whole(path)
    except DataError as error:
        return error.message
    return ""


def repair_hint(path: Path) -> str:
    """What to do about a damaged file."""
    if path.name == FILE_NAME and path.with_name(run_files.SUMMARY).exists():
        return f"write it again: clfw resume {path.parent}"
    return "replace it with an intact copy"


def check_header(text: bytes, payload: int, path: Path) -> Header:
    """The header from its text, checked, for a file with `payload` bytes of tensors."""
    where = escape(str(path))
    header = parse_header(text, payload, where)
    try:
        facts = strict_json(header.metadata.get(KEY, "null"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: damaged header: {escape(str(error))}") from None
    if not isinstance(facts, dict):
        raise DataError(
            f"{where}: a safetensors file, but not one that clfw wrote (no 'clfw' metadata)"
        )
    if facts.get("format") not in (FORMAT_WITHOUT_CHECKSUM, FORMAT):
        raise DataError(
            f"{where}: format {escape(str(facts.get('format')))}; "
            f"this clfw reads {FORMAT_WITHOUT_CHECKSUM} and {FORMAT}",
            hint="upgrade clfw",
        )
    found = Header(path=path, facts=facts, tensors=header.tensors)
    check_facts(found, where)
    return found


def refuse_pickle(path: Path) -> None:
    """Raise for a file that is not a safetensors file, saying what it looks like."""
    with path.open("rb") as file:
        head = file.read(520)
    if len(head) < 9 or head[8:9] != b"{":
        raise DataError(
            f"{escape(str(path))}: not a safetensors file{looks_like(head)}",
            hint="convert it with safetensors.torch.save_file if you trust its origin",
        )


def check_facts(header: Header, where: str) -> None:
    """Raise unless the metadata is complete and well typed."""
    facts = header.facts
    sound = {
        "model": is_table(facts.get("model"), component=str, values=dict),
        "classes": is_class_list(facts.get("classes")),
        "preprocess": is_preprocess(facts.get("preprocess")),
        "data": is_table(facts.get("data"), entry=str, source=str),
        "weights": is_table(facts.get("weights"), which=str, step=int),
        "metrics": isinstance(facts.get("metrics"), dict)
        and all(is_table(f, accuracy=float, loss=float) for f in facts["metrics"].values()),
    }
    for key, fine in sound.items():
        if not fine:
            raise DataError(f"{where}: damaged metadata: '{key}' is missing or malformed")
    decoder = header.preprocess.decoder
    if decoder != DECODER:
        raise DataError(
            f"{where}: pictures were decoded by '{escape(decoder)}', this clfw has '{DECODER}'",
            hint="install the clfw version that wrote the file",
        )


def is_table(value: object, **kinds: type) -> bool:
    """Whether `value` is an object with these keys of these types."""
    return isinstance(value, dict) and all(isinstance(value.get(k), t) for k, t in kinds.items())


def is_class_list(value: object) -> bool:
    """Whether `value` lists at least two distinct names."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return False
    return len(set(value)) == len(value) >= 2


def is_preprocess(value: object) -> bool:
    """Whether `value` has the fields of a `Preprocess`, each with the right type and in range."""
    if not isinstance(value, dict) or value.keys() != {f.name for f in fields(Preprocess)}:
        return False
    sides = (value["height"], value["width"])
    per_channel = [
        isinstance(value[name], list)
        and len(value[name]) == value["channels"]
        and all(type(v) in (int, float) and low <= v <= 1e6 for v in value[name])
        for name, low in (("mean", -1e6), ("std", 1e-6))
    ]
    return (
        type(value["channels"]) is int
        and value["channels"] in (1, 3)
        and all(type(side) is int and 1 <= side <= MAX_SIDE for side in sides)
        and value["fit"] in ("squash", "crop", "pad")
        and isinstance(value["decoder"], str)
        and all(per_channel)
    )
