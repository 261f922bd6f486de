"""Faults planted into tables and settings, with the causes to be diagnosed.

A fault takes a table and a seed, and returns the settings of an estimator, the data
with the fault in them, and is skipped where it returns None::

    planted = FAULTS["learning rate x 30"].plant(table, seed=0)
    planted.estimator.fit(planted.X, planted.y)
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks import _generators, _tables
from sk_effprop import EffPropClassifier, EffPropRegressor

# Tables with structure that a healthy fit finds; all of them come with scikit-learn.
TABLES = {
    "breast cancer": _tables.breast_cancer,
    "moons": _generators.moons,
    "digits": _tables.digits,
    "diabetes": _tables.diabetes,
    "friedman3": _generators.friedman3,
    "kinematics": _generators.kinematics,
}
# one unit is enough for these
NEARLY_LINEAR = ("breast cancer", "diabetes")
# Stochastic training with few epochs, as faults of presentation need it.
ONLINE = {"solver": "sgd"}
MOST_ROWS = 1200
# columns with fewer different numbers are categories as well
MANY_NUMBERS = 100


class Table(NamedTuple):
    """Inputs and targets; inputs are standardised, so that a fault is the only one."""

    name: str
    is_classification: bool
    X: Any
    y: Any


class Planted(NamedTuple):
    """A table and settings with a fault in them."""

    settings: dict[str, Any]
    X: Any
    y: Any


class Fault(NamedTuple):
    """Function that plants a fault, and the causes and parameters to be named."""

    plant: Callable[[Table, np.random.Generator], Planted | None]
    causes: tuple[str, ...]
    parameters: tuple[str, ...]


FAULTS: dict[str, Fault] = {}


def _fault(name, causes, parameters):
    def register(function):
        FAULTS[name] = Fault(function, tuple(causes), tuple(parameters))
        return function

    return register


@cache
def table(name: str) -> Table:
    """A table of the accuracy suite, standardised, with at most MOST_ROWS rows."""
    X, y = TABLES[name]()[name]
    rows = np.random.default_rng(0).permutation(len(y))[:MOST_ROWS]
    X, y = np.asarray(X, dtype=float)[rows], np.asarray(y)[rows]
    deviation = X.std(axis=0)
    X = (X - X.mean(axis=0)) / np.where(deviation > 0.0, deviation, 1.0)
    return Table(name, y.dtype.kind != "f", X, y)


def estimator_for(one: Table, seed: int, **settings: Any) -> Any:
    """The estimator for a table."""
    kind = EffPropClassifier if one.is_classification else EffPropRegressor
    return kind(random_state=seed, **settings)


@cache
def automatic(name: str) -> tuple[float, float]:
    """Rate and penalty that "auto" finds for a table."""
    one = table(name)
    model = estimator_for(one, 0, solver="sgd", max_iter=1).fit(one.X, one.y)
    return model.learning_rate_, float(model.alpha_.max())


# ------------------------------------------------------------------------------- inputs


@_fault("raw scales", ["uneven input scales"], ["normalize"])
def _raw_scales(one, rng):
    factors = 10.0 ** rng.permutation(np.linspace(-3, 3, one.X.shape[1]))
    return Planted({"normalize": None, "input_clip": None}, one.X * factors, one.y)


@_fault("mean of +10", ["input means far from zero"], ["normalize"])
def _mean(one, rng):
    return Planted({"normalize": None, "input_clip": None}, one.X + 10.0, one.y)


@_fault("duplicated and constant columns", ["duplicated columns"], ["X"])
def _copies(one, rng):
    columns = rng.integers(0, one.X.shape[1], 8)
    copies = 3.0 * one.X[:, columns]
    varies = np.abs(copies).sum(axis=0) > 0
    constant = np.full((len(one.X), 3), 7.0)
    return Planted({}, np.hstack([one.X, copies[:, varies], constant]), one.y)


@_fault(
    "outliers in the inputs", ["outliers in the inputs"], ["input_clip", "normalize"]
)
def _outliers(one, rng):
    X = one.X.copy()
    rows = rng.random(len(X)) < 0.02
    X[rows] *= 1e4
    return Planted({"normalize": "standardize", "input_clip": None}, X, one.y)


@_fault("leakage of the target", ["target leaked into a column"], ["X"])
def _leak(one, rng):
    y = one.y.astype(float)
    leak = y + 0.01 * y.std() * rng.normal(size=len(y))
    return Planted({}, np.column_stack([one.X, leak]), one.y)


@_fault("codes of missing values", ["missing values coded as numbers"], ["X"])
def _codes(one, rng):
    X = one.X.copy()
    half = X[:, ::2]
    half[rng.random(half.shape) < 0.15] = -999.0
    return Planted({}, X, one.y)


@_fault("mixed units", ["mixed units"], ["X"])
def _units(one, rng):
    X = one.X + 5.0
    X[rng.random(len(X)) < 0.15] *= 1000.0
    return Planted({}, X, one.y)


@_fault("numbers of rows", ["identifiers"], ["X"])
def _row_numbers(one, rng):
    return Planted({}, np.column_stack([np.arange(len(one.X)), one.X]), one.y)


@_fault("useless columns", ["useless columns"], ["X"])
def _useless(one, rng):
    group = rng.integers(0, 150, len(one.X))
    indicators = (group[:, None] == np.arange(150)).astype(float)
    return Planted({}, np.hstack([one.X, indicators]), one.y)


@_fault("numbers as text", ["numbers as text"], ["X"])
def _text(one, rng):
    if len(np.unique(one.X[:, 0])) < MANY_NUMBERS:
        return None
    frame = pd.DataFrame(one.X.round(3)).astype(str)
    frame.columns = [f"x{j}" for j in range(frame.shape[1])]
    return Planted({}, frame, one.y)


@_fault("categories as numbers", ["categories as numbers"], ["categorical_features"])
def _category(one, rng):
    if one.is_classification:
        return None
    code = rng.integers(0, 12, len(one.y))
    effect = rng.permutation(np.linspace(-3.0, 3.0, 12))[code]
    y = one.y + one.y.std() * effect
    return Planted({}, np.column_stack([one.X, code]), y)


# ------------------------------------------------------------------------------ targets


@_fault("targets of other rows", ["targets of other rows"], ["y"])
def _moved(one, rng):
    return Planted({}, one.X, np.roll(one.y, 1))


@_fault("targets in any order", ["nothing to learn"], [""])
def _any_order(one, rng):
    return Planted({}, one.X, rng.permutation(one.y))


@_fault("contradictory rows", ["contradictory rows"], ["y"])
def _contradictory(one, rng):
    again = rng.permutation(len(one.y))[: len(one.y) // 3]
    y = np.concatenate([one.y, rng.permutation(one.y)[: len(again)]])
    order = rng.permutation(len(y))
    return Planted({}, np.vstack([one.X, one.X[again]])[order], y[order])


@_fault("codes in the targets", ["missing values coded as numbers"], ["y"])
def _target_codes(one, rng):
    if one.is_classification:
        return None
    y = np.where(rng.random(len(one.y)) < 0.05, -99999.0, one.y)
    return Planted({}, one.X, y)


@_fault("labels that became one", ["label noise"], ["y"])
def _one_sided_noise(one, rng):
    if not one.is_classification:
        return None
    first = np.unique(one.y)[0]
    return Planted({}, one.X, np.where(rng.random(len(one.y)) < 0.25, first, one.y))


@_fault("medians of zeros", ["loss unlike the targets"], ["loss"])
def _zeros(one, rng):
    if one.is_classification:
        return None
    y = np.maximum(one.y - np.quantile(one.y, 0.6), 0.0)
    return Planted({"loss": "absolute_error"}, one.X, y)


@_fault("skewed targets", ["skewed targets"], ["loss"])
def _skewed(one, rng):
    if one.is_classification:
        return None
    return Planted({}, one.X, np.exp(3.0 * (one.y - one.y.mean()) / one.y.std()))


@_fault("targets at the asymptote", ["targets at the asymptotes"], ["target_values"])
def _asymptote(one, rng):
    if not one.is_classification:
        return None
    settings = {"loss": "squared_error", "target_values": "asymptote"}
    return Planted(settings, one.X, one.y)


@_fault(
    "targets out of range",
    ["targets out of range", "target scale"],
    ["target_values", "normalize_target"],
)
def _out_of_range(one, rng):
    if one.is_classification:
        settings = {
            "loss": "squared_error", "output_activation": "identity",
            "target_values": (-100.0, 100.0),
        }  # fmt: skip
        return Planted(settings, one.X, one.y)
    y = (one.y - one.y.mean()) / one.y.std() + 1000.0
    return Planted({"normalize_target": False}, one.X, y)


@_fault("exploding target scale", ["target scale"], ["normalize_target"])
def _target_scale(one, rng):
    if one.is_classification:
        return None
    return Planted({"normalize_target": False}, one.X, 1e5 * one.y)


@_fault("label noise", ["label noise"], ["y", "", "loss"])
def _label_noise(one, rng):
    if not one.is_classification:
        return None
    classes, y = np.unique(one.y, return_inverse=True)
    wrong = rng.random(len(y)) < 0.3
    y[wrong] += rng.integers(1, len(classes), wrong.sum())
    y %= len(classes)
    return Planted({}, one.X, y)


@_fault("imbalanced classes", ["imbalanced classes"], ["class_weight"])
def _imbalance(one, rng):
    if not one.is_classification or len(np.unique(one.y)) > 3:
        return None
    rare = one.y == np.unique(one.y)[0]
    kept = ~rare | (rng.random(len(rare)) < 0.05)
    overlap = one.X + 1.0 * rng.normal(size=one.X.shape)
    return Planted({}, overlap[kept], one.y[kept])


@_fault("outliers in the targets", ["outliers in the targets"], ["loss"])
def _target_outliers(one, rng):
    if one.is_classification:
        return None
    y = one.y.copy()
    rows = rng.random(len(y)) < 0.03
    y[rows] += 100.0 * y.std() * rng.choice([-1.0, 1.0], rows.sum())
    return Planted({}, one.X, y)


# -------------------------------------------------------------------- weights and units


@_fault("saturated initial weights", ["initial weights too large"], ["init"])
def _saturated(one, rng):
    return Planted({"init": 30.0}, one.X, one.y)


@_fault("vanishing initial weights", ["initial weights too small"], ["init"])
def _vanishing(one, rng):
    return Planted({"init": 1e-7}, one.X, one.y)


@_fault("dead relu layer", ["dead units"], ["bias_init", "activation"])
def _dead(one, rng):
    return Planted({"activation": "relu", "bias_init": -30.0}, one.X, one.y)


@_fault(
    "sigmoid stack too deep",
    ["too many layers for the activation"],
    ["activation", "hidden_layer_sizes"],
)
def _deep(one, rng):
    settings = {"activation": "logistic", "hidden_layer_sizes": (16,) * 8}
    return Planted(settings, one.X, one.y)


@_fault("network too small", ["network too small"], ["hidden_layer_sizes"])
def _small(one, rng):
    if one.name in NEARLY_LINEAR:
        return None
    return Planted({"hidden_layer_sizes": (1,)}, one.X, one.y)


# ----------------------------------------------------------------------------- training


@_fault("learning rate x 30", ["learning rate too large"], ["learning_rate_init"])
def _large_rate(one, rng):
    eta, _ = automatic(one.name)
    return Planted({**ONLINE, "learning_rate_init": 30.0 * eta}, one.X, one.y)


@_fault("learning rate / 1000", ["learning rate too small"], ["learning_rate_init"])
def _small_rate(one, rng):
    eta, _ = automatic(one.name)
    return Planted({**ONLINE, "learning_rate_init": eta / 1000.0}, one.X, one.y)


@_fault("sorted presentation", ["sorted presentation"], ["shuffle"])
def _sorted(one, rng):
    order = np.argsort(one.y, kind="stable")
    return Planted({**ONLINE, "shuffle": False}, one.X[order], one.y[order])


@_fault("penalty x 1000", ["penalty too strong"], ["alpha"])
def _penalty(one, rng):
    _, alpha = automatic(one.name)
    return Planted({"alpha": 1000.0 * alpha}, one.X, one.y)


@_fault("far too few epochs", ["too few epochs", "too few iterations"], ["max_iter"])
def _epochs(one, rng):
    return Planted({"max_iter": 2}, one.X, one.y)


@_fault(
    "overfitting", ["overfitting"], ["alpha", "early_stopping", "hidden_layer_sizes"]
)
def _overfitting(one, rng):
    rows = rng.permutation(len(one.y))[:150]
    noise = rng.normal(size=(150, 20))
    settings = {
        "alpha": 0.0, "hidden_layer_sizes": (50, 50), "max_iter": 300, "tol": 0.0,
    }  # fmt: skip
    return Planted(settings, np.hstack([one.X[rows], noise]), one.y[rows])


@_fault("batch too large", ["batches too large"], ["batch_size"])
def _batch(one, rng):
    settings = {**ONLINE, "batch_size": "full", "max_iter": 20}
    return Planted(settings, one.X, one.y)


@_fault("stopped too early", ["training ended too early"], ["tol", "n_iter_no_change"])
def _tol(one, rng):
    return Planted({**ONLINE, "tol": 10.0, "n_iter_no_change": 1}, one.X, one.y)


@_fault(
    "momentum of 0.999",
    ["learning rate too large", "momentum", "momentum too large"],
    ["learning_rate_init", "momentum"],
)
def _momentum(one, rng):
    eta, _ = automatic(one.name)
    settings = {**ONLINE, "learning_rate_init": eta, "momentum": 0.999}
    return Planted(settings, one.X, one.y)


@_fault("rate of adam x 300", ["learning rate too large"], ["learning_rate_init"])
def _adam_rate(one, rng):
    return Planted({"solver": "adam", "learning_rate_init": 0.3}, one.X, one.y)


@_fault("rate that vanishes", ["learning rate falls too fast"], ["learning_rate"])
def _vanishing_rate(one, rng):
    settings = {**ONLINE, "learning_rate": "invscaling", "power_t": 1.0}
    return Planted(settings, one.X, one.y)


@_fault(
    "most rows held out",
    ["few examples to train on"],
    ["validation_fraction", "early_stopping"],
)
def _held_out(one, rng):
    settings = {"early_stopping": True, "validation_fraction": 0.9}
    return Planted(settings, one.X, one.y)
