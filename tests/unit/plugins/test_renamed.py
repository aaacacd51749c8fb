"""A plugin written for an older clfw is told the name of today."""

import pytest

from clfw import Table
from clfw.plugins.renamed import FIELDS, NAMES, new_name


def test_a_renamed_column_of_a_table_is_named() -> None:
    with pytest.raises(TypeError) as raised:
        Table(keys=[], labels=[], splits=[], stamps=[], locations=[])  # type: ignore[call-arg]
    assert new_name(raised.value) == "it is now 'versions'"


def test_the_names_of_today_exist() -> None:
    import clfw
    from clfw import api

    for (owner, old), new in FIELDS.items():
        fields = getattr(clfw, owner).__dataclass_fields__
        assert new in fields and old not in fields
    assert set(NAMES.values()) <= set(api.__all__)


def test_other_errors_have_no_new_name() -> None:
    for error in (ValueError("no"), TypeError("f() got an unexpected keyword argument 'x'")):
        assert new_name(error) == ""
    assert new_name(ModuleNotFoundError("No module named 'x'", name="x")) == ""
