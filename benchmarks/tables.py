"""Fills the tables of README.md from the JSON files in results/, so that no figure is typed by hand.

python benchmarks/tables.py
"""

import json
from pathlib import Path

from timing import markdown

HERE = Path(__file__).parent
README = HERE / "README.md"
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->\n"
TITLES = {
    "loop": "Training against the best bare loop",
    "peers": "Training against other frameworks",
    "lazy_csv": "Training against lazy CSV and PNG",
    "fast": "Accuracy in the least time",
    "first_start": "From the command to the first step",
    "photographs": "Photographs into the cache",
    "frozen": "A frozen backbone",
    "startup": "Start-up",
    "inference": "Evaluation and prediction",
    "memory": "Memory",
    "gpu": "On a GPU",
}


def sections() -> str:
    """Every benchmark under its title, with its latest result."""
    parts = []
    for name, title in TITLES.items():
        file = HERE / "results" / f"{name}.json"
        if file.exists():
            body = markdown(json.loads(file.read_text(encoding="utf-8")))
        else:
            body = "Not measured yet."
        parts.append(f"### {title}\n\n{body}\n")
    return "\n".join(parts)


def filled(readme: str) -> str:
    """`readme` with the results between its two marks."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{sections()}\n{END}{after}"


def main() -> None:
    """Write README.md anew."""
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
