"""Train on a folder of photographs, a folder for each class, and list the worst mistakes.

python examples/train_photos.py photos
"""

import argparse
import csv

import clfw

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("photos", help="folder, zip or list of pictures, or a name of `clfw list data`")
parser.add_argument("--model", default="animals_cnn")
parser.add_argument("--epochs", type=int, default=30)
options = parser.parse_args()

try:
    result = clfw.train(
        model=options.model, data=options.photos, epochs=options.epochs, progress=True
    )
except clfw.ClfwError as error:
    raise SystemExit(f"{error.message}\n{error.hint}") from None

print(f"{result.validation.accuracy:.1%} of the held-out photographs are right")
with (result.folder / "validation.csv").open(encoding="utf-8", newline="") as file:
    mistakes = [row for row in csv.DictReader(file) if row["true"] != row["predicted"]]
for row in sorted(mistakes, key=lambda row: float(row["loss"]), reverse=True)[:20]:
    print(f"{row['key']}: true {row['true']}, predicted {row['predicted']} ({row['probability']})")
print(f"their pictures: {result.folder / 'mistakes.png'}")
