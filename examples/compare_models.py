"""Train two models on one data set with the same seeds, and compare their held-out accuracy.

python examples/compare_models.py fashion_mlp fashion_cnn --data fashion_csv
"""

import argparse
from statistics import mean

import clfw

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("models", nargs=2, help="names of `clfw list models`")
parser.add_argument("--data", default="fashion_csv")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--seeds", type=int, default=3)
options = parser.parse_args()

means = {}
for model in options.models:
    accuracies = []
    for seed in range(options.seeds):
        result = clfw.train(model=model, data=options.data, epochs=options.epochs, seed=seed)
        accuracies.append(result.validation.accuracy)
        print(f"{model}, seed {seed}: {accuracies[-1]:.2%} on held-out pictures  {result.folder}")
    means[model] = mean(accuracies)
    print(f"{model}: {means[model]:.2%} ({min(accuracies):.2%} to {max(accuracies):.2%})")

best = max(means, key=lambda model: means[model])
print(f"better on these pictures: {best}, by {max(means.values()) - min(means.values()):.2%}")
