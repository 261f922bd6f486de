"""Initial weights (section 4.6): ``(rng, fan_in, fan_out) -> (fan_in, fan_out)``.

With normalised inputs and the recommended sigmoid, weights of standard deviation
``fan_in ** -1/2``, eq. (16), make every unit start at the edge of its linear range.
The fan-in counts the connections of a unit without its bias.
"""

from collections.abc import Callable
from math import sqrt
from typing import TypeAlias

import numpy as np

from sk_effprop.core.arrays import Array

Initializer: TypeAlias = Callable[[np.random.Generator, int, int], Array]


def uniform(std: Callable[[int, int], float]) -> Initializer:
    """Initializer that draws from U(-sqrt(3) std, sqrt(3) std)."""

    def draw(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
        bound = sqrt(3.0) * std(fan_in, fan_out)
        return rng.uniform(-bound, bound, size=(fan_in, fan_out))

    return draw


def normal(std: Callable[[int, int], float]) -> Initializer:
    """Initializer that draws from N(0, std^2)."""

    def draw(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
        return rng.normal(0.0, std(fan_in, fan_out), size=(fan_in, fan_out))

    return draw


def lecun(fan_in: int, fan_out: int) -> float:
    """Standard deviation of eq. (16)."""
    return sqrt(1.0 / fan_in)


def glorot(fan_in: int, fan_out: int) -> float:
    """Standard deviation of Glorot and Bengio (2010)."""
    return sqrt(2.0 / (fan_in + fan_out))


def he(fan_in: int, fan_out: int) -> float:
    """Standard deviation of He et al. (2015)."""
    return sqrt(2.0 / fan_in)


def nguyen_widrow(rng: np.random.Generator, fan_in: int, fan_out: int) -> Array:
    """Weights of norm 0.7 * fan_out^(1 / fan_in) for every unit (1990).

    The active regions of the units then tile the range of the inputs, if the biases
    spread them over it, as ``bias_init="data"`` does.
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
    """Initializer of this name, or normal with this standard deviation."""
    if isinstance(init, str):
        return INITIALIZERS[init]
    return normal(lambda fan_in, fan_out: float(init))


def biases_through_data(
    rng: np.random.Generator, projections: Array, sample_weight: Array | None
) -> Array:
    """Biases that put the hyperplane of each unit near a random training row.

    Parameters
    ----------
    rng : Generator
    projections : ndarray of shape (n_samples, n_units)
        Product ``X @ W`` of the rows and the weights of each unit.
    sample_weight : ndarray of shape (n_samples,) or None

    Returns
    -------
    ndarray of shape (n_units,)

    Notes
    -----
    For a random row r, ``b = -w.x_r`` is minus a random quantile of the projections.
    Drawing the quantile instead of the row makes the biases independent of the order
    of the rows, and a row of weight 2 equal to two rows.
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
