"""What a plugin written for an older clfw still names by its old name, and the name it has now."""

import re

FIELDS = {
    ("Architecture", "initialise"): "initialize",
    ("Dataset", "recognise"): "detect",
    ("Table", "stamps"): "versions",
    ("Table", "places"): "locations",
    ("Table", "strays"): "unused_files",
    ("Table", "bare"): "empty_classes",
    ("Table", "remarks"): "warnings",
}
NAMES = {"Recognised": "Detected", "printable": "escape", "counted": "plural"}
_FIELD = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")


def new_name(error: BaseException) -> str:
    """What `error` should have named, as "it is now 'Detected'"; empty where nothing was renamed."""
    if isinstance(error, TypeError) and (found := _FIELD.search(str(error))):
        new = FIELDS.get((found[1], found[2]), "")
        return f"it is now '{new}'" if new else ""
    if isinstance(error, ModuleNotFoundError):
        of_clfw = (error.name or "").startswith("clfw.")
        return "what plugins use is in 'clfw.api'" if of_clfw else ""
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "clfw":
        found = re.search(r"cannot import name '(\w+)'", str(error))
        new = NAMES.get(found[1], "") if found else ""
        return f"it is now '{new}' in clfw.api" if new else ""
    return ""
