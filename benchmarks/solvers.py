"""Cross-validated error and time of every solver, on tables of many sizes.

All parameters but the solver are default.  There are three folds and one thread.  The
choice of ``solver="auto"`` is based on these measurements.  The last row of each table
contains geometric means over the tables.
"""

import warnings

import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
    make_friedman1,
    make_friedman2,
    make_friedman3,
    make_regression,
)
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
from threadpoolctl import threadpool_limits

from benchmarks._generators import two_spirals
from sk_effprop import EffPropClassifier, EffPropRegressor

SOLVERS = ("lbfgs", "lm", "cg", "scg", "sgd", "sdlm", "adam")
# limit of weights^2 * examples for lm, which would take minutes beyond it
MAX_WORK = 3e10


def sine(n_samples, seed=0):
    """Sine of one input over two periods, with noise."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n_samples, 1))
    return X, np.sin(2 * np.pi * X[:, 0]) + 0.1 * rng.normal(size=n_samples)


def regression_tables():
    """Make the tables, by name."""
    return {
        "friedman1 100": make_friedman1(100, noise=1.0, random_state=0),
        "friedman1 300": make_friedman1(300, noise=1.0, random_state=0),
        "friedman1 1000": make_friedman1(1000, noise=1.0, random_state=0),
        "friedman1 5000": make_friedman1(5000, noise=1.0, random_state=0),
        "friedman2 400": make_friedman2(400, noise=50.0, random_state=0),
        "friedman3 400": make_friedman3(400, noise=0.1, random_state=0),
        "diabetes": load_diabetes(return_X_y=True),
        "linear, 50 inputs, 200": make_regression(
            200, 50, n_informative=10, noise=20.0, random_state=0
        ),
        "sine 200": sine(200),
        "sine 2000": sine(2000),
    }


def classification_tables():
    """Make the tables, by name."""
    return {
        "iris": load_iris(return_X_y=True),
        "wine": load_wine(return_X_y=True),
        "breast cancer": load_breast_cancer(return_X_y=True),
        "two spirals 300": two_spirals(300, 0.3),
        "two spirals 2000": two_spirals(2000, 0.3),
        "20 % noise 300": make_classification(
            300, 20, n_informative=6, flip_y=0.2, random_state=0
        ),
        "20 % noise 2000": make_classification(
            2000, 20, n_informative=6, flip_y=0.2, random_state=0
        ),
        "4 classes 5000": make_classification(
            5000, 20, n_informative=8, n_classes=4, random_state=0
        ),
        "digits": load_digits(return_X_y=True),
    }


def is_too_large(model, X, y):
    """Return whether lm would take minutes."""
    n_outputs = len(np.unique(y)) if isinstance(model, EffPropClassifier) else 1
    n_weights = 100 * (X.shape[1] + 1 + n_outputs)
    return model.solver == "lm" and len(X) * n_outputs * n_weights**2 > MAX_WORK


def measure(model, X, y):
    """Return the error (1 - accuracy or 1 - R2) and the seconds of a fit."""
    is_classifier = isinstance(model, EffPropClassifier)
    kind = StratifiedKFold if is_classifier else KFold
    folds = kind(3, shuffle=True, random_state=0)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = cross_validate(model, X, y, cv=folds)
    return 1.0 - np.mean(result["test_score"]), np.mean(result["fit_time"])


def table(cls, data, **settings):
    """Print error and milliseconds of every solver, and geometric means of ratios."""
    print(f"| {cls.__name__} {settings or ''} |", " | ".join(SOLVERS), "|")
    print("|---" * (len(SOLVERS) + 1) + "|")
    ratios = {name: [] for name in SOLVERS}
    for name, (X, y) in data.items():
        cells, reference = [], None
        for solver in SOLVERS:
            model = cls(solver=solver, random_state=0, **settings)
            if is_too_large(model, X, y):
                cells.append("too large")
                continue
            error, seconds = measure(model, X, y)
            reference = reference or (error, seconds)
            ratios[solver].append(
                ((error + 0.002) / (reference[0] + 0.002), seconds / reference[1])
            )
            cells.append(f"{error:.3f}, {1e3 * seconds:.0f} ms")
        print(f"| {name} |", " | ".join(cells), "|", flush=True)
    means = [np.exp(np.mean(np.log(ratios[s]), axis=0)) for s in SOLVERS]
    cells = [f"{error:.2f}, {time:.2f}" for error, time in means]
    print(f"| ratios to {SOLVERS[0]} |", " | ".join(cells), "|\n", flush=True)


def main():
    """Print the tables in Markdown."""
    print("error (1 - R2 or 1 - accuracy) and time of a fit\n")
    table(EffPropRegressor, regression_tables())
    table(EffPropClassifier, classification_tables())
    table(EffPropClassifier, classification_tables(), loss="log_loss")
