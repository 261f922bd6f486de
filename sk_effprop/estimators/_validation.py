"""Held-out data: how they are split off, and what is measured on them."""

from collections.abc import Callable
from math import ceil
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.multiclass import type_of_target

from sk_effprop.estimators._data import Examples


def split_off(
    examples: Examples, fraction: float, rng: np.random.Generator, *, by_class: bool
) -> tuple[Examples, Examples]:
    """Two random parts; classes in proportion, none taken from training altogether.

    Returns
    -------
    train, held_out : Examples
        In the order of ``examples``, with their weights.

    Raises
    ------
    ValueError
        If one part would be empty, or both would be a single example.
    """
    n = len(examples)
    strata = _strata(examples.y) if by_class else np.zeros(n, dtype=int)
    shares = _shares(np.bincount(strata), ceil(fraction * n))
    if ceil(fraction * n) >= n or not shares.any():
        raise ValueError(
            f"early_stopping with validation_fraction={fraction} leaves nothing to "
            f"train on or nothing to validate with: n_samples={n}, and one example of "
            "every class is needed for training. Use early_stopping=False, X_val and "
            "y_val, or more data."
        )
    if n == 2:
        raise ValueError(
            "The validation set is too small, and so is what is left to train on: "
            "n_samples=2 leaves one example for each. Use early_stopping=False, X_val "
            "and y_val, or more data."
        )
    is_held_out = np.zeros(n, dtype=bool)
    order = rng.permutation(n)
    for stratum, share in enumerate(shares):
        is_held_out[order[strata[order] == stratum][:share]] = True
    return examples[~is_held_out], examples[is_held_out]


def _strata(y: Any) -> Any:
    """A number for each row; rows of equal number can stand in for each other."""
    kind = type_of_target(y)
    if kind in ("binary", "multiclass"):
        return np.unique(y, return_inverse=True)[1].ravel()
    alike = np.zeros(len(y), dtype=int)
    if kind == "multilabel-indicator":
        # the only example of a label stays in training, as that of a class does
        is_only = (y[:, np.sum(y != 0, axis=0) == 1] != 0).any(axis=1)
        alike[is_only] = 1 + np.arange(np.sum(is_only))
    return alike


def _shares(counts: Any, n_held_out: int) -> Any:
    """How many of each stratum to hold out, by largest remainders; never all."""
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
        If that cannot be weighted, or gives no finite number.
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
            "weighted, by sample_weight or class_weight. Use a scorer that takes it, "
            "no class_weight, or X_val and y_val without weights."
        ) from error
    if not (isinstance(score, Real) and np.isfinite(score)):
        raise ValueError(
            f"scoring={scoring!r} must give a finite number on the validation data, "
            f"got {score!r} for {len(held_out)} examples. Use another score or more "
            "validation data."
        )
    return float(score)
