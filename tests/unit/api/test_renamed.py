"""Old names of the plugin surface: each leads to one that is there, and nothing else is guessed at."""

from dataclasses import fields

import pytest

import clfw
from clfw import api
from clfw.api.renamed import RENAMED, today


@pytest.mark.parametrize("old", RENAMED)
def test_every_old_name_is_gone_and_its_new_one_there(old: str) -> None:
    owner, _, name = old.partition(".")
    known = (
        set(clfw.__all__)
        if owner == "clfw"
        else {field.name for field in fields(getattr(api, owner))}
    )
    assert name not in known
    assert RENAMED[old] in known


@pytest.mark.parametrize(
    "error",
    [
        ImportError("cannot import name 'Recognised' from 'other' (other.py)"),
        TypeError("Mine.__init__() got an unexpected keyword argument 'stamps'"),
        TypeError("Table.__init__() got an unexpected keyword argument 'stamp'"),
        ModuleNotFoundError("No module named 'torch'", name="torch"),
        ValueError("stamps"),
    ],
)
def test_other_errors_get_no_word(error: Exception) -> None:
    assert today(error) == ""
