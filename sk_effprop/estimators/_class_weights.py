"""Weights of classes, which multiply those of the examples."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array

# Only the proportions of weights matter, and larger factors could overflow in products.
LARGEST_FACTOR = 1e100


def balancing_factors(y: Array, weight: Array) -> list[dict[Any, float]]:
    """Factor of each class that gives all classes the same total weight.

    Returns
    -------
    list of dict
        One dict for the classes, or one for each column of labels.
    """
    return [_balancing(column, weight) for column in _columns(y)]


def weigh(y: Array, weight: Array, factors: Sequence[Mapping[Any, float]]) -> Array:
    """Weights of examples times those of their classes, which are 1 by default."""
    weighed = weight
    for column, factor_of in zip(_columns(y), factors, strict=False):
        classes, labels = np.unique(column, return_inverse=True)
        own = np.array([factor_of.get(c, 1.0) for c in classes.tolist()])
        own = own / max(1.0, np.max(own) / LARGEST_FACTOR)
        weighed = weighed * own[labels]
    if y.ndim == 2 and weight.any():
        # products of balancing factors change the sum of the weights
        weighed = weighed * (weight.sum() / weighed.sum())
    return weighed


def check_class_weight(class_weight: Mapping[Any, float], y: Array) -> None:
    """Raise a ValueError for invalid weights, and for a dict if y has columns."""
    if y.ndim == 2:
        raise ValueError(
            "class_weight must be 'balanced' or None for multilabel data and several "
            "columns of classes, got "
            f"{class_weight!r}. Use sample_weight for anything else."
        )
    factors = class_weight.values()
    if not all(isinstance(f, Real) and 0 <= f < np.inf for f in factors):
        raise ValueError(
            "class_weight must contain a finite, non-negative number for every class, "
            f"got {class_weight!r}. Use 0 to leave a class out."
        )


def check_names_of_classes(class_weight: Mapping[Any, float], classes: Array) -> None:
    """Raise a ValueError for names that look misspelt.

    Names of absent classes are allowed, as a fold of the data may lack a class.  They
    are misspelt if there is also a class without a name.
    """
    known, named = set(classes.tolist()), set(class_weight)
    strangers = {c for c in named - known if class_weight[c] != 0}
    if strangers and known - named:
        raise ValueError(
            f"class_weight names {sorted(strangers, key=str)}, which are not among the "
            f"classes {classes.tolist()}, and has no weight for "
            f"{sorted(known - named, key=str)}."
        )


def _columns(y: Array) -> Any:
    return y.T if y.ndim == 2 else [y]


def _balancing(labels: Array, weight: Array) -> dict[Any, float]:
    classes, codes = np.unique(labels, return_inverse=True)
    # sums of weights instead of counts, so that absent examples and weight 0 agree
    sums = np.bincount(codes, weights=weight)
    factors = sums.sum() / (np.count_nonzero(sums) * np.where(sums > 0, sums, 1.0))
    return dict(zip(classes.tolist(), factors.tolist(), strict=True))
