"""Validation data: splitting off a part of the examples, and scores."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from math import ceil
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils.multiclass import type_of_target

from sk_effprop.core.arrays import Array
from sk_effprop.core.partitions import PartitionedObjective
from sk_effprop.estimators import _build as build
from sk_effprop.estimators import _reading as reading
from sk_effprop.estimators._data import Examples
from sk_effprop.estimators._run import Run, fitted_with

HeldOut: TypeAlias = Examples | PartitionedObjective


def split_off(
    examples: Examples, fraction: float, rng: np.random.Generator, *, by_class: bool
) -> tuple[Examples, Examples]:
    """Split examples at random; classes keep their proportions.

    scikit-learn's StratifiedShuffleSplit rejects classes with one example, and may hold
    out all examples of a rare class.  Here every class keeps one for training.

    Parameters
    ----------
    examples : Examples
    fraction : float
        Fraction to hold out.
    rng : Generator
    by_class : bool
        Whether the targets are classes.

    Returns
    -------
    train, held_out : Examples
        In the order of ``examples``, with their weights.

    Raises
    ------
    ValueError
        If a part would be empty, or both would have a single example.
    """
    n = len(examples)
    strata = _strata(examples.y) if by_class else np.zeros(n, dtype=int)
    shares = _shares(np.bincount(strata), ceil(fraction * n))
    if ceil(fraction * n) >= n or not shares.any():
        raise ValueError(
            f"validation_fraction={fraction} of n_samples={n} leaves no examples for "
            "training or for validation, where training needs an example of every "
            "class. Use early_stopping=False, X_val and y_val, or more data."
        )
    if n == 2:
        raise ValueError(
            "The validation set is too small: n_samples=2 is too few for "
            "early_stopping=True. Use early_stopping=False, X_val and y_val, or more "
            "data."
        )
    is_held_out = np.zeros(n, dtype=bool)
    order = rng.permutation(n)
    for stratum, share in enumerate(shares):
        is_held_out[order[strata[order] == stratum][:share]] = True
    return examples[~is_held_out], examples[is_held_out]


def assign_folds(
    examples: Examples, n_folds: int, rng: np.random.Generator, *, by_class: bool
) -> Array:
    """Number of the fold of each example, at random; classes are spread over all folds.

    The only example of a class is in no fold and has the number -1, so that every class
    has examples outside of every fold.
    """
    strata = _strata(examples.y) if by_class else np.zeros(len(examples), dtype=int)
    order = rng.permutation(len(examples))
    order = order[np.argsort(strata[order], kind="stable")]
    is_dealt = np.bincount(strata)[strata[order]] > 1
    folds = np.full(len(examples), -1)
    folds[order[is_dealt]] = np.arange(np.sum(is_dealt)) % n_folds
    return folds


def _strata(y: Any) -> Any:
    """Number of the stratum of each row; rows of a stratum are interchangeable."""
    kind = type_of_target(y)
    if kind in ("binary", "multiclass"):
        return np.unique(y, return_inverse=True)[1].ravel()
    alike = np.zeros(len(y), dtype=int)
    # the only example of a label stays in training, as the one of a class does
    if kind == "multilabel-indicator":
        is_only = (y[:, np.sum(y != 0, axis=0) == 1] != 0).any(axis=1)
    elif kind in ("multiclass-multioutput", "unknown"):
        is_only = np.any([_is_only_one(column) for column in y.T], axis=0)
    else:
        return alike
    alike[is_only] = 1 + np.arange(np.sum(is_only))
    return alike


def _is_only_one(labels: Array) -> Array:
    """True for each label that no other example has."""
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(counts[codes] == 1)


def _shares(counts: Any, n_held_out: int) -> Any:
    """Examples of each stratum to hold out, by largest remainders; never all."""
    quotas = counts * (n_held_out / counts.sum())
    shares = np.minimum(quotas.astype(int), counts - 1)
    for stratum in np.argsort(shares - quotas, kind="stable"):
        if shares.sum() < n_held_out and shares[stratum] < counts[stratum] - 1:
            shares[stratum] += 1
    return shares


def score_of(
    scorer: Callable[..., Any], estimator: Any, held_out: Examples, scoring: Any
) -> float:
    """Score of a fitted estimator, weighted where the examples are.

    Raises
    ------
    ValueError
        If the scorer does not take weights, or returns no finite number.
    """
    weight = held_out.weight
    more = {} if np.ptp(weight) == 0.0 else {"sample_weight": weight}
    try:
        score = scorer(estimator, held_out.X, held_out.y, **more)
    except TypeError as error:
        if "unexpected keyword argument 'sample_weight'" not in str(error):
            raise
        raise ValueError(
            f"scoring={scoring!r} takes no sample_weight, but the validation data are "
            "weighted by sample_weight or class_weight. Use a scorer that takes it, "
            "no class_weight, or X_val and y_val without weights."
        ) from error
    if not (isinstance(score, Real) and np.isfinite(float(score))):
        raise ValueError(
            f"scoring={scoring!r} must return a finite number on the validation data, "
            f"got {score!r} for {len(held_out)} examples. Use another score or more "
            "validation data."
        )
    return float(score)


@dataclass(frozen=True, eq=False)
class Validation:
    """Loss and score on held-out examples, which decide when training ends.

    Attributes
    ----------
    objective : Objective or PartitionedObjective
        On the held-out examples, without a penalty.
    score : callable or None
        From theta to a score, larger is better; None for the negative loss.
    is_split_off : bool or None
        Whether the examples are a part of those that were given for training; None if
        they lie in parts, of which that is not known.
    """

    objective: Any
    score: Callable[[Array], float] | None
    is_split_off: bool | None

    def __call__(self, theta: Array) -> tuple[float, float]:
        """Loss and score of these weights."""
        score = None if self.score is None else self.score(theta)
        loss = self.objective.value(theta)
        return loss, -loss if score is None else score


def make_validation(estimator: Any, run: Run, held_out: HeldOut) -> Validation:
    """Make the function from theta to loss and score on held-out examples.

    Raises
    ------
    ValueError
        If the examples lie in parts, and ``scoring`` is not "loss".
    """
    scoring = estimator.scoring
    if isinstance(held_out, PartitionedObjective):
        if scoring == "loss":
            return Validation(held_out, None, is_split_off=None)
        raise ValueError(
            f"scoring={scoring!r} needs the validation data in one place, but they lie "
            "in partitions. Use scoring='loss', or give X_val and y_val as arrays."
        )
    objective = _held_out_objective(estimator, run, held_out)
    score = None if scoring == "loss" else _make_score(estimator, run, held_out)
    return Validation(objective, score, not held_out.is_given_apart)


def _make_score(
    estimator: Any, run: Run, held_out: Examples
) -> Callable[[Array], float]:
    """Make the function from theta to the score of an estimator with these weights."""
    scorer = check_scoring(estimator, scoring=estimator.scoring)

    def score(theta: Array) -> float:
        fitted = copy(estimator)
        fitted.__dict__.update(fitted_with(run, theta.copy()))
        # the examples are encoded, and have lost the names of their columns
        fitted.__dict__.update(n_features_in_=held_out.X.shape[1], table_encoder_=None)
        fitted.__dict__.pop("feature_names_in_", None)
        return score_of(scorer, fitted, held_out, estimator.scoring)

    return score


def _held_out_objective(estimator: Any, run: Run, held_out: Examples) -> Any:
    with reading.about_validation_data():
        dtype = run.objective.dtype
        coding = estimator.coding_
        data = reading.encode(held_out, estimator.normalizer_, coding, dtype)
    no_penalty = np.zeros_like(run.plan.alpha)
    return build.make_objective(run.objective.network, coding.loss, data, no_penalty)
