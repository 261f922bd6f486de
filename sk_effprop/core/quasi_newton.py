"""The pairs that L-BFGS remembers, as a change of variables.

SciPy's L-BFGS starts from the identity and takes no pairs of an earlier call.  With
``H = L L'`` the inverse Hessian that these pairs stand for, descent in z with ``theta =
origin + L z`` starts from the identity where descent in theta starts from H.
"""

from collections import deque
from collections.abc import Iterable
from math import sqrt
from typing import TypeAlias

import numpy as np

from sk_effprop.core.arrays import Array

# A step, and the change of the gradient along it.
Pair: TypeAlias = tuple[Array, Array]

# SciPy keeps as many.
MAX_PAIRS = 10
# The curvature along a step must be positive beyond rounding.
LEAST_CURVATURE = 1e-12


def is_usable(pair: Pair) -> bool:
    """Return whether the objective is convex along the step."""
    step, change = pair
    squares = float(step @ step) * float(change @ change)
    return float(step @ change) > LEAST_CURVATURE * sqrt(squares) > 0.0


class InverseFactor:
    """L of the BFGS inverse Hessian ``L L'``, in product form.

    The update ``H <- (I - s p') H (I - p s')`` is that of BFGS for ``p = r y - c B s``,
    with ``B`` the inverse of H, ``r = 1 / s'y`` and ``c = sqrt(r / s'B s)`` (Brodlie,
    Gourlay and Greenstadt 1973), so that L is a product of such factors.
    """

    def __init__(self, pairs: Iterable[Pair]) -> None:
        pairs = list(pairs)
        self.scale = 1.0
        self._factors: list[Pair] = []
        if pairs:
            step, change = pairs[-1]
            self.scale = sqrt(float(step @ change) / float(change @ change))
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
