"""Losses of predictions, relative to those of the best constants.

A change of a hyperparameter may change the objective itself, so refits are compared by
a measure that knows neither coding nor penalty: the squared error of probabilities or
values, or the loss that a regressor minimises.  1 is no better than a constant, and 0
is perfect::

    losses = row_losses("squared", truth, predictions)
    share = losses.mean() / row_losses("squared", truth, constants).mean()
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.special import xlogy

from sk_effprop.core.arrays import Array
from sk_effprop.inspection.diagnosis._subject import Subject

RowLosses = Callable[[Array, Array], Array]
TINY = 1e-300
# Values below this share of the median count as equal in comparisons of logarithms.
SMALLEST = 1e-3


def squared(truth: Array, predicted: Array) -> Array:
    """Squared errors, summed over the outputs: of probabilities, the Brier score."""
    return np.asarray(np.sum((truth - predicted) ** 2, axis=1))


def absolute(truth: Array, predicted: Array) -> Array:
    """Absolute errors, summed over the outputs."""
    return np.asarray(np.sum(np.abs(truth - predicted), axis=1))


def of_logarithms(truth: Array, predicted: Array) -> Array:
    """Squared errors of logarithms, so that small values count like large ones."""
    least = SMALLEST * np.median(truth, axis=0)
    logarithms = (np.log(np.maximum(one, least)) for one in (truth, predicted))
    return squared(*logarithms)


def pinball(truth: Array, predicted: Array, *, quantile: float) -> Array:
    """Loss whose minimum is a quantile."""
    error = truth - predicted
    return np.asarray(np.sum(np.maximum(quantile * error, (quantile - 1) * error), 1))


def poisson(truth: Array, predicted: Array) -> Array:
    """Deviance of counts."""
    mean = np.maximum(predicted, TINY)
    terms = xlogy(truth, np.maximum(truth, TINY) / mean) - truth + mean
    return np.asarray(np.sum(terms, axis=1))


def gamma(truth: Array, predicted: Array) -> Array:
    """Deviance of positive values."""
    ratio = np.maximum(truth, TINY) / np.maximum(predicted, TINY)
    return np.asarray(np.sum(ratio - 1.0 - np.log(ratio), axis=1))


def measure_for(subject: Subject) -> tuple[RowLosses, float | None]:
    """Row losses that suit the task, and the level of the constant if a quantile."""
    loss = subject.given["loss"]
    if subject.is_classification or not isinstance(loss, str):
        return squared, None
    if loss == "quantile":
        level = float(subject.given["quantile"])
        return partial(pinball, quantile=level), level
    named: dict[str, tuple[RowLosses, float | None]] = {
        "absolute_error": (absolute, 0.5),
        "huber": (absolute, 0.5),
        "poisson": (poisson, None),
        "gamma": (gamma, None),
    }
    return named.get(loss, (squared, None))


def as_columns(subject: Subject, y: Any) -> Array:
    """Targets as a float matrix: indicators of classes, values in units of deviations.

    Deviances are not invariant to scale, but their shares of a constant's are.
    """
    if subject.is_classification:
        coding = subject.estimator.coding_
        if coding.is_multilabel:
            dense_y = y.toarray() if hasattr(y, "toarray") else y
            return np.asarray(dense_y, dtype=float)
        labels = np.searchsorted(coding.classes, np.asarray(y).reshape(-1))
        return np.eye(len(coding.classes))[labels]
    return np.asarray(y, dtype=float).reshape(len(y), -1)


def predicted_columns(subject: Subject, model: Any, X: Any) -> Array:
    """Predictions in the form of :func:`as_columns`."""
    if not subject.is_classification:
        return np.asarray(model.predict(X), dtype=float).reshape(X.shape[0], -1)
    p = np.asarray(model.predict_proba(X), dtype=float)
    coding = subject.estimator.coding_
    if coding.is_multilabel or p.shape[1] == len(coding.classes):
        return p
    # a class may be missing in a part of the rows
    full = np.zeros((len(p), len(coding.classes)))
    full[:, np.searchsorted(coding.classes, model.classes_)] = p
    return full


def best_constant(truth: Array, level: float | None) -> Array:
    """Constants that minimise the measure: means, or quantiles of this level."""
    if level is None:
        return np.asarray(truth.mean(axis=0))
    return np.asarray(np.quantile(truth, level, axis=0))
