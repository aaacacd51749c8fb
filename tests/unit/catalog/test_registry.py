"""Registries: layers, derived entries, and a fault named by file, section, entry and key."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clfw.api.components import Architecture
from clfw.catalog import registry as module
from clfw.catalog.registry import (
    Registry,
    deep_merge,
    packaged_registry,
    parse,
    read_registry,
    user_registry,
)
from clfw.errors import ClfwError, InputMissing, PluginError, UsageError
from clfw.plugins.manager import Catalog, Plugin, build_catalog, installed_catalog

NET = Architecture(name="net", summary="a network", build="kit:build")
CATALOG = build_catalog(
    [Plugin(name="kit", module="kit", package="kit", version="1", components=(NET,))]
)


def write(path: Path, text: str) -> Path:
    """A registry file."""
    path.write_text(text, encoding="utf-8")
    return path


def read(text: str) -> Registry:
    """All layers, with `text` as the one of `--registry`."""
    return read_registry(write(Path("extra.toml"), text))


def test_a_later_layer_wins_and_says_where_it_is_from(tmp_path: Path) -> None:
    layers = {
        "user": tmp_path / "config" / "registry.toml",
        "project": Path("registry.toml"),
        "extra.toml": Path("extra.toml"),
    }
    assert user_registry() == layers["user"]
    assert read_registry().entries["models", "fashion_cnn"].origin == "clfw"
    for origin, path in layers.items():
        write(path, f'[models.fashion_cnn]\nsummary = "of {origin}"\n')
        extra = path if origin == "extra.toml" else None
        entry = read_registry(extra).entries["models", "fashion_cnn"]
        assert (entry.origin, entry.summary) == (origin, f"of {origin}")


def test_an_upper_layer_replaces_the_whole_entry() -> None:
    assert read_registry().entries["models", "fashion_cnn"].table("train")
    entry = read("[models.fashion_cnn]\nvalues = { width = 8 }\n").entries["models", "fashion_cnn"]
    assert dict(entry.fields) == {"values": {"width": 8}}


def test_entries_of_other_layers_stay() -> None:
    registry = read("[models.mine]\n")
    assert {"fashion_cnn", "mine"} <= set(registry.names("models"))


def test_the_packaged_registry_is_not_read_twice_in_a_checkout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(packaged_registry().parent)
    assert read_registry().entries["models", "fashion_cnn"].origin == "clfw"


def test_an_entry_is_its_own_component_unless_it_names_one() -> None:
    entries = read('[models.net]\n[models.other]\ncomponent = "net"\n').entries
    assert entries["models", "net"].component == "net"
    assert entries["models", "other"].component == "net"


def test_a_component_without_an_entry_is_found_under_its_own_name() -> None:
    entry = Registry({}).find("models", "net", CATALOG)
    assert (entry.component, entry.origin, entry.summary) == ("net", "kit 1", "a network")


def test_an_entry_stands_before_a_component_of_its_name() -> None:
    registry = read("[models.net]\nvalues = { width = 3 }\n")
    assert registry.find("models", "net", CATALOG).table("values") == {"width": 3}


def test_a_component_is_found_only_in_the_section_of_its_kind() -> None:
    with pytest.raises(UsageError, match="no data entry named 'net'"):
        Registry({}).find("data", "net", CATALOG)
    with pytest.raises(UsageError, match="no recipe named 'net'"):
        Registry({}).find("recipes", "net", CATALOG)


def test_an_unknown_name_gets_the_nearest_entry_or_component_as_a_hint() -> None:
    registry = read("[models.my_network]\n")
    for typed, meant in (("my_netwrk", "my_network"), ("nett", "net")):
        with pytest.raises(UsageError) as caught:
            registry.find("models", typed, CATALOG)
        assert caught.value.hint == f"did you mean '{meant}'?"
    with pytest.raises(UsageError) as caught:
        registry.find("models", "zzzzzz", CATALOG)
    assert caught.value.hint == "list them all: clfw list"


def test_a_name_that_two_plugins_offer_is_no_unknown_name() -> None:
    other = Plugin(name="b", module="b", package="b-kit", version="2", components=(NET,))
    both = build_catalog([*CATALOG.plugins, other])
    with pytest.raises(PluginError, match=r"offered by both kit 1 .* and b-kit 2"):
        Registry({}).find("models", "net", both)


def test_an_entry_derives_from_another() -> None:
    entry = read(
        """
        [models.wide]
        extends = "fashion_cnn"
        summary = "wider"
        values = { width = 16 }
        train = { epochs = 3 }
        """
    ).entries["models", "wide"]
    below = read_registry().entries["models", "fashion_cnn"]
    assert entry.component == "fashion_cnn"
    assert entry.summary == "wider"
    assert entry.table("values") == {"width": 16}
    assert entry.table("train") == {**below.table("train"), "epochs": 3}
    assert entry.fields["document"] == below.fields["document"]
    assert "extends" not in entry.fields


def test_a_derived_recipe_keeps_what_it_does_not_change() -> None:
    below = read_registry().entries["recipes", "fashion_document"]
    entry = read(
        '[recipes.short]\nextends = "fashion_document"\nvalues.train.epochs = 2\n'
    ).entries["recipes", "short"]
    train = below.table("values")["train"]
    assert train["epochs"] != 2
    assert entry.table("values")["train"] == {**train, "epochs": 2}
    assert (entry.fields["model"], entry.fields["data"]) == ("fashion_cnn", "fashion_csv")


def test_a_chain_of_derived_entries_goes_down_to_the_component_of_the_first() -> None:
    entries = read(
        """
        [models.c]
        extends = "b"
        [models.b]
        extends = "a"
        values = { width = 2, depth = 2 }
        [models.a]
        component = "net"
        values = { width = 1, height = 1 }
        """
    ).entries
    assert entries["models", "c"].component == "net"
    assert entries["models", "c"].table("values") == {"width": 2, "depth": 2, "height": 1}


def test_an_entry_may_derive_from_one_of_a_lower_layer_that_derives_itself(tmp_path: Path) -> None:
    write(tmp_path / "config" / "registry.toml", '[models.b]\nextends = "fashion_cnn"\n')
    entry = read('[models.c]\nextends = "b"\n').entries["models", "c"]
    assert entry.component == "fashion_cnn"


def test_a_list_of_a_derived_entry_replaces_the_one_below() -> None:
    entries = read(
        '[models.a]\naugment = ["flip", "rotate"]\n[models.b]\nextends = "a"\naugment = []\n'
    ).entries
    assert entries["models", "b"].fields["augment"] == []


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ('[models.a]\nextends = "a"\n', "models.a: extends: 'a' extends itself", ""),
        (
            '[models.a]\nextends = "b"\n[models.b]\nextends = "a"\n',
            "extends: 'a' extends itself",
            "",
        ),
        (
            '[models.a]\nextends = "fashion_cmn"\n',
            "models.a: extends: no model named 'fashion_cmn'",
            "did you mean 'fashion_cnn'?",
        ),
        (
            '[data.a]\nextends = "fashion_cnn"\n',
            "data.a: extends: no data entry named 'fashion_cnn'",
            "",
        ),
    ],
)
def test_a_derivation_that_leads_nowhere_is_named(text: str, said: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert "extra.toml" in caught.value.message
    assert said in caught.value.message
    assert hint in caught.value.hint


FAULTS = {
    "no TOML": ("[models", "not valid TOML", ""),
    "a section that is none": ("[modles.a]\n", "modles: no such key", "did you mean 'models'?"),
    "a section that is no table": ("models = 3\n", "models: must be a table, is 3", ""),
    "an entry that is no table": ("[models]\na = 3\n", "models.a: must be a table, is 3", ""),
    "an unknown key": (
        '[models.a]\ncomponnet = "x"\n',
        "models.a: componnet: no such key",
        "did you mean 'component'?",
    ),
    "a key of another section": (
        '[recipes.a]\nsample = "x"\n',
        "recipes.a: sample: no such key",
        "",
    ),
    "an unknown key like none": (
        "[models.a]\nzzz = 1\n",
        "models.a: zzz: no such key",
        "known: extends, summary, document, component",
    ),
    "a number for text": ("[models.a]\nsummary = 3\n", "models.a: summary: must be a string", ""),
    "text for a table": ('[models.a]\nvalues = "x"\n', "models.a: values: must be a table", ""),
    "text for an array": ('[models.a]\naugment = "flip"\n', "augment: must be an array", ""),
    "a name with capitals": ("[models.Net]\n", "models.Net: entry names are lower_snake", ""),
    "a name with a slash": ('[models."../a"]\n', "models.../a: entry names are lower_snake", ""),
    "a name with escape codes": ('[models."\\u001b[31m"]\n', r"models.\x1b[31m", ""),
    "another schema": ("schema = 2\n", "schema: this clfw reads schema 1", ""),
    "a number without end": (f"a = {'9' * 5000}\n", "not valid TOML", ""),
    "brackets without end": (f"a = {'[' * 20000}\n", "not valid TOML", ""),
    "two entries of one name": ("[models.a]\n[models.a]\n", "not valid TOML", ""),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_in_a_registry_names_the_file_and_the_place(kind: str) -> None:
    text, said, hint = FAULTS[kind]
    with pytest.raises(UsageError) as caught:
        read(text)
    assert caught.value.message.startswith(("extra.toml: ", "extra.toml:2: "))
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert "\x1b" not in caught.value.message
    assert hint in caught.value.hint


def test_a_registry_in_another_encoding_is_named() -> None:
    Path("extra.toml").write_bytes(b'[models.a]\nsummary = "caf\xe9"\n')
    with pytest.raises(UsageError, match=r"extra\.toml: not valid TOML: .*utf-8"):
        read_registry(Path("extra.toml"))


def test_a_registry_that_cannot_be_read_is_named() -> None:
    Path("registry.toml").mkdir()
    with pytest.raises(UsageError, match=r"registry\.toml: cannot be read: Is a directory"):
        read_registry()


def test_a_registry_that_is_asked_for_must_be_there() -> None:
    with pytest.raises(InputMissing, match=r"--registry: no file .absent\.toml."):
        read_registry(Path("absent.toml"))


def test_the_schema_may_be_left_out() -> None:
    assert ("models", "a") in read("[models.a]\n").entries
    assert ("models", "a") in read("schema = 1\n[models.a]\n").entries


def test_every_packaged_entry_names_what_is_installed() -> None:
    catalog, registry = installed_catalog(), read_registry()
    kinds = {"models": "architecture", "data": "dataset"}
    for (section, name), entry in registry.entries.items():
        assert entry.summary, f"{section}.{name} has no summary"
        if section == "recipes":
            registry.find("models", entry.fields["model"], catalog)
            registry.find("data", entry.fields["data"], catalog)
        else:
            catalog.find(kinds[section], entry.component)  # type: ignore[arg-type]
        if sample := entry.fields.get("sample"):
            catalog.find("dataset", sample)


def installed_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `packaged_registry` answers when the package lies in `folder`."""
    monkeypatch.setattr(module, "__file__", str(folder / "host" / "registry.py"))
    return packaged_registry()


def test_a_checkouts_registry_is_taken_rather_than_the_copy_beside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "checkout" / "core" / "clfw"
    package.mkdir(parents=True)
    for folder in (package, tmp_path / "checkout"):
        write(folder / "registry.toml", "")
    assert installed_at(package, monkeypatch) == tmp_path / "checkout" / "registry.toml"


def test_an_installed_package_has_its_registry_beside_it_whatever_stands_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "project" / "vendor" / "clfw"
    package.mkdir(parents=True)
    for file in (package / "registry.toml", tmp_path / "project" / "registry.toml"):
        write(file, "")
    write(tmp_path / "project" / "pyproject.toml", "")
    assert installed_at(package, monkeypatch) == package / "registry.toml"


def test_a_package_outside_its_checkout_reads_the_registry_it_brings(tmp_path: Path) -> None:
    package = tmp_path / "site" / "clfw"
    shutil.copytree(
        Path(module.__file__).parent.parent, package, ignore=shutil.ignore_patterns("__pyc*")
    )
    write(package / "registry.toml", '[models.brought]\nsummary = "with the package"\n')
    code = "from clfw.catalog.registry import read_registry; print(read_registry().names('models'))"
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(package.parent), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout == "['brought']\n"


TABLES = st.recursive(
    st.integers() | st.sampled_from(["", "x"]) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.sampled_from("abc"), TABLES, max_size=3)


@given(below=DOCUMENTS, above=DOCUMENTS)
def test_what_is_laid_on_top_shows_and_what_it_leaves_out_stays(
    below: dict[str, object], above: dict[str, object]
) -> None:
    result = deep_merge(below, above)
    assert result.keys() == below.keys() | above.keys()
    for key, value in result.items():
        if key not in above:
            assert value == below[key]
        elif not (isinstance(above[key], dict) and isinstance(below.get(key), dict)):
            assert value == above[key]
    assert deep_merge(below, {}) == below
    assert deep_merge({}, above) == above
    assert deep_merge(below, below) == below


PIECES = [
    "[models.a]\n",
    "[data]\n",
    "[[models.a]]\n",
    "values",
    "=",
    "{",
    "}",
    "[",
    "]",
    '"',
    "a.b",
]
PIECES += ["\n", "3", "-", "nan", "2020-01-01", "é", "\0", "\u202e", "schema", "extends", "#", ","]


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=12))
def test_no_text_in_a_registry_ends_in_anything_but_entries_or_an_error(pieces: list[str]) -> None:
    path = write(Path("any.toml"), "".join(pieces))
    try:
        entries = list(parse(path, "any"))
    except ClfwError as error:
        assert "any.toml" in error.message
    else:
        assert all(entry.origin == "any" for entry in entries)


def test_an_empty_catalog_offers_nothing() -> None:
    assert Catalog(()).names("architecture") == []
    with pytest.raises(PluginError, match="no dataset named 'x'"):
        Catalog(()).find("dataset", "x")
