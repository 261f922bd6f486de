"""Small problems and networks that the tests of the estimators share."""

import numpy as np
import pytest

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.estimators._parameters import CLASSIFIER, REGRESSOR
from sk_effprop.preprocessing import METHODS

BOTH = [EffPropClassifier, EffPropRegressor]
REGISTRY = {EffPropClassifier: CLASSIFIER, EffPropRegressor: REGRESSOR}
ALL_METHODS = [*METHODS, None]
# a few epochs of a small network, without warnings
SMALL = {
    "hidden_layer_sizes": (5,), "input_clip": None, "tol": 0.0, "random_state": 0
}  # fmt: skip
SGD = {**SMALL, "solver": "sgd", "max_iter": 4}
LBFGS = {**SMALL, "solver": "lbfgs", "max_iter": 8}
# straight to the minimum of a linear model
LINEAR = {
    "hidden_layer_sizes": (), "alpha": 0.0, "solver": "lm", "tol": 0,
    "input_clip": None,
}  # fmt: skip

both = pytest.mark.parametrize("cls", BOTH, ids=lambda cls: cls.__name__[7:])
both_solvers = pytest.mark.parametrize("settings", [SGD, LBFGS], ids=["sgd", "lbfgs"])
may_not_converge = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)


def inputs(n=60, seed=0):
    """Four columns of all scales, one of them heavy-tailed."""
    X = np.random.default_rng(seed).normal(size=(n, 4))
    X[0, 3] = 50.0
    return X * [1.0, 10.0, 0.1, 1.0] + [0.0, 100.0, 0.0, -3.0]


def problem(cls, n=60, seed=0, n_classes=3):
    """Inputs, and classes or values that have to do with them."""
    X = inputs(n, seed)
    score = X[:, 0] + 0.1 * (X[:, 1] - 100.0)
    if cls is EffPropRegressor:
        return X, 5.0 + 3.0 * np.tanh(score)
    return X, np.argsort(np.argsort(score)) * n_classes // n


def fitted(cls, n_classes=3, **settings):
    """Return the small network after a few epochs, with its training data."""
    X, y = problem(cls, n_classes=n_classes)
    return cls(**{**SGD, **settings}).fit(X, y), X, y


def sparse_problem(cls):
    """Counts, a third of them stored, with a column that is always zero."""
    rng = np.random.default_rng(5)
    X = rng.poisson(0.4, size=(60, 6)) * np.array([1.0, 10.0, 0.1, 2.0, 0.0, 1.0])
    X[0, 5] = 50.0
    score = X[:, 0] - 0.1 * X[:, 1] + rng.normal(size=60)
    return X, score if cls is EffPropRegressor else (score > 0.4).astype(int)


def skewed(n=500, seed=0):
    """A linear trend with one-sided noise, wider at the sides."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    noise = rng.exponential(size=n) * (1.0 + 0.3 * np.abs(X[:, 0]))
    return X, 1.0 + X @ [1.0, -2.0, 0.5] + noise
