"""Defaults of the stochastic solver: one changed at a time, on five small tables.

Five-fold cross-validated error and log loss, and the time of a fit next to that of the
first row.
"""

import warnings

import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_wine,
    make_classification,
)
from sklearn.model_selection import StratifiedKFold, cross_validate
from threadpoolctl import threadpool_limits

from sk_effprop import EffPropClassifier

EPOCHS = 50

CHANGES = [
    {},
    {"batch_size": 1},
    {"batch_size": 32},
    {"max_iter": 2 * EPOCHS},
    {"max_iter": EPOCHS // 2},
    {"learning_rate": "constant"},
    {"learning_rate": "annealing"},
    {"learning_rate": "invscaling"},
    {"learning_rate_scaling": "inv_fan_in"},
    {"momentum": 0.9},
    {"bias_init": "zero"},
    {"alpha": 0.0},
    {"loss": "log_loss"},
    {"activation": "relu"},
    {"input_clip": 4.0},
]


def two_spirals(n_samples=600, seed=0):
    """Two classes wound around each other: the test of biases in low dimension."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n_samples)
    radius = 3 * np.pi * np.sqrt(rng.uniform(size=n_samples))
    angle = radius + np.pi * y
    X = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return X + rng.normal(0, 0.3, X.shape), y


def tables():
    """Raw data, by name."""
    return {
        "digits": load_digits(return_X_y=True),
        "breast cancer": load_breast_cancer(return_X_y=True),
        "wine": load_wine(return_X_y=True),
        "two spirals": two_spirals(),
        "20 % noise": make_classification(
            2000, 20, n_informative=6, flip_y=0.2, random_state=0
        ),
    }


def main():
    """Print a table in markdown."""
    data = tables()
    print(f"| change ({EPOCHS} epochs, solver='sgd') |", end="")
    print(" | ".join(data), "| time |")
    print("|---" * (len(data) + 2) + "|")
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    first = None
    for change in CHANGES:
        settings = {"solver": "sgd", "max_iter": EPOCHS, "tol": 0} | change
        cells, seconds = [], 0.0
        for X, y in data.values():
            with threadpool_limits(1), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = cross_validate(
                    EffPropClassifier(random_state=0, **settings),
                    X,
                    y,
                    cv=folds,
                    scoring=["accuracy", "neg_log_loss"],
                )
            error = 1 - np.mean(result["test_accuracy"])
            cells.append(f"{error:.3f} / {-np.mean(result['test_neg_log_loss']):.3f}")
            seconds += np.mean(result["fit_time"])
        first = first or seconds
        name = ", ".join(f"{k}={v!r}" for k, v in change.items()) or "none"
        print(f"| {name} | {' | '.join(cells)} | {seconds / first:.1f} |", flush=True)
