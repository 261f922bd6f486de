"""Limited-memory BFGS (section 6.3), by SciPy.

SciPy does not tell its state in the middle of a minimisation, but it is a function of
what the objective has answered.  A paused state therefore holds all answers so far, and
SciPy goes through them again, which takes no evaluations.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from sk_effprop.core.arrays import Array
from sk_effprop.core.objective import Objective
from sk_effprop.core.quasi_newton import InverseFactor, Memory, Pair, lengths
from sk_effprop.solvers.base import Monitor, Paused, Reason, Solution

# SciPy's status code when the evaluations are used up.
MAX_FUN = 1
# The objective of at most so many inputs is computed in double precision: the line
# search and the curvature depend on small differences of it.
MAX_DOUBLED_NUMBERS = 10**7

State: TypeAlias = tuple[Pair, ...]


class Answers(NamedTuple):
    """Evaluations of the objective in one call of ``solve``.

    Attributes
    ----------
    known : tuple of pairs
        With which the call began.
    values : ndarray of shape (n_evaluations,)
    gradients : ndarray of shape (n_evaluations, n_weights)
    n_iter : int
        Iterations so far.
    """

    known: State
    values: Array = np.empty(0)
    gradients: Array = np.empty((0, 0))
    n_iter: int = 0


@dataclass(frozen=True)
class LBFGS:
    """A batch method for small problems and regression.

    Attributes
    ----------
    max_fun : int
        Maximum number of evaluations of the objective.
    gradient_tolerance : float
        Converged when no component of the gradient is larger.
    remembers : bool
        Whether the pairs of steps and changes of the gradient are left to the next
        call.
    """

    max_fun: int
    gradient_tolerance: float
    remembers: bool = False

    def solve(
        self,
        objective: Objective,
        theta: Array,
        *,
        state: State | Paused | None,
        rng: Any,
        monitor: Monitor,
    ) -> Solution:
        """Minimise until the monitor stops or the gradient vanishes."""
        dtype = precision = theta.dtype
        if objective.n_input_numbers <= MAX_DOUBLED_NUMBERS:
            objective, precision = objective.accepting_float64(), np.dtype(np.float64)
        if isinstance(state, Paused):
            theta, answers = state
        else:
            answers = Answers(state if state and self.remembers else ())
        origin = theta.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            run = _Run(self, objective, precision, origin, answers, monitor)
            result = minimize(
                run.value_and_gradient,
                np.zeros_like(run.origin),
                method="L-BFGS-B",
                jac=True,
                callback=run.report,
                # The monitor counts iterations and measures progress.
                options={
                    "maxfun": self.max_fun,
                    "maxiter": np.iinfo(np.int32).max,
                    # SciPy would compare the gradient with respect to z.
                    "gtol": 0.0,
                    "ftol": 0.0,
                },
            )
        left = run.memory.pairs if self.remembers else None
        x = run.theta_of(result.x).astype(dtype)
        return Solution(x, left, run.message(result))


class _Run:
    """One call of ``solve``, in the variables z of ``theta = origin + L z``."""

    def __init__(
        self,
        solver: LBFGS,
        objective: Objective,
        precision: Any,
        origin: Array,
        earlier: Answers,
        monitor: Monitor,
    ) -> None:
        known, self.earlier = earlier.known, earlier
        self.solver, self.objective, self.monitor = solver, objective, monitor
        self.precision = precision
        self.answers: list[tuple[float, Array]] = []
        self.n_evaluated = self.n_iter = 0
        self.origin, self.memory = origin, Memory(known)
        self.factor = InverseFactor(known, lengths(objective, origin))
        # The points that were evaluated and accepted last, and their gradients.
        self.latest = self.accepted = origin, np.full_like(origin, np.inf)
        self.is_stopped = False

    def theta_of(self, z: Array) -> Array:
        """Return the weights that z stands for."""
        return np.asarray(self.origin + self.factor.times(z))

    def value_and_gradient(self, z: Array) -> tuple[float, Array]:
        """Return E and its gradient with respect to z."""
        x = self.theta_of(z)
        value, gradient = self._evaluated(x)
        self.latest = x, gradient
        if self.n_evaluated == 1:
            self._accept()
        return value, self.factor.transposed_times(gradient)

    def report(self, intermediate_result: OptimizeResult) -> None:
        """Note an iteration; StopIteration ends the minimisation."""
        self._accept()
        x, _ = self.accepted
        self.n_iter += 1
        if self.n_iter > self.earlier.n_iter:
            value = float(intermediate_result.fun)
            self.is_stopped = self.monitor(x.astype(self.precision), value)
            if not self.is_stopped:
                self.monitor.pause(self._paused)
        if self.is_stopped or self._has_converged:
            raise StopIteration

    def message(self, result: OptimizeResult) -> Reason:
        """Return why the minimisation has ended."""
        if self.is_stopped:
            return Reason.NOT_ENDED
        if result.status == MAX_FUN:
            return Reason.MAX_FUN
        # SciPy's status is the same for a gradient that vanishes and for an objective
        # that falls no more.
        return Reason.CONVERGED if self._has_converged else Reason.PRECISION

    def _paused(self) -> Paused:
        values = np.array([value for value, _ in self.answers])
        gradients = np.array([gradient for _, gradient in self.answers])
        state = Answers(self.earlier.known, values, gradients, self.n_iter)
        return Paused(self.origin, state)

    def _evaluated(self, x: Array) -> tuple[float, Array]:
        """Return E and its gradient at theta: what is known, or else computed."""
        n, earlier = self.n_evaluated, self.earlier
        self.n_evaluated += 1
        if n < len(earlier.values):
            value, gradient = float(earlier.values[n]), earlier.gradients[n].copy()
        else:
            value, gradient = self._computed(x)
        if self.monitor.keeps_pauses:
            self.answers.append((value, gradient.copy()))
        return value, gradient

    def _computed(self, x: Array) -> tuple[float, Array]:
        value, gradient = self.objective.value_and_gradient(x.astype(self.precision))
        return value, gradient.astype(np.float64)

    def _accept(self) -> None:
        """Make the point that was evaluated last the current iterate."""
        self.accepted = self.latest
        if self.solver.remembers:
            self.memory.note(*self.accepted)

    @property
    def _has_converged(self) -> bool:
        _, gradient = self.accepted
        return bool(np.max(np.abs(gradient)) <= self.solver.gradient_tolerance)
