"""
X4: the order of presentation
=============================

:Paper: section 4.2
:Claim: Networks learn fastest from unexpected examples. So shuffle them such that
    successive ones rarely belong to the same class, and present those with large errors
    more often, which is good for rare classes and bad if there are outliers.
:Tests: ``tests/paper/test_section_4.py``, ``test_section_4_2_*``

``shuffle`` and ``emphasis`` are the hyperparameters. Each way of presenting the digits
gets the best of several learning rates, and accuracies are means over seeds.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import balanced_accuracy_score

from sk_effprop import EffPropClassifier

X, y = load_digits(return_X_y=True)
rows = np.random.default_rng(0).permutation(len(y))
train, test = rows[:1000], rows[1000:]

# what the paper does not have is switched off
PLAIN = {
    "solver": "sgd", "batch_size": 1, "learning_rate": "constant",
    "learning_rate_scaling": "none", "momentum": 0.0, "alpha": 0.0,
    "loss": "squared_error", "bias_init": "zero", "normalize": "standardize",
    "input_clip": None, "tol": 0.0,
}  # fmt: skip


def accuracy(X, y, rates, *, n_seeds=3, **settings):
    """Balanced accuracy on the test digits at the best rate, mean over seeds."""

    def score(rate, seed):
        net = EffPropClassifier(
            30, learning_rate_init=rate, random_state=seed, **{**PLAIN, **settings}
        )
        return balanced_accuracy_score(y_test, net.fit(X, y).predict(X_test))

    return max(np.mean([score(rate, k) for k in range(n_seeds)]) for rate in rates)


X_test, y_test = X[test], y[test]

# %%
# Sorted, shuffled, alternating
# -----------------------------
#
# ``shuffle=False`` keeps the order of the rows, which are sorted by class here.
# ``"interleave"``, the default of the classifier, spreads the classes evenly. Three
# epochs tell who is fast.

by_class = train[np.argsort(y[train], kind="stable")]
rates = (0.001, 0.003, 0.01, 0.02)
results = {
    "sorted by class": accuracy(
        X[by_class], y[by_class], (3e-4, *rates), shuffle=False, max_iter=3
    ),
    "shuffled": accuracy(X[train], y[train], rates, shuffle=True, max_iter=3),
    "alternating classes": accuracy(
        X[train], y[train], rates, shuffle="interleave", max_iter=3
    ),
    "emphasis": accuracy(
        X[train], y[train], rates, shuffle=True, emphasis=0.5, max_iter=3
    ),
}

# %%
# Rare classes and wrong labels
# -----------------------------
#
# Now the even digits have ten examples each; then all classes are complete, but a fifth
# of the labels is wrong.

rng = np.random.default_rng(0)
odd = train[y[train] % 2 == 1]
few = [rng.choice(train[y[train] == k], 10, replace=False) for k in range(0, 10, 2)]
rare = rng.permutation(np.concatenate([odd, *few]))
is_wrong = rng.random(len(train)) < 0.2
labels = np.where(is_wrong, (y[train] + rng.integers(1, 10, 1000)) % 10, y[train])
for emphasis, name in ((0.0, "shuffled"), (1.0, "emphasis")):
    setting = {"shuffle": True, "emphasis": emphasis, "max_iter": 5, "n_seeds": 6}
    results[f"rare classes, {name}"] = accuracy(
        X[rare], y[rare], (0.003, 0.01, 0.02), **setting
    )
    results[f"wrong labels, {name}"] = accuracy(
        X[train], labels, (0.001, 0.003, 0.01), **setting
    )
for name, value in results.items():
    print(f"{name}: {value:.3f}")

# %%

plt.style.use("tableau-colorblind10")
fig, ax = plt.subplots(layout="constrained")
order = [
    "sorted by class", "shuffled", "alternating classes", "emphasis",
    "rare classes, shuffled", "rare classes, emphasis",
    "wrong labels, shuffled", "wrong labels, emphasis",
]  # fmt: skip
places = [0, 1, 2, 3, 4.5, 5.5, 7, 8]
values = [results[name] for name in order]
ax.plot(values, places, "o", markersize=9)
for place, value in zip(places, values, strict=True):
    ax.annotate(f"{value:.3f}", (value, place), (8, -4), textcoords="offset points")
ax.set_yticks(places, order)
ax.invert_yaxis()
ax.set_xlim(min(values) - 0.02, 1.0)
ax.set_xlabel("balanced accuracy after a few epochs, at the best rate")
ax.set_title("The same digits in another order", fontsize="medium")
ax.grid(alpha=0.3)

# %%
# Shuffling matters much. The ten classes of the digits are balanced, so a random order
# rarely repeats a class, and neither alternation nor emphasis adds anything to it.
# Emphasis helps rare classes, and wrong labels turn it into harm.

shuffled = results["shuffled"]
gain = shuffled - results["sorted by class"]
alternation = results["alternating classes"] - shuffled
emphasis = results["emphasis"] - shuffled
for_rare = results["rare classes, emphasis"] - results["rare classes, shuffled"]
for_wrong = results["wrong labels, emphasis"] - results["wrong labels, shuffled"]
assert gain > 0.05
assert max(abs(alternation), abs(emphasis)) < 0.02
assert for_rare > 0.01
assert for_wrong < 0.0
print(
    f"X4: holds in part: shuffling adds {gain:.3f} to the accuracy of sorted examples; "
    f"to balanced classes, alternation adds {alternation:+.3f} and emphasis "
    f"{emphasis:+.3f}; emphasis adds {for_rare:+.3f} with rare classes, and "
    f"{for_wrong:+.3f} with wrong labels"
)
