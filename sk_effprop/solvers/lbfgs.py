"""Limited-memory BFGS (section 6.3), by SciPy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from sk_effprop.core.arrays import Array
from sk_effprop.core.objective import Objective
from sk_effprop.solvers.base import Monitor, Reason, Solution

# SciPy's status codes; all others mean that the line search found nothing lower.
STATUS = {0: Reason.CONVERGED, 1: Reason.MAX_FUN, 99: Reason.NOT_ENDED}
# Inputs of at most so many numbers are copied to double precision: the line search and
# the curvature depend on small differences of the objective.
MAX_DOUBLED_NUMBERS = 10**7


@dataclass(frozen=True)
class LBFGS:
    """A batch method for small problems and regression.

    Attributes
    ----------
    max_fun : int
        Maximum number of evaluations of the objective.
    gradient_tolerance : float
        Converged when no component of the gradient is larger.
    """

    max_fun: int
    gradient_tolerance: float

    def solve(
        self,
        objective: Objective,
        theta: Array,
        *,
        state: Any,
        rng: Any,
        monitor: Monitor,
    ) -> Solution:
        """Minimise until the monitor stops or the gradient vanishes."""
        if np.prod(objective.inputs.shape) <= MAX_DOUBLED_NUMBERS:
            objective = objective.as_float64()
        dtype = objective.targets.dtype

        def value_and_gradient(x: Array) -> tuple[float, Array]:
            value, gradient = objective.value_and_gradient(x.astype(dtype))
            return value, gradient.astype(np.float64)

        def report(intermediate_result: OptimizeResult) -> None:
            x = intermediate_result.x.astype(dtype)
            if monitor(x, float(intermediate_result.fun)):
                raise StopIteration

        with np.errstate(over="ignore", invalid="ignore"):
            result = minimize(
                value_and_gradient,
                theta.astype(np.float64),
                method="L-BFGS-B",
                jac=True,
                callback=report,
                # The monitor counts iterations and measures progress.
                options={
                    "maxfun": self.max_fun,
                    "maxiter": np.iinfo(np.int32).max,
                    "gtol": self.gradient_tolerance,
                    "ftol": 0.0,
                },
            )
        message = STATUS.get(result.status, Reason.PRECISION)
        return Solution(result.x.astype(theta.dtype), None, message)
