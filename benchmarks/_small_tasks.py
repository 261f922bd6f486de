"""Tables of 10 to 300 rows that need no download, in two fixed halves.

They come from statsmodels and scikit-learn, or are generated with fixed seeds: noisy
and noise-free, linear and far from linear, with and without structure.  The halves
follow a rule that was made before anything was trained: tables are sorted by name
within each kind (real or generated, classification or regression) and go to "choose"
and "report" in turn.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from sklearn import datasets

from benchmarks._tasks import HALVES, Task, two_spirals

_KINDS: dict[str, list[Callable[[], Any]]] = {
    kind: [] for kind in ("real values", "real classes", "values", "classes")
}


def _table(kind):
    """Register a function that returns X and y."""

    def register(function):
        _KINDS[kind].append(function)
        return function

    return register


@cache
def small_tasks():
    """Every table, as a Task."""
    return tuple(
        Task(
            table.__name__.replace("_", " "),
            HALVES[position % 2],
            "classes" in kind,
            *table(),
        )
        for kind, tables in _KINDS.items()
        for position, table in enumerate(sorted(tables, key=lambda t: t.__name__))
    )


def _statsmodels(name, target, columns=None):
    """A target and numeric columns of one of statsmodels' tables."""
    frame = import_module(f"statsmodels.datasets.{name}").load_pandas().data
    frame = frame.select_dtypes("number").dropna()
    y = frame.pop(target).to_numpy(float)
    X = frame if columns is None else frame[columns]
    return X.to_numpy(float), y


def _some(X, y, n):
    """The first rows of a random order."""
    rows = np.random.default_rng(0).permutation(len(y))[:n]
    return X[rows], y[rows]


# ------------------------------------------------------------------- real, regression


@_table("real values")
def ccard():
    """Expenditure with a credit card; 72 persons."""
    columns = ["AGE", "INCOME", "INCOMESQ", "OWNRENT"]
    return _statsmodels("ccard", "AVGEXP", columns)


@_table("real values")
def copper():
    """World consumption of copper; 25 years."""
    return _statsmodels("copper", "WORLDCONSUMPTION")


@_table("real values")
def cpunish():
    """Executions in a state; 17 states."""
    return _statsmodels("cpunish", "EXECUTIONS")


@_table("real values")
def diabetes_60():
    """Progression of the disease; 60 patients."""
    return _some(*datasets.load_diabetes(return_X_y=True), 60)


@_table("real values")
def diabetes_250():
    """The same, of 250 patients."""
    return _some(*datasets.load_diabetes(return_X_y=True), 250)


@_table("real values")
def elnino():
    """Temperature of the sea in a month of 61 years, sampled to 200 rows."""
    frame = import_module("statsmodels.datasets.elnino").load_pandas().data
    values = frame.to_numpy(float)
    years, months = np.meshgrid(values[:, 0], np.arange(1, 13), indexing="ij")
    X = np.column_stack([years.ravel(), months.ravel()]).astype(float)
    return _some(X, values[:, 1:].ravel(), 200)


@_table("real values")
def engel():
    """Expenditure on food from income; 235 households."""
    return _statsmodels("engel", "foodexp")


@_table("real values")
def grunfeld():
    """Investment of a firm in a year, from value, capital and year; 220 rows."""
    return _statsmodels("grunfeld", "invest")


@_table("real values")
def heart():
    """Logarithm of survival after a transplant; 69 patients."""
    X, y = _statsmodels("heart", "survival")
    return X, np.log1p(y)


@_table("real values")
def linnerud():
    """Weight of 20 men from what they can do."""
    X, Y = datasets.load_linnerud(return_X_y=True)
    return X, Y[:, 0]


@_table("real values")
def longley():
    """Employment; 16 years, six collinear columns."""
    return _statsmodels("longley", "TOTEMP")


@_table("real values")
def macrodata():
    """Rate of unemployment; 203 quarters."""
    columns = ["realgdp", "realcons", "realinv", "cpi", "infl", "realint", "tbilrate"]
    return _statsmodels("macrodata", "unemp", columns)


@_table("real values")
def nile():
    """Volume of the Nile; 100 years."""
    return _statsmodels("nile", "volume")


@_table("real values")
def scotland():
    """Votes for a parliament; 32 districts."""
    return _statsmodels("scotland", "YES")


@_table("real values")
def stackloss():
    """Loss of ammonia of a plant; 21 days."""
    return _statsmodels("stackloss", "STACKLOSS")


@_table("real values")
def star98_150():
    """Pupils above the median; 150 districts."""
    X, y = _statsmodels("star98", "NABOVE")
    return _some(X[:, 1:], y / (y + X[:, 0]), 150)


@_table("real values")
def statecrime():
    """Violent crimes; 51 states."""
    return _statsmodels("statecrime", "violent")


@_table("real values")
def strikes():
    """Logarithm of how long a strike lasted; 62 strikes."""
    X, y = _statsmodels("strikes", "duration")
    return X, np.log(y)


@_table("real values")
def sunspots():
    """Number of sunspots, from the four years before; 300 years."""
    _, y = _statsmodels("sunspots", "SUNACTIVITY")
    X = np.column_stack([y[k : len(y) - 4 + k] for k in range(4)])
    return X[-300:], y[-300:]


# --------------------------------------------------------------- real, classification


@_table("real classes")
def anes_90():
    """Vote of 90 persons from opinions, age and income."""
    X, y = _statsmodels("anes96", "vote")
    return _some(X, y.astype(int), 90)


@_table("real classes")
def breast_cancer_60():
    """Benign or malignant; 60 women."""
    return _some(*datasets.load_breast_cancer(return_X_y=True), 60)


@_table("real classes")
def breast_cancer_250():
    """The same, of 250 women."""
    return _some(*datasets.load_breast_cancer(return_X_y=True), 250)


@_table("real classes")
def digits_150():
    """150 images of digits."""
    return _some(*datasets.load_digits(return_X_y=True), 150)


@_table("real classes")
def fair_200():
    """Affair or none; 200 women."""
    X, y = _statsmodels("fair", "affairs")
    return _some(X, (y > 0).astype(int), 200)


@_table("real classes")
def iris():
    """Three species; 150 flowers."""
    return datasets.load_iris(return_X_y=True)


@_table("real classes")
def iris_30():
    """The same; 30 flowers."""
    return _some(*datasets.load_iris(return_X_y=True), 30)


@_table("real classes")
def randhie_200():
    """Predict whether a person saw a doctor; 200 persons."""
    X, y = _statsmodels("randhie", "mdvis")
    return _some(X, (y > 0).astype(int), 200)


@_table("real classes")
def spector():
    """Predict whether a grade improved; 32 students."""
    X, y = _statsmodels("spector", "GRADE")
    return X, y.astype(int)


@_table("real classes")
def wine():
    """Three cultivars; 178 wines."""
    return datasets.load_wine(return_X_y=True)


@_table("real classes")
def wine_40():
    """The same; 40 wines."""
    return _some(*datasets.load_wine(return_X_y=True), 40)


# -------------------------------------------------------------- generated, regression


def _made(function, n, d, noise=0.0, seed=0, low=-1.0):
    """Rows from the uniform distribution on [low, 1]^d, and a function of them."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(low, 1.0, (n, d))
    return X, function(X) + noise * rng.normal(size=n)


@_table("values")
def cosine_wide():
    """A cosine along one of twelve inputs; 150 rows, some noise."""
    return _made(lambda X: np.cos(3.0 * X[:, 0]), 150, 12, 0.2)


@_table("values")
def decay():
    """Exponential decay; 15 rows without noise."""
    return _made(lambda X: np.exp(-3.0 * X[:, 0]), 15, 1)


@_table("values")
def friedman1_80():
    """Friedman's first function; 80 rows."""
    return datasets.make_friedman1(80, noise=1.0, random_state=0)


@_table("values")
def friedman2_150():
    """Friedman's second function; 150 rows."""
    return datasets.make_friedman2(150, noise=50.0, random_state=0)


@_table("values")
def friedman3_200():
    """Friedman's third function; 200 rows."""
    return datasets.make_friedman3(200, noise=0.1, random_state=0)


@_table("values")
def heavy_tails():
    """A linear function with noise from Student's t; 100 rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 4))
    return X, X @ [1.0, -1.0, 0.5, 0.0] + rng.standard_t(2, size=100)


@_table("values")
def hill_2d():
    """A hill in a plane; 60 rows without noise."""
    return _made(lambda X: np.exp(-4.0 * np.sum(X**2, axis=1)), 60, 2)


@_table("values")
def line_10():
    """A line; ten rows without noise."""
    return _made(lambda X: 2.0 * X[:, 0], 10, 1)


@_table("values")
def noise_30():
    """Nothing but noise; 30 rows."""
    return _made(lambda X: 0.0, 30, 3, 1.0)


@_table("values")
def noise_150():
    """Nothing but noise; 150 rows."""
    return _made(lambda X: 0.0, 150, 6, 1.0, seed=1)


@_table("values")
def plane_25():
    """A linear function of five inputs; 25 rows without noise."""
    return _made(lambda X: X @ [1.0, 2.0, -1.0, 0.5, 0.0], 25, 5)


@_table("values")
def plane_noisy_50():
    """A linear function of eight inputs, as much noise; 50 rows."""
    return _made(lambda X: X @ np.linspace(-1.0, 1.0, 8), 50, 8, 1.1)


@_table("values")
def plane_noisy_200():
    """A linear function of ten inputs, half as much noise; 200 rows."""
    return _made(lambda X: X @ np.linspace(-1.0, 1.0, 10), 200, 10, 0.6)


@_table("values")
def plane_wide():
    """A sparse linear function of 60 inputs; 40 rows."""
    return _made(lambda X: X[:, 0] + X[:, 1] - X[:, 2], 40, 60, 0.3)


@_table("values")
def product_100():
    """A product of two of four inputs; 100 rows, little noise."""
    return _made(lambda X: X[:, 0] * X[:, 1], 100, 4, 0.05)


@_table("values")
def quadratic_30():
    """A quadratic form of two inputs; 30 rows without noise."""
    return _made(lambda X: X[:, 0] ** 2 - X[:, 0] * X[:, 1], 30, 2)


@_table("values")
def sine_25():
    """One period; 25 rows without noise."""
    return _made(lambda X: np.sin(np.pi * X[:, 0]), 25, 1)


@_table("values")
def sine_long_120():
    """Five periods; 120 rows, little noise."""
    return _made(lambda X: np.sin(5.0 * np.pi * X[:, 0]), 120, 1, 0.05)


@_table("values")
def sine_noisy_60():
    """One and a half periods, half as much noise; 60 rows."""
    return _made(lambda X: np.sin(1.5 * np.pi * X[:, 0]), 60, 1, 0.4)


@_table("values")
def step_60():
    """A step; 60 rows, little noise."""
    return _made(lambda X: np.sign(X[:, 0] - 0.2), 60, 2, 0.1)


# ---------------------------------------------------------- generated, classification


def _labels(function, n, d, seed=0):
    """Labels drawn with log odds that are a function of normal inputs."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    odds = function(X)
    return X, (rng.logistic(size=n) < odds).astype(int)


@_table("classes")
def circles_80():
    """One circle in another; 80 rows."""
    return datasets.make_circles(80, noise=0.1, factor=0.5, random_state=0)


@_table("classes")
def clouds_100():
    """Three classes in ten inputs; 100 rows."""
    return datasets.make_classification(
        100, 10, n_informative=4, n_classes=3, random_state=0
    )


@_table("classes")
def clouds_wide():
    """Two classes in 50 inputs; 40 rows."""
    return datasets.make_classification(40, 50, n_informative=5, random_state=0)


@_table("classes")
def coin_60():
    """Labels without structure; 60 rows."""
    return _labels(lambda X: 0.0, 60, 4)


@_table("classes")
def coin_250():
    """Labels without structure; 250 rows."""
    return _labels(lambda X: 0.0, 250, 6)


@_table("classes")
def interaction_200():
    """Log odds that are a product; 200 rows."""
    return _labels(lambda X: 3.0 * X[:, 0] * X[:, 1], 200, 3)


@_table("classes")
def logistic_40():
    """A logistic model of five inputs; 40 rows."""
    return _labels(lambda X: X @ [1.0, -1.0, 0.5, 0.0, 0.0], 40, 5)


@_table("classes")
def logistic_300():
    """A weak logistic model of ten inputs; 300 rows."""
    return _labels(lambda X: X @ np.linspace(-0.5, 0.5, 10), 300, 10)


@_table("classes")
def moons_40():
    """Two half moons; 40 rows, little noise."""
    return datasets.make_moons(40, noise=0.15, random_state=0)


@_table("classes")
def moons_noisy_200():
    """Two half moons; 200 rows, much noise."""
    return datasets.make_moons(200, noise=0.5, random_state=0)


@_table("classes")
def quantiles_150():
    """Three shells in three dimensions; 150 rows."""
    return datasets.make_gaussian_quantiles(
        n_samples=150, n_features=3, n_classes=3, random_state=0
    )


@_table("classes")
def separable_20():
    """A line between two classes; 20 rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 2))
    return X, (X[:, 0] + X[:, 1] > 0).astype(int)


@_table("classes")
def spirals_200():
    """Two spirals; 200 rows."""
    return two_spirals(200, 0.1)


@_table("classes")
def xor_60():
    """Signs of two inputs, multiplied; 60 rows."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (60, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)
