"""Conjugate gradients without a line search (sections 6.2 and 9).

The authors' own simulator takes the step length from one Gauss-Newton product along the
direction d, ``-g'd / d'Gd``, in place of a line search.  Moller's scaled conjugate
gradient takes it from the Hessian, with a damping that keeps ``d'Hd`` positive.  Both
need one product and one gradient an iteration, and no rate to tune.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.objective import Objective
from sk_effprop.solvers.base import Monitor, Solution

# (new gradient, old gradient, old direction) -> beta
Formula: TypeAlias = Callable[[Array, Array, Array], float]

# refused steps in a row after which no step is expected to help
MAX_REFUSALS = 40
SMALLEST_DAMPING, LARGEST_DAMPING = 1e-15, 1e100


def liu_storey(new: Array, old: Array, direction: Array) -> float:
    """g'(g - g_old) / -(d'g_old)."""
    return float(new @ (new - old)) / -float(direction @ old)


def polak_ribiere(new: Array, old: Array, direction: Array) -> float:
    """g'(g - g_old) / g_old'g_old, eq. (43)."""
    return float(new @ (new - old)) / float(old @ old)


def gauss_newton_curvature(near: Linearization, direction: Array) -> float:
    """d'Gd, which is never negative for a convex loss."""
    return float(direction @ near.gauss_newton_product(direction))


def exact_curvature(near: Linearization, direction: Array) -> float:
    """d'Hd, which may be negative."""
    return float(direction @ near.hessian_product(direction))


@dataclass(frozen=True)
class ConjugateGradient:
    """Conjugate directions with the step length of a damped quadratic model.

    Attributes
    ----------
    gradient_tolerance : float
        Converged when no component of the gradient is larger.
    formula : callable
        Of beta: :func:`liu_storey` or :func:`polak_ribiere`; a negative beta restarts
        from the gradient.
    curvature : callable
        ``d'Gd`` for the authors' step, ``d'Hd`` for Moller's.
    damping : float
        Initial multiple of the identity added to the curvature; it follows the gain
        ratio as in Moller (1993).
    """

    gradient_tolerance: float
    formula: Formula = liu_storey
    curvature: Callable[[Linearization, Array], float] = gauss_newton_curvature
    damping: float = SMALLEST_DAMPING

    def solve(
        self,
        objective: Objective,
        theta: Array,
        *,
        state: Any,
        rng: Any,
        monitor: Monitor,
    ) -> Solution:
        """Step until the monitor says stop, the gradient vanishes or no step helps."""
        dtype = theta.dtype
        objective = objective.as_float64()
        theta = theta.astype(np.float64)
        near = Linearization(objective, theta)
        value, direction = objective.value(theta), -near.gradient
        damping, age = self.damping, 0
        while np.max(np.abs(near.gradient)) > self.gradient_tolerance:
            found = self._step(objective, near, value, direction, damping)
            if found is None and age == 0:
                return Solution(theta.astype(dtype), None, "precision")
            if found is None:
                direction, age = -near.gradient, 0
                continue
            theta, value, damping = found
            old, near = near.gradient, Linearization(objective, theta)
            if monitor(theta.astype(dtype), value):
                return Solution(theta.astype(dtype), None)
            beta = max(self.formula(near.gradient, old, direction), 0.0)
            direction, age = beta * direction - near.gradient, age + 1
            if age == len(theta) or direction @ near.gradient >= 0.0:
                direction, age = -near.gradient, 0
        return Solution(theta.astype(dtype), None, "converged")

    def _step(
        self,
        objective: Objective,
        near: Linearization,
        value: float,
        direction: Array,
        damping: float,
    ) -> tuple[Array, float, float] | None:
        """Raise the damping until a step along the direction lowers the objective."""
        slope = -float(near.gradient @ direction)
        length = float(direction @ direction)
        bend = self.curvature(near, direction)
        for _ in range(MAX_REFUSALS):
            if bend + damping * length <= 0.0:
                # Moller's way to make the model convex
                damping = 2.0 * (damping - bend / length)
            step = slope / (bend + damping * length)
            with np.errstate(over="ignore", invalid="ignore"):
                trial = near.theta + step * direction
                trial_value = objective.value(trial)
            gain = 2.0 * (value - trial_value) / (step * slope)
            if trial_value < value:
                return trial, trial_value, _after(gain, damping)
            damping = max(4.0 * damping, 1e-3 * abs(bend) / length)
            if damping > LARGEST_DAMPING:
                break
        return None


def _after(gain: float, damping: float) -> float:
    """Less damping for a model that kept its promise, more for one that did not."""
    if gain > 0.75:
        return max(damping / 2.0, SMALLEST_DAMPING)
    return min(4.0 * damping, LARGEST_DAMPING) if gain < 0.25 else damping
