"""Holding out a part of the training data for early stopping."""

from math import ceil
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit


def split_off(
    examples: Any, fraction: float, rng: np.random.Generator, labels: Any
) -> tuple[Any, Any]:
    """Two random parts; every class in both, where labels are given and allow it.

    Raises
    ------
    ValueError
        If one part would be empty.
    """
    n = len(examples.weight)
    n_held_out = ceil(fraction * n)
    if n_held_out >= n:
        raise ValueError(
            f"early_stopping with validation_fraction={fraction} leaves nothing to "
            f"train on: n_samples={n}. Use early_stopping=False or more data."
        )
    if labels is not None and _can_stratify(labels, n_held_out):
        splitter = StratifiedShuffleSplit(
            1, test_size=n_held_out, random_state=int(rng.integers(2**31 - 1))
        )
        ((train, held_out),) = splitter.split(np.empty((n, 0)), labels)
    else:
        order = rng.permutation(n)
        train, held_out = order[n_held_out:], order[:n_held_out]
    return examples[np.sort(train)], examples[np.sort(held_out)]


def _can_stratify(labels: Any, n_held_out: int) -> bool:
    counts = np.unique(labels, return_counts=True)[1]
    smallest_part = min(n_held_out, len(labels) - n_held_out)
    return bool(counts.min() >= 2 and smallest_part >= len(counts))
