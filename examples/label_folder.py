"""Label every picture of a folder with a trained classifier, and write a CSV.

python examples/label_folder.py runs/animals_cnn-photos-001 new_photos labels.csv
"""

import argparse
import csv
from pathlib import Path

import clfw

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("weights", help="run folder or model.safetensors")
parser.add_argument("folder", type=Path)
parser.add_argument("csv", type=Path)
options = parser.parse_args()

suffixes = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
files = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() in suffixes)
try:
    predictions = clfw.predict(options.weights, files, top=2)
except clfw.ClfwError as error:
    raise SystemExit(f"{error.message}\n{error.hint}") from None

with options.csv.open("w", encoding="utf-8", newline="") as target:
    rows = csv.writer(target)
    rows.writerow(["picture", "label", "probability", "second label", "error"])
    for path, prediction in zip(files, predictions, strict=True):
        second = prediction.top[1][0] if len(prediction.top) > 1 else ""
        probability = "" if prediction.error else f"{prediction.probability:.4f}"
        rows.writerow([path, prediction.label, probability, second, prediction.error])
print(f"{len(files)} pictures, {sum(bool(p.error) for p in predictions)} unreadable: {options.csv}")
