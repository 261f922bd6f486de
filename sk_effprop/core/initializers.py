"""Initial weights (section 4.6): ``(rng, fan_in, fan_out) -> (fan_in, fan_out)``.

With normalised inputs and the recommended sigmoid, weights of standard deviation
``fan_in ** -1/2``, eq. (16), let every unit start at the edge of its linear range.
Fan-in counts connections, not the bias.
"""

from collections.abc import Callable
from math import sqrt
from typing import TypeAlias

import numpy as np

from sk_effprop.core.arrays import Array

Initializer: TypeAlias = Callable[[np.random.Generator, int, int], Array]


def uniform(std: Callable[[int, int], float]) -> Initializer:
    """Draw from U(-sqrt(3) std, sqrt(3) std)."""

    def draw(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
        bound = sqrt(3.0) * std(fan_in, fan_out)
        return rng.uniform(-bound, bound, size=(fan_in, fan_out))

    return draw


def normal(std: Callable[[int, int], float]) -> Initializer:
    """Draw from N(0, std^2)."""

    def draw(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
        return rng.normal(0.0, std(fan_in, fan_out), size=(fan_in, fan_out))

    return draw


def lecun(fan_in: int, fan_out: int) -> float:
    """Eq. (16)."""
    return sqrt(1.0 / fan_in)


def glorot(fan_in: int, fan_out: int) -> float:
    """Glorot and Bengio (2010)."""
    return sqrt(2.0 / (fan_in + fan_out))


def he(fan_in: int, fan_out: int) -> float:
    """He et al. (2015)."""
    return sqrt(2.0 / fan_in)


def nguyen_widrow(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    """Every unit's weights get the norm 0.7 * fan_out^(1 / fan_in) (1990).

    The units' active regions then tile the input range; biases that spread them over it
    are the business of ``bias_init="data"``.
    """
    weights = rng.uniform(-1.0, 1.0, size=(fan_in, fan_out))
    norm = 0.7 * fan_out ** (1.0 / fan_in)
    return np.asarray(norm * weights / np.linalg.norm(weights, axis=0))


INITIALIZERS: dict[str, Initializer] = {
    "lecun_uniform": uniform(lecun),
    "lecun_normal": normal(lecun),
    "glorot_uniform": uniform(glorot),
    "glorot_normal": normal(glorot),
    "he_uniform": uniform(he),
    "he_normal": normal(he),
    "nguyen_widrow": nguyen_widrow,
}


def get_initializer(init: str | float) -> Initializer:
    """Look up a name; a number is the standard deviation of a normal law."""
    if isinstance(init, str):
        return INITIALIZERS[init]
    return normal(lambda fan_in, fan_out: float(init))


def biases_through_data(
    rng: np.random.Generator, projections: Array, sample_weight: Array | None
) -> Array:
    """Biases that put each unit's hyperplane near a random training row.

    Parameters
    ----------
    rng : Generator
    projections : ndarray of shape (n_samples, n_units)
        What each unit's weights make of each row, ``X @ W``.
    sample_weight : ndarray of shape (n_samples,) or None

    Returns
    -------
    ndarray of shape (n_units,)

    Notes
    -----
    ``b = -w.x_r`` for a random row r is minus a random quantile of the projections.
    Drawing the quantile instead of the row makes the biases independent of the order
    of the rows, and a weight of 2 the same as a repeated row.
    """
    levels = rng.uniform(size=projections.shape[1])
    units = np.arange(projections.shape[1])
    if sample_weight is None:
        ranked = np.sort(projections, axis=0)
        return np.asarray(-ranked[(levels * len(ranked)).astype(int), units])
    order = np.argsort(projections, axis=0, kind="stable")
    ranked = np.take_along_axis(projections, order, axis=0)
    cumulated = np.cumsum(sample_weight[order], axis=0)
    picked = np.sum(cumulated < levels * cumulated[-1], axis=0)
    return np.asarray(-ranked[picked, units])
