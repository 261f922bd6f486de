"""Conjugate gradients without a line search (sections 6.2 and 9).

The authors' own simulator takes the step length from one Gauss-Newton product along the
direction d, ``-g'd / d'Gd``, in place of a line search.  Moller's scaled conjugate
gradient takes it from the Hessian, with a damping that keeps ``d'Hd`` positive.  Both
need one product and one gradient per iteration, and no learning rate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization, linearize
from sk_effprop.core.objective import Objective
from sk_effprop.solvers.base import Monitor, Paused, Reason, Solution

# (new gradient, old gradient, old direction) -> beta
Formula: TypeAlias = Callable[[Array, Array, Array], float]

# After this many rejected steps in a row no step is expected to help.
MAX_REJECTIONS = 40
SMALLEST_DAMPING, LARGEST_DAMPING = 1e-15, 1e100
# The damping of a direction without any starts from this share of its curvature.
FIRST_DAMPING = 1e-3
# Moller's limits of the gain ratio: a good model needs less damping, a bad one more.
GOOD_RATIO, BAD_RATIO = 0.75, 0.25


def liu_storey(new: Array, old: Array, direction: Array) -> float:
    """Beta of Liu and Storey, ``g'(g - g_old) / -(d'g_old)``."""
    return float(new @ (new - old)) / -float(direction @ old)


def gauss_newton_curvature(linearization: Linearization, direction: Array) -> float:
    """Curvature d'Gd along d, which is never negative for a convex loss."""
    return float(direction @ linearization.gauss_newton_product(direction))


def exact_curvature(linearization: Linearization, direction: Array) -> float:
    """Curvature d'Hd along d, which may be negative."""
    return float(direction @ linearization.hessian_product(direction))


class ConjugateState(NamedTuple):
    """State from which the next call continues with conjugate directions.

    Attributes
    ----------
    gradient : ndarray of shape (n_weights,)
        Gradient before the last step.
    direction : ndarray of shape (n_weights,)
        Direction of the last step.
    damping : float
        Damping for the next step.
    """

    gradient: Array
    direction: Array
    damping: float


@dataclass(frozen=True)
class ConjugateGradient:
    """Conjugate directions with the step length of a damped quadratic model.

    Attributes
    ----------
    gradient_tolerance : float
        Converged when no component of the gradient is larger.
    formula : callable
        Formula of beta, such as :func:`liu_storey`; a negative beta restarts from the
        gradient.
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
        state: ConjugateState | Paused | None,
        rng: Any,
        monitor: Monitor,
    ) -> Solution:
        """Step until the monitor stops, the gradient vanishes or no step helps."""
        dtype, left = theta.dtype, state
        if isinstance(left, Paused):
            theta, left = left
        objective = objective.as_float64()
        here = linearize(objective, theta.astype(np.float64))
        value = objective.value(here.theta)
        direction, is_gradient = self._next_direction(here.gradient, left)
        damping = self.damping if left is None else left.damping
        message = Reason.CONVERGED
        while np.max(np.abs(here.gradient)) > self.gradient_tolerance:
            found = self._step(here, value, direction, damping)
            if found is None:
                if is_gradient:
                    message = Reason.PRECISION
                    break
                direction, is_gradient = -here.gradient, True
                continue
            theta, value, damping = found
            left = ConjugateState(here.gradient, direction, damping)
            here = linearize(objective, theta)
            if monitor(theta.astype(dtype), value):
                message = Reason.NOT_ENDED
                break
            monitor.pause(partial(Paused, theta, left))
            direction, is_gradient = self._next_direction(here.gradient, left)
        # a finished call leaves no direction to continue with
        left = left if message == Reason.NOT_ENDED else None
        return Solution(here.theta.astype(dtype), left, message)

    def _next_direction(
        self, gradient: Array, last: ConjugateState | None
    ) -> tuple[Array, bool]:
        """Return the next direction, and whether it is the negative gradient.

        There is no restart after n_weights steps: their lengths are not exact, so that
        the directions of a quadratic are not used up by then.
        """
        if last is None:
            return -gradient, True
        beta = max(self.formula(gradient, last.gradient, last.direction), 0.0)
        direction = beta * last.direction - gradient
        # A negative beta, or an uphill direction, restarts from the gradient.
        if beta == 0.0 or direction @ gradient >= 0.0:
            return -gradient, True
        return direction, False

    def _step(
        self,
        linearization: Linearization,
        value: float,
        direction: Array,
        damping: float,
    ) -> tuple[Array, float, float] | None:
        """Raise the damping until a step along the direction lowers the objective."""
        objective = linearization.objective
        descent = -float(linearization.gradient @ direction)
        length = float(direction @ direction)
        curvature = self.curvature(linearization, direction)
        for _ in range(MAX_REJECTIONS):
            if curvature + damping * length <= 0.0:
                # Moller's way to make the model convex
                damping = 2.0 * (damping - curvature / length)
            step = descent / (curvature + damping * length)
            if step * descent <= 0.0:
                # The reduction that is predicted underflows.
                break
            with np.errstate(over="ignore", invalid="ignore"):
                trial = linearization.theta + step * direction
                trial_value = objective.value(trial)
            # The model predicts a reduction of step * descent / 2.
            gain_ratio = 2.0 * (value - trial_value) / (step * descent)
            if trial_value < value:
                return trial, trial_value, _next_damping(gain_ratio, damping)
            damping = max(4.0 * damping, FIRST_DAMPING * abs(curvature) / length)
            if damping > LARGEST_DAMPING:
                break
        return None


def _next_damping(gain_ratio: float, damping: float) -> float:
    """Less damping after a good prediction of the model, more after a bad one."""
    if gain_ratio > GOOD_RATIO:
        return max(damping / 2.0, SMALLEST_DAMPING)
    return min(4.0 * damping, LARGEST_DAMPING) if gain_ratio < BAD_RATIO else damping
