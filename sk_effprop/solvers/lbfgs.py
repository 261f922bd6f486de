"""Limited-memory BFGS (section 6.3), SciPy's."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from sk_effprop.core.arrays import Array
from sk_effprop.core.objective import Objective
from sk_effprop.solvers.base import Monitor, Solution

# SciPy's: converged, too many evaluations, stopped by the monitor; anything else is a
# line search that failed
STATUS = {0: "converged", 1: "max_fun", 99: ""}
# Inputs of at most so many numbers are copied to double precision: the line search and
# the curvature live on small differences of the objective.
MAX_DOUBLED_NUMBERS = 10**7


@dataclass(frozen=True)
class LBFGS:
    """A batch method for small problems and regression.

    Attributes
    ----------
    max_fun : int
        Evaluations of the objective.
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
        """Minimise until the monitor says stop or the gradient vanishes."""
        if np.prod(objective.inputs.shape) <= MAX_DOUBLED_NUMBERS:
            objective = objective.as_float64()
        dtype = objective.targets.dtype

        def value_and_gradient(x: Array) -> tuple[float, Array]:
            value, gradient = objective.value_and_gradient(x.astype(dtype))
            return value, gradient.astype(np.float64)

        def note(intermediate_result: OptimizeResult) -> None:
            x = intermediate_result.x.astype(dtype)
            if monitor(x, float(intermediate_result.fun)):
                raise StopIteration

        with np.errstate(over="ignore", invalid="ignore"):
            result = minimize(
                value_and_gradient,
                theta.astype(np.float64),
                method="L-BFGS-B",
                jac=True,
                callback=note,
                # the monitor counts iterations and measures progress
                options={
                    "maxfun": self.max_fun,
                    "maxiter": np.iinfo(np.int32).max,
                    "gtol": self.gradient_tolerance,
                    "ftol": 0.0,
                },
            )
        message = STATUS.get(result.status, "precision")
        return Solution(result.x.astype(theta.dtype), None, message)
