"""`clfw data add`: an entry for data at a path, beside whatever the registry holds already."""

import os
import threading
import tomllib
from pathlib import Path

import pytest

from clfw.catalog.registry import Entry
from clfw.catalog.registry_edit import add_entry
from commandline import Finished, assert_refused, clfw, succeed
from tiny_sets import bar, png, write_list

CLASSES = ("cat", "dog")


@pytest.fixture(autouse=True)
def photos() -> None:
    """A folder per class in the working folder, and a list that names its pictures."""
    rows = []
    for n in range(8):
        path = Path("photos") / CLASSES[n % 2] / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(bar(n % 2, n)))
        rows.append((path.as_posix(), CLASSES[n % 2], n))
    write_list(Path("list.csv"), [("file", "kind", "size"), *rows])


def registered(path: str = "registry.toml") -> dict[str, object]:
    """The data entries of a registry file."""
    entries: dict[str, object] = tomllib.loads(Path(path).read_text(encoding="utf-8"))["data"]
    return entries


def test_a_folder_gets_a_name_that_every_command_knows() -> None:
    finished = succeed("data", "add", "pets", "./photos")
    assert finished.out == "registry.toml: data.pets; clfw run --model plain_cnn --data pets\n"
    assert "data    ./photos: a folder per class (2 classes, 8 pictures), read as image_folder" in (
        finished.err
    )
    assert registered() == {
        "pets": {
            "component": "image_folder",
            "summary": "a folder per class (2 classes, 8 pictures)",
            "values": {"path": "photos"},
        }
    }
    assert "pets" in succeed("list", "data").out
    assert "project" in succeed("show", "pets").out


def test_what_is_set_is_written_with_what_was_recognised() -> None:
    texts = (
        "label=kind",
        "validation=0.3",
        'class_names=["cat", "dog"]',
        'class_values=["cat", "dog"]',
    )
    settings = [word for text in texts for word in ("--set", f"data.{text}")]
    succeed("data", "add", "pets", "list.csv", *settings)
    entry = registered()["pets"]
    assert isinstance(entry, dict)
    assert entry["values"] == {
        "image": "file",
        "path": "list.csv",
        "label": "kind",
        "validation": 0.3,
        "class_names": ["cat", "dog"],
        "class_values": ["cat", "dog"],
    }
    assert (
        "2 classes"
        in succeed("run", "--model", "fashion_mlp", "--data", "pets", "--steps", "1").err
    )


BEFORE = """# my own

[models.net]   # wide
component = 'plain_cnn'
[data.old]
component='image_folder'""".replace("\n", "\r\n")


def test_whatever_stood_in_the_registry_stays_to_the_byte() -> None:
    Path("registry.toml").write_bytes(BEFORE.encode())
    succeed("data", "add", "pets", "photos")
    after = Path("registry.toml").read_bytes().decode()
    assert after.startswith(BEFORE + "\r\n\r\n[data.pets]\r\n")
    assert list(registered()) == ["old", "pets"]
    assert "net" in succeed("list", "models").out


def test_a_link_to_a_registry_stays_a_link() -> None:
    Path("real.toml").write_text("")
    Path("registry.toml").symlink_to("real.toml")
    succeed("data", "add", "pets", "photos")
    assert Path("registry.toml").is_symlink()
    assert "pets" in registered("real.toml")


def test_the_persons_own_registry_serves_every_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    where = Path("photos").absolute()
    succeed("data", "add", "pets", "photos", "--user")
    assert not Path("registry.toml").exists()
    path = Path(os.environ["CLFW_CONFIG_DIR"], "registry.toml")
    entry = registered(str(path))["pets"]
    assert isinstance(entry, dict)
    assert entry["values"] == {"path": str(where)}


REFUSED = {
    "a taken name": (("mnist", "photos"), 2, "'mnist': already the name of the entry of clfw"),
    "a reader's name": (("image_folder", "photos"), 2, "already the name of the dataset of clfw"),
    "no name": (("My-Pets", "photos"), 2, "'My-Pets': entry names are lower_snake"),
    "a name as the path": (("pets", "mnist"), 2, "'mnist': is a name, and PATH is to be a path"),
    "no path": (("pets", "./none"), 66, "no file or folder './none'"),
    "no such value": (("pets", "photos", "--set", "data.labell=x"), 2, "data.labell: no such parameter"),
    "a value of another type": (("pets", "photos", "--set", "data.validation=2"), 2, "data.validation"),
    "another group": (("pets", "photos", "--set", "train.lr=1"), 2, "nothing is trained here"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_added_is_refused_and_writes_nothing(case: str) -> None:
    words, code, said = REFUSED[case]
    assert_refused(clfw("data", "add", *words), code, said)
    assert not Path("registry.toml").exists()


@pytest.mark.parametrize("text", ["data = { x = { component = 'image_folder' } }\n"])
def test_a_registry_that_cannot_grow_is_left_as_it_is(text: str) -> None:
    Path("registry.toml").write_text(text)
    finished = clfw("data", "add", "pets", "photos")
    assert finished.code == 73
    assert "cannot add the entry 'pets'" in finished.err
    assert Path("registry.toml").read_text() == text


def test_a_name_of_bytes_that_are_no_text_is_refused() -> None:
    os.rename(b"photos", b"ph\xffotos")
    finished = clfw("data", "add", "pets", os.fsdecode(b"./ph\xffotos"))
    assert finished.code == 2
    assert "the name is not valid UTF-8" in finished.err
    assert not Path("registry.toml").exists()


def test_adding_twice_is_refused_the_second_time() -> None:
    succeed("data", "add", "pets", "photos")
    before = Path("registry.toml").read_bytes()
    second: Finished = clfw("data", "add", "pets", "photos")
    assert second.code == 2
    assert "'pets': already the name of the entry of project" in second.err
    assert Path("registry.toml").read_bytes() == before


def test_entries_added_at_the_same_time_are_all_there() -> None:
    def add(number: int) -> None:
        fields = {"component": "image_folder", "summary": "photographs", "values": {"path": "p"}}
        entry = Entry(name=f"pets{number}", section="data", origin="", fields=fields)
        add_entry(entry, Path("registry.toml"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(registered()) == {f"pets{number}" for number in range(8)}
