"""Initial inverse Hessian of L-BFGS, applied as a change of variables.

SciPy's L-BFGS starts from the identity and takes no pairs of an earlier call.  With
``H = L L'`` an estimate of the inverse Hessian, descent in z with ``theta = origin + L
z`` starts from the identity where descent in theta starts from H.  The estimate is that
of the pairs, which begins with the diagonal curvature::

    factor = InverseFactor(pairs, lengths(objective, theta))
    theta = origin + factor.times(z)
"""

from collections import deque
from collections.abc import Iterable
from math import sqrt
from typing import Any, TypeAlias

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization

# A step, and the change of the gradient along it.
Pair: TypeAlias = tuple[Array, Array]

# As many pairs as SciPy keeps by default.
MAX_PAIRS = 10
# The curvature along a step must be positive beyond rounding.
LEAST_CURVATURE = 1e-12
# L is this power of the diagonal curvature.  Newton's method would take -1/2, but the
# curvature changes on the way: between it and the identity, fits of 350 rows took a
# tenth fewer evaluations than from the identity, and had the lowest errors.
LENGTH_POWER = -0.25
# Curvature assumed for a weight without any, as a share of the mean.
CURVATURE_FLOOR = 0.01
# Examples, and examples times outputs, from which the diagonal is taken.
FEWEST_MEASURED, MAX_RESIDUALS = 100, 5000


def is_usable(pair: Pair) -> bool:
    """True if the objective is convex along the step, beyond rounding."""
    step, change = pair
    squares = float(step @ step) * float(change @ change)
    return float(step @ change) > LEAST_CURVATURE * sqrt(squares) > 0.0


def lengths(objective: Any, theta: Array) -> Array:
    """Scale of each weight's step: a power of its curvature relative to the mean.

    Parameters
    ----------
    objective : Objective or PartitionedObjective
    theta : ndarray of shape (n_weights,), float64
    """
    n_outputs = objective.network.sizes[-1]
    n_samples = max(FEWEST_MEASURED, MAX_RESIDUALS // n_outputs)
    some = objective.sampled.sample(n_samples, np.random.default_rng(0)).as_float64()
    diagonal = Linearization(some, theta).gauss_newton_diagonal()
    mean = float(np.mean(diagonal))
    if not 0.0 < mean < np.inf:
        return np.ones_like(theta)
    return np.asarray((CURVATURE_FLOOR + diagonal / mean) ** LENGTH_POWER)


class InverseFactor:
    """L of the BFGS inverse Hessian ``L L'``, in product form.

    The update ``H <- (I - s p') H (I - p s')`` is that of BFGS for ``p = r y - c B s``,
    with ``B`` the inverse of H, ``r = 1 / s'y`` and ``c = sqrt(r / s'B s)`` (Brodlie,
    Gourlay and Greenstadt 1973), so that L is a product of such factors, the first of
    which is a diagonal matrix.

    Parameters
    ----------
    pairs : iterable of pairs
    lengths : ndarray of shape (n_weights,)
        The diagonal, up to a factor that the latest pair tells.
    """

    def __init__(self, pairs: Iterable[Pair], lengths: Array) -> None:
        pairs = list(pairs)
        self.scale = lengths
        self._factors: list[Pair] = []
        if pairs:
            step, change = pairs[-1]
            scaled = lengths * change
            self.scale = lengths * sqrt(float(step @ change) / float(scaled @ scaled))
        for step, change in pairs:
            product = self._solve_transposed(self.solve(step))
            r, curvature = 1.0 / float(step @ change), float(step @ product)
            p = r * change - sqrt(r / curvature) * product
            self._factors.append((step, p))

    def times(self, z: Array) -> Array:
        """Return L z."""
        result = self.scale * z
        for s, p in self._factors:
            result = result - s * float(p @ result)
        return np.asarray(result)

    def transposed_times(self, gradient: Array) -> Array:
        """Return L' g: the gradient with respect to z."""
        result = gradient
        for s, p in reversed(self._factors):
            result = result - p * float(s @ result)
        return np.asarray(self.scale * result)

    def solve(self, step: Array) -> Array:
        """Return the z with L z = step."""
        result = step
        for s, p in reversed(self._factors):
            result = result + s * (float(p @ result) / (1.0 - float(p @ s)))
        return np.asarray(result / self.scale)

    def _solve_transposed(self, z: Array) -> Array:
        result = z / self.scale
        for s, p in self._factors:
            result = result + p * (float(s @ result) / (1.0 - float(p @ s)))
        return np.asarray(result)


class Memory:
    """The latest pairs of iterates and their gradients."""

    def __init__(self, pairs: Iterable[Pair] = ()) -> None:
        self._pairs: deque[Pair] = deque(pairs, maxlen=MAX_PAIRS)
        self._last: Pair | None = None

    def note(self, theta: Array, gradient: Array) -> None:
        """Add the pair of this iterate and the one before, if it is usable."""
        if self._last is not None:
            pair = theta - self._last[0], gradient - self._last[1]
            if is_usable(pair):
                self._pairs.append(pair)
        self._last = theta.copy(), gradient.copy()

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs, oldest first."""
        return tuple(self._pairs)
