"""Levenberg-Marquardt (section 6.4) on the generalised Gauss-Newton matrix.

A step solves ``(G + penalty + mu I) d = -g``.  The damping mu follows the gain ratio
(Nielsen 1999): the reduction of the objective over the one that the quadratic model
promised.  G = J'J is accumulated from row blocks of the Jacobian of
the residuals (scaled by a root of the loss's Hessian for other convex losses), so that
memory is bounded by weights^2; with more weights than rows, the dual system of rows^2
is solved instead.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.blas import dsyrk

from sk_effprop.core.activations import Array
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.objective import Objective
from sk_effprop.solvers.base import Monitor, Solution

# "auto": initial mu relative to the largest diagonal entry of the system
START_DAMPING = 1e-3
# steps refused in a row after which no step is expected to help
MAX_REFUSALS = 40
# numbers in the system's matrix at most, 2 GiB of them
MAX_SYSTEM = 2**28


class Damping(NamedTuple):
    """mu, and the factor by which the next refused step will raise it."""

    mu: float
    growth: float = 2.0

    def after_success(self, gain: float) -> "Damping":
        """Less for a model that kept its promise, more for one that did not."""
        return Damping(self.mu * max(1.0 / 3.0, 1.0 - (2.0 * gain - 1.0) ** 3))

    def after_failure(self) -> "Damping":
        """More, and still more the next time."""
        return Damping(self.mu * self.growth, self.growth * 2.0)


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Damped Gauss-Newton for small and medium networks.

    Attributes
    ----------
    gradient_tolerance : float
        Converged when no component of the gradient is larger.
    damping : float, optional
        Initial mu, in units of the objective's curvature; a thousandth of the largest
        diagonal entry of the system if it is not given.
    """

    gradient_tolerance: float
    damping: float | None = None

    def solve(
        self,
        objective: Objective,
        theta: Array,
        *,
        state: Damping | None,
        rng: Any,
        monitor: Monitor,
    ) -> Solution:
        """Step until the monitor says stop, the gradient vanishes or no step helps."""
        dtype, damping = theta.dtype, state
        objective = objective.as_float64()
        theta = theta.astype(np.float64)
        value = objective.value(theta)
        while True:
            near = Linearization(objective, theta)
            if np.max(np.abs(near.gradient)) <= self.gradient_tolerance:
                return Solution(theta.astype(dtype), damping, True, "converged")
            system = make_system(near)
            if damping is None:
                damping = Damping(self.damping or START_DAMPING * system.scale)
            found = _descend(objective, near, system, value, damping)
            if found is None:
                return Solution(theta.astype(dtype), None, True, "precision")
            theta, value, damping = found
            if monitor(theta.astype(dtype), value):
                return Solution(theta.astype(dtype), damping, False, "")


def _descend(
    objective: Objective,
    near: Linearization,
    system: "PrimalSystem | DualSystem",
    value: float,
    damping: Damping,
) -> tuple[Array, float, Damping] | None:
    """Raise the damping until a step lowers the objective."""
    for _ in range(MAX_REFUSALS):
        try:
            step = system.solve(near.gradient, damping.mu)
        except LinAlgError:
            # singular to rounding: only more damping helps
            floor = np.finfo(float).eps * system.scale
            damping = Damping(max(damping.mu, floor), damping.growth).after_failure()
            continue
        # m(0) - m(d) = -g'd - d'(G + penalty)d / 2, with (G + penalty + mu) d = -g
        promised = 0.5 * float(damping.mu * step @ step - near.gradient @ step)
        with np.errstate(over="ignore", invalid="ignore"):
            trial = near.theta + step
            trial_value = objective.value(trial)
        if trial_value < value and promised > 0.0:
            gain = (value - trial_value) / promised
            return trial, trial_value, damping.after_success(gain)
        damping = damping.after_failure()
    return None


class PrimalSystem:
    """``G + penalty`` as a matrix of weights^2."""

    def __init__(self, near: Linearization) -> None:
        n_weights = len(near.theta)
        matrix = np.zeros((n_weights, n_weights), order="F")
        share = 1.0 / near.objective.n_samples
        for J in near.jacobian_blocks():
            # the upper triangle of J'J; J.T is what columns-first BLAS calls a matrix
            matrix = dsyrk(share, J.T, 1.0, matrix, overwrite_c=1)
        self.matrix = matrix
        self.diagonal = np.diagonal(matrix) + near.objective.penalty
        self.scale = float(np.max(self.diagonal, initial=np.finfo(float).tiny))

    def solve(self, gradient: Array, mu: float) -> Array:
        """The step for this damping; a LinAlgError if the system is singular."""
        damped = self.matrix.copy(order="F")
        np.fill_diagonal(damped, self.diagonal + mu)
        factor = cho_factor(damped, overwrite_a=True, check_finite=False)
        return -np.asarray(cho_solve(factor, gradient, check_finite=False))


class DualSystem:
    """The same by Woodbury's identity, with a matrix of rows^2."""

    def __init__(self, near: Linearization) -> None:
        self.J = np.vstack(list(near.jacobian_blocks()))
        self.J /= np.sqrt(near.objective.n_samples)
        self.penalty = near.objective.penalty
        diagonal = np.einsum("ij,ij->j", self.J, self.J) + self.penalty
        self.scale = float(np.max(diagonal, initial=np.finfo(float).tiny))

    def solve(self, gradient: Array, mu: float) -> Array:
        """The step for this damping; a LinAlgError if the system is singular."""
        inverse = 1.0 / (self.penalty + mu)
        scaled = self.J * inverse
        small = scaled @ self.J.T
        small[np.diag_indices(len(small))] += 1.0
        factor = cho_factor(small, overwrite_a=True, check_finite=False)
        step = -inverse * gradient
        step -= scaled.T @ cho_solve(factor, self.J @ step, check_finite=False)
        return step


def make_system(near: Linearization) -> PrimalSystem | DualSystem:
    """The smaller of the two.

    Raises
    ------
    ValueError
        If even that is too large, before anything is allocated.
    """
    n_rows, n_weights = near.objective.targets.size, len(near.theta)
    size = n_weights * min(n_weights, n_rows)
    if size > MAX_SYSTEM:
        raise ValueError(
            f"solver='lm' would need a matrix of {size:,} numbers "
            f"({8 * size / 2**30:.1f} GiB) for {n_weights:,} weights and {n_rows:,} "
            "residuals. Use fewer hidden units, or solver='lbfgs'."
        )
    return PrimalSystem(near) if n_rows >= n_weights else DualSystem(near)
