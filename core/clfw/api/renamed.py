"""Names that plugins of older versions use: the error that each ends in gets the name of today."""

import re

RENAMED = {
    "clfw.Recognised": "Detected",
    "Architecture.initialise": "initialize",
    "Dataset.recognise": "detect",
    "Table.bare": "empty_classes",
    "Table.places": "locations",
    "Table.remarks": "warnings",
    "Table.stamps": "versions",
    "Table.strays": "unused_files",
}
_KEYWORD = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")
_IMPORT = re.compile(r"cannot import name '(\w+)' from '(clfw(?:\.\w+)*)'")


def today(error: BaseException) -> str:
    """What takes the place of the name that `error` says is not there; empty for any other error."""
    if isinstance(error, ModuleNotFoundError):
        inside = (error.name or "").startswith("clfw.")
        return "plugins import from clfw and clfw.api alone" if inside else ""
    if isinstance(error, ImportError) and (found := _IMPORT.match(str(error))):
        old, owner = found.groups()
    elif isinstance(error, TypeError) and (found := _KEYWORD.match(str(error))):
        owner, old = found.groups()
    else:
        return ""
    new = RENAMED.get(f"{owner}.{old}")
    return f"'{old}' is now '{new}'" if new else ""
