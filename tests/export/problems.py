"""Small raw tables and quickly fitted networks of every kind that exports see."""

import numpy as np
import pytest

from sk_effprop import EffPropClassifier, EffPropRegressor

rng = np.random.default_rng(0)
# a large mean with a small spread, a wide column, a skewed one, a constant one;
# representable in float32, so that it does not matter who rounds
X = np.column_stack(
    [
        2.0**17 + rng.normal(size=90),
        1000.0 * rng.normal(size=90),
        np.exp(rng.normal(size=90)),
        np.full(90, 3.0),
        0.01 * rng.normal(size=90),
    ]
).astype(np.float32).astype(np.float64)  # fmt: skip
score = (X - X.mean(axis=0)) @ [1.0, 1e-3, 0.5, 0.0, 100.0]
y_value = 50.0 + 10.0 * np.sin(score)
Y_values = np.column_stack([y_value, -3.0 * score, score**2])
y_binary = np.where(score > 0, "yes", "no")
y_classes = np.array(["low", "middle", "high"])[np.digitize(score, [-1.0, 1.0])]
Y_labels = np.column_stack([score > 0, score**2 > 1.0, score < -1.0]).astype(int)
y_single = np.full(90, "only")

# of columns with unit variance; float32 rounds that of the last by up to 0.004
MEANS = [0.0, 1e2, 1e3, 1e5]


def float32_table(mean):
    """Normal columns around a mean, and values that depend on the deviations."""
    deviations = np.random.default_rng(0).normal(size=(90, 3))
    y = np.sin(deviations[:, 0]) + deviations[:, 1]
    return (mean + deviations).astype(np.float32), y


# what is to be classified, with what predict_proba makes of it
CLASSIFICATIONS = {
    "binary": y_binary,
    "classes": y_classes,
    "numbers": np.digitize(score, [-1.0, 1.0]) * 10,
    "multilabel": Y_labels,
    "single": y_single,
}
each_classification = pytest.mark.parametrize(
    "y", CLASSIFICATIONS.values(), ids=list(CLASSIFICATIONS)
)


# an activation of one's own, and a loss
ARCTAN = (
    np.arctan,
    lambda z: 1.0 / (1.0 + z * z),
    lambda z: -2.0 * z / (1.0 + z * z) ** 2,
)


class LogCosh:
    """The sum of log(cosh(error)): a square near 0, an absolute value far out."""

    def value(self, outputs, targets):
        """For every example."""
        return np.sum(np.log(np.cosh(outputs - targets)), axis=1)

    def gradient(self, outputs, targets):
        """For every output."""
        return np.tanh(outputs - targets)

    def hessian(self, outputs, targets):
        """For every output by itself."""
        return 1.0 - np.tanh(outputs - targets) ** 2


# what folds, with the targets of section 4.5
UNCLIPPED = {
    "input_clip": None, "loss": "squared_error", "tol": 0, "random_state": 0
}  # fmt: skip


def classifier(y, **params):
    """A classifier that has seen the table for a few iterations."""
    settings = {**UNCLIPPED, "hidden_layer_sizes": (6,), "max_iter": 8}
    return EffPropClassifier(**(settings | params)).fit(X, y)


def regressor(y=y_value, **params):
    """A regressor that has seen the table for a few iterations."""
    settings = {**UNCLIPPED, "hidden_layer_sizes": (6,), "max_iter": 8}
    return EffPropRegressor(**(settings | params)).fit(X, y)
