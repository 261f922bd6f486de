"""Weights of classes, multiplied with those of examples."""

from numbers import Real
from typing import Any

import numpy as np


def balancing_factors(y: Any, weight: Any) -> list[dict[Any, float]]:
    """The factor of each class that lets all of them weigh the same.

    Returns
    -------
    list of dict
        One for the classes, or one for each column of labels.
    """
    return [_balancing(column, weight) for column in _columns(y)]


def weigh(y: Any, weight: Any, factors: list[dict[Any, float]]) -> Any:
    """The weights of examples times those of their classes, 1 unless they have one."""
    weighed = weight
    for column, factor_of in zip(_columns(y), factors, strict=False):
        classes, labels = np.unique(column, return_inverse=True)
        own = np.array([factor_of.get(c, 1.0) for c in classes.tolist()])
        weighed = weighed * own[labels]
    if y.ndim == 2 and weight.any():
        # products of balancing factors do not leave the sum what it was
        weighed = weighed * (weight.sum() / weighed.sum())
    return weighed


def check_class_weight(class_weight: dict[Any, float], y: Any) -> None:
    """Refuse what is no weight, and a dict where there is no one class a row."""
    if y.ndim == 2:
        raise ValueError(
            "class_weight must be 'balanced' or None for several labels a row, got "
            f"{class_weight!r}. Use sample_weight for anything else."
        )
    factors = class_weight.values()
    if not all(isinstance(f, Real) and 0 <= f < np.inf for f in factors):
        raise ValueError(
            "class_weight must be a finite number for every class, and not be "
            f"negative, got {class_weight!r}. Use 0 to leave a class out."
        )


def check_names_of_classes(class_weight: dict[Any, float], classes: Any) -> None:
    """A class may be absent, but names beside classes without one are misspelt."""
    known, named = set(classes.tolist()), set(class_weight)
    strangers = {c for c in named - known if class_weight[c] != 0}
    if strangers and known - named:
        raise ValueError(
            f"class_weight names {sorted(strangers, key=str)}, which are not among the "
            f"classes {classes.tolist()}, and has no weight for "
            f"{sorted(known - named, key=str)}."
        )


def _columns(y: Any) -> Any:
    return y.T if y.ndim == 2 else [y]


def _balancing(labels: Any, weight: Any) -> dict[Any, float]:
    classes, codes = np.unique(labels, return_inverse=True)
    # sums of weights in place of counts, so that absent and weight 0 agree
    sums = np.bincount(codes, weights=weight)
    factors = sums.sum() / (np.count_nonzero(sums) * np.where(sums > 0, sums, 1.0))
    return dict(zip(classes.tolist(), factors.tolist(), strict=True))
