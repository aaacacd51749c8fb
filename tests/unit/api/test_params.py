"""Parameters: what people write becomes typed values with an origin, or an error that helps."""

import datetime
import json
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from clfw.api.params import Layer, NoParams, Params, describe, parse_settings, resolve, toml_value
from clfw.config.data_params import DataParams
from clfw.config.optimizers import SGDParams
from clfw.config.recipe import TrainParams
from clfw.errors import UsageError


class Sample(Params):
    """One field of each kind."""

    width: int = Field(4, ge=1, lt=100, description="filters, channels")
    rate: float = Field(0.5, gt=0, le=1, description="share of the rows")
    name: str = Field("x", description="column of labels")
    flag: bool = Field(False, description="whether to")
    mode: Literal["a", "b"] = Field("a", description="way to go")
    size: Annotated[int, Field(ge=1)] | Literal["full"] = Field(8, description="rows in a batch")
    pair: tuple[int, int] | None = Field(None, description="height and width, pixels")
    sides: tuple[Annotated[int, Field(ge=1)], ...] = Field((), description="units of each layer")

    @model_validator(mode="after")
    def _consistent(self) -> "Sample":
        if self.flag and self.mode == "b":
            raise ValueError("flag and mode 'b' do not go together")
        return self


class Required(Params):
    """A field without a default."""

    path: str = Field(description="folder of the data")


def by_set(*settings: str) -> Sample:
    """The values after `--set model.…`."""
    values = parse_settings(f"model.{setting}" for setting in settings)["model"]
    return resolve(Sample, [Layer("--set", values)], "model").params


def refused(*settings: str) -> UsageError:
    """The error of `--set model.…`."""
    with pytest.raises(UsageError) as caught:
        by_set(*settings)
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("width=8", "width", 8),
        ("width = 8", "width", 8),
        ("width=0x10", "width", 16),
        ("rate=0.25", "rate", 0.25),
        ("rate=1e-3", "rate", 0.001),
        ("rate=1", "rate", 1.0),
        ("flag=true", "flag", True),
        ("mode=b", "mode", "b"),
        ('mode="b"', "mode", "b"),
        ("size=full", "size", "full"),
        ("size=16", "size", 16),
        ("pair=[2, 3]", "pair", (2, 3)),
        ("sides=[4,5,6]", "sides", (4, 5, 6)),
        ("sides=[]", "sides", ()),
        ("name=a b=c", "name", "a b=c"),
        ("name=", "name", ""),
        ('name="8"', "name", "8"),
        ("name=2020-01-01", "name", "2020-01-01"),
        ("name=12:30:00", "name", "12:30:00"),
        ("name=é", "name", "é"),
    ],
)
def test_a_setting_becomes_a_value_of_its_type(setting: str, key: str, value: object) -> None:
    found = getattr(by_set(setting), key)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("setting", "said", "hint"),
    [
        ("width=0", "model.width: must be >= 1, is 0", "[>= 1, < 100]"),
        ("width=100", "model.width: must be less than 100, is 100", "filters, channels"),
        ("width=4.0", "model.width: must be a valid integer, is 4.0", ">= 1"),
        ('width="4"', 'model.width: must be a valid integer, is "4"', ""),
        ("width=true", "model.width: must be a valid integer, is true", ""),
        ("width=four", 'model.width: must be a valid integer, is "four"', ""),
        ("width=2020-01-01", 'model.width: must be a valid integer, is "2020-01-01"', ""),
        ("rate=0", "model.rate: must be greater than 0, is 0", "share of the rows [> 0, <= 1]"),
        ("rate=nan", "model.rate: must be a finite number, is NaN", ""),
        ("rate=inf", "model.rate: must be a finite number, is Infinity", ""),
        ("rate=1e999", "model.rate: must be a finite number, is Infinity", ""),
        ("name=3", "model.name: must be a valid string, is 3", "column of labels"),
        ("flag=1", "model.flag: must be a valid boolean, is 1", ""),
        ("flag=yes", 'model.flag: must be a valid boolean, is "yes"', ""),
        ("mode=c", "model.mode: must be 'a' or 'b', is \"c\"", "way to go [a, b]"),
        ("size=all", "model.size: must be a valid integer or 'full', is \"all\"", ""),
        ("size=0", "model.size: must be >= 1 or 'full', is 0", ""),
        ("pair=3", "model.pair: must be a valid array, is 3", "height and width, pixels"),
        (
            "pair=20x30",
            'model.pair: must be a valid array, is "20x30"',
            "--set 'model.pair=[20,30]'",
        ),
        ("sides=16", "model.sides: must be a valid array", "as in --set 'model.sides=[16]'"),
        ("sides=8,8", "model.sides: must be a valid array", "as in --set 'model.sides=[8,8]'"),
        ("sides=007", "model.sides: must be a valid array", "as in --set 'model.sides=[7]'"),
        ("pair=[3]", "model.pair.1: is missing, is [3]", ""),
        ("pair=[1, 2, 3]", "model.pair: must be shorter, is [1, 2, 3]", ""),
        ("pair=[1, x]", 'model.pair: must be a valid array, is "[1, x]"', ""),
        ("sides=[4, 0]", "model.sides.1: must be >= 1, is 0", ""),
        ("name=\udcff", "a value is not valid Unicode text", ""),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_what_is_allowed(
    setting: str, said: str, hint: str
) -> None:
    error = refused(setting)
    assert error.message.startswith("--set: model")
    assert said in error.message
    assert hint in error.hint


def test_a_long_value_is_cut_in_the_message() -> None:
    assert len(refused(f"width={'x' * 5000}").message) < 200


def test_an_unknown_key_gets_the_nearest_one_or_the_list() -> None:
    error = refused("widht=3")
    assert error.message == "--set: model.widht: no such parameter"
    assert error.hint == "did you mean 'width'?"
    assert refused("zzz=3").hint == f"known: {', '.join(Sample.model_fields)}"
    with pytest.raises(UsageError) as caught:
        resolve(NoParams, [Layer("--set", {"width": 3})], "model")
    assert caught.value.hint == "it has no parameters"


def test_a_value_that_must_be_given_says_how() -> None:
    with pytest.raises(UsageError) as caught:
        resolve(Required, [], "data")
    assert caught.value.message == "data.path: needs a value (folder of the data)"
    assert caught.value.hint == "add --set data.path=VALUE"


def test_values_that_do_not_go_together_name_the_places_they_are_from() -> None:
    layers = [Layer("model entry 'x'", {"mode": "b"}), Layer("--set", {"flag": True})]
    with pytest.raises(UsageError) as caught:
        resolve(Sample, layers, "model")
    assert caught.value.message == (
        "--set, model entry 'x': model: flag and mode 'b' do not go together"
    )


def test_a_later_layer_wins_and_every_value_has_an_origin() -> None:
    layers = [
        Layer("model entry 'x'", {"width": 8, "rate": 0.1}),
        Layer("recipe 'y'", {"width": 9, "name": "z"}),
        Layer("--set", {"width": 10}),
    ]
    resolved = resolve(Sample, layers, "model")
    assert (resolved.params.width, resolved.params.rate, resolved.params.name) == (10, 0.1, "z")
    assert resolved.origins == {
        **dict.fromkeys(Sample.model_fields, "default"),
        "width": "--set",
        "rate": "model entry 'x'",
        "name": "recipe 'y'",
    }
    assert resolved.to_json()["width"] == {"value": 10, "origin": "--set"}
    assert json.loads(json.dumps(resolved.to_json())) == resolved.to_json()


def test_the_fault_of_a_lower_layer_that_is_overlaid_does_no_harm() -> None:
    layers = [Layer("recipe 'y'", {"width": -1}), Layer("--set", {"width": 3})]
    assert resolve(Sample, layers, "model").params.width == 3


def test_a_fault_is_laid_at_the_layer_that_brought_it() -> None:
    layers = [Layer("--set", {"rate": 0.5}), Layer("recipe 'y'", {"width": -1})]
    with pytest.raises(UsageError, match=r"^recipe 'y': model\.width: "):
        resolve(Sample, layers, "model")


def test_dates_of_a_registry_are_no_values() -> None:
    with pytest.raises(UsageError, match=r"model\.width: must be a valid integer, is \"2020-01-01"):
        resolve(Sample, [Layer("x", {"width": datetime.date(2020, 1, 1)})], "model")


def test_parameters_do_not_change() -> None:
    params = by_set("width=8")
    with pytest.raises(ValueError, match="frozen"):
        params.width = 9  # type: ignore[misc]


def test_settings_are_sorted_into_their_groups() -> None:
    parsed = parse_settings(
        [
            "model.width=8",
            "data.path=a.b/c",
            "train.lr=0.1",
            "optimizer.momentum=0.8",
            "augment.rotate.degrees=10",
        ]
    )
    assert parsed == {
        "model": {"width": 8},
        "data": {"path": "a.b/c"},
        "train": {"lr": 0.1},
        "optimizer": {"momentum": 0.8},
        "schedule": {},
        "loss": {},
        "augment": {"rotate": {"degrees": 10}},
    }


def test_the_last_of_two_settings_of_one_key_counts() -> None:
    assert parse_settings(["train.lr=1", "train.lr=2"])["train"] == {"lr": 2}


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "=",
        "model",
        "model.width",
        "width=3",
        "model.=3",
        ".width=3",
        "model.a.b=3",
        "model..a=1",
    ]
    + ["augment.rotate=3", "augment..degrees=3", "augment.a.b.c=3"],
)
def test_a_setting_of_another_shape_shows_the_right_one(setting: str) -> None:
    with pytest.raises(UsageError, match=r"must look like model\.width=8") as caught:
        parse_settings([setting])
    assert f"--set '{setting}'" in caught.value.message


def test_an_unknown_group_gets_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="unknown group 'modle'") as caught:
        parse_settings(["modle.width=3"])
    assert caught.value.hint == "did you mean 'model'?"


@pytest.mark.parametrize(
    "text",
    ["1 2", "[1", "'", "1\nx = 2", "{a = 1", f"{'9' * 5000}", "[" * 5000, "2020-01-01T10:00:00Z"],
    ids=lambda text: text[:12],
)
def test_what_is_no_toml_value_is_text(text: str) -> None:
    assert toml_value(text) == text


VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "full", "a b", "1", "true", "#", "'", 'x"y', "é"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(value=VALUES)
def test_a_value_written_as_toml_is_read_as_it_was(value: object) -> None:
    assert toml_value(json.dumps(value, ensure_ascii=False)) == value


@given(value=VALUES, key=st.sampled_from([*Sample.model_fields, "widht", "", "x y"]))
def test_any_value_is_taken_unchanged_or_refused_with_its_key(value: object, key: str) -> None:
    try:
        found = getattr(resolve(Sample, [Layer("here", {key: value})], "model").params, key)
    except UsageError as error:
        assert error.message.startswith(f"here: model.{key}")
        assert "\n" not in error.message
        assert error.hint
    else:
        assert found == (tuple(value) if isinstance(value, list) else value)
        assert isinstance(found, bool) == isinstance(value, bool)


@given(text=st.text(alphabet="a=.[]{}\"'1-# \n\0é\u202e", max_size=20))
def test_any_text_after_set_is_read_or_refused(text: str) -> None:
    try:
        parsed = parse_settings([text])
    except UsageError as error:
        assert "\n" not in error.message
    else:
        assert sum(map(len, parsed.values())) == 1


def test_every_parameter_is_described_with_type_default_and_range() -> None:
    rows = {row.name: row for row in describe(Sample)}
    assert list(rows) == list(Sample.model_fields)
    assert (rows["width"].kind, rows["width"].default, rows["width"].allowed) == (
        "integer", "4", ">= 1, < 100",
    )  # fmt: skip
    assert rows["width"].meaning == "filters, channels"
    assert rows["rate"].allowed == "> 0, <= 1"
    assert (rows["mode"].kind, rows["mode"].allowed) == ("choice", "a, b")
    assert (rows["size"].kind, rows["size"].allowed) == ('integer or "full"', ">= 1")
    assert (rows["pair"].kind, rows["pair"].default) == ("array or none", "null")
    assert describe(Required)[0].default == "required"
    assert describe(NoParams) == []


@pytest.mark.parametrize("cls", [TrainParams, DataParams])
def test_every_parameter_of_core_says_what_it_means(cls: type[Params]) -> None:
    for row in describe(cls):
        assert row.meaning, row.name
        assert not row.meaning.endswith(".")
        assert row.kind != "any", row.name


@pytest.mark.parametrize("cls", [TrainParams, DataParams])
def test_the_defaults_of_core_are_valid(cls: type[Params]) -> None:
    values = json.loads(cls().model_dump_json())
    assert resolve(cls, [Layer("again", values)], "x").params == cls()


@pytest.mark.parametrize(
    ("cls", "values", "said"),
    [
        (TrainParams, {"batch_size": "full", "accumulate": 2}, "accumulate must be 1"),
        (SGDParams, {"nesterov": True, "momentum": 0.0}, "nesterov needs a momentum above 0"),
    ],
)
def test_recipes_at_odds_with_themselves_are_refused(
    cls: type[Params], values: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        resolve(cls, [Layer("--set", values)], "train")


def test_mean_and_deviation_are_given_together() -> None:
    for values in ({"mean": [0.5]}, {"std": [0.5]}):
        with pytest.raises(UsageError, match="give both mean and std"):
            resolve(DataParams, [Layer("--set", values)], "data")
    resolve(DataParams, [Layer("--set", {"mean": [0.5], "std": [0.5]})], "data")
