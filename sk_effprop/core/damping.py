"""Damping of Gauss-Newton steps by the gain ratio (section 6.4, Nielsen 1999)."""

from typing import NamedTuple

import numpy as np

from sk_effprop.core.curvature import Linearization
from sk_effprop.core.gauss_newton import DualSystem, PrimalSystem


class Damping(NamedTuple):
    """Damping mu, and the factor by which the next rejected step will raise it."""

    mu: float
    growth: float = 2.0

    def after_success(self, gain_ratio: float) -> "Damping":
        """Return the damping of the next step after one that has lowered the objective.

        It falls to a third if the actual reduction is at least the predicted one (a
        gain ratio of 1), and grows up to twofold if it is much smaller.
        """
        factor = max(1.0 / 3.0, 1.0 - (2.0 * gain_ratio - 1.0) ** 3)
        return Damping(self.mu * factor)

    def after_failure(self) -> "Damping":
        """Return a larger damping; the factor doubles with each failure in a row."""
        return Damping(self.mu * self.growth, self.growth * 2.0)


def largest_diagonal(
    linearization: Linearization, system: PrimalSystem | DualSystem
) -> float:
    """Largest diagonal entry of ``G + penalty``; tiny instead of zero."""
    diagonal = system.diagonal + linearization.objective.penalty
    return float(np.max(diagonal, initial=np.finfo(float).tiny))
