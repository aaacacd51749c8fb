"""Figures and predictions from any backend: no torch is needed once there are logits."""

import subprocess
import sys

SCRIPT = '''
import sys
from dataclasses import dataclass
import numpy as np
from clfw.api.task import Task
from clfw.inference.inputs import OpenedPictures
from clfw.inference.predictions import Backend, evaluate, predict
from clfw.metrics.objective import StandardEvaluator

class Brightest:
    """Finds the brightest of three rows of pixels."""
    def logits(self, images, positions=None, pixels=None):
        chosen = images if positions is None else images[positions]
        return chosen.mean(axis=(2, 3), dtype=np.float32)

images = np.zeros((5, 3, 3, 1), np.uint8)
for picture, row in enumerate((0, 1, 2, 1, 0)):
    images[picture, row] = 9
opened = OpenedPictures(
    images=images, positions=np.array([4, 3, 2]), keys=["d", "c", "b"],
    targets=np.array([0, 1, 2, 1, 1]), errors={2: "b: does not decode"}, labels=("0", "1", "2"),
    source="full",
)
task = Task(classes=("bottom", "middle", "top"), channels=1, height=3, width=3)
backend: Backend = Brightest()
figures = evaluate(backend, opened, task, StandardEvaluator())
assert (figures.accuracy, figures.count) == (2 / 3, 3)
first, second, third = predict(backend, opened, task)
assert (first.key, first.label, first.name, first.error) == ("d", "0", "bottom", "")
assert (second.key, second.name) == ("c", "middle") and second.probability > 0.99
assert third.to_json() == {
    "key": "b", "label": None, "name": None, "probability": None, "error": "b: does not decode",
}
assert "torch" not in sys.modules
'''


def test_another_backend_evaluates_and_predicts_without_torch() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
