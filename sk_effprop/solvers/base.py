"""The interface of solvers: immutable hyperparameters that minimise an objective.

``solve`` receives everything else: the objective, the initial weights, the state that
an earlier call has left, a random generator, and a monitor, which alone decides when to
stop.  So a first fit, a warm start and ``partial_fit`` are the same call.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, TypeAlias

from sk_effprop.core.arrays import Array
from sk_effprop.core.objective import Objective
from sk_effprop.core.rates import Rates


class Reason(StrEnum):
    """Reasons for the end of training."""

    NOT_ENDED = ""
    # decided by the solver
    CONVERGED = "converged"  # the gradient vanishes, or the evidence rises no more
    PRECISION = "precision"  # no step lowers the objective beyond rounding
    MAX_FUN = "max_fun"
    # decided by the monitor
    GOAL = "goal"
    STALLED = "stalled"
    DIVERGED = "diverged"
    MAX_ITER = "max_iter"
    MAX_TIME = "max_time"
    CALLBACK = "callback"
    # decided by the user
    INTERRUPTED = "interrupted"
    # a diagnosis after the end: stalled above the loss of predicting zero
    STUCK = "stuck"


class OutOfTime(Exception):
    """Raised if the time is over within an iteration; the monitor has the weights."""


# A monitor calls it with STALLED or DIVERGED before it stops for that reason.  True
# means that the solver has lowered its learning rate and continues.
Rescue: TypeAlias = Callable[[Reason], bool]


class Paused(NamedTuple):
    """State of a solver within ``solve``, from which it can continue exactly.

    Attributes
    ----------
    theta : ndarray of shape (n_weights,)
        The present weights, as precise as the solver keeps them.
    state : object
        Everything else that the solver remembers from one iteration to the next.
    """

    theta: Array
    state: Any


class Monitor(Protocol):
    """Interface of the monitor for solvers."""

    @property
    def best_theta(self) -> Array:
        """The best weights so far."""

    @property
    def is_out_of_time(self) -> bool:
        """True if training should end as soon as possible."""

    def check_time(self) -> None:
        """Raise OutOfTime if the time is over: the clock of long computations."""

    @property
    def keeps_pauses(self) -> bool:
        """True if :meth:`pause` makes use of what it is given."""

    def begin(self, rates: Rates) -> None:
        """Note the learning rates that training starts with."""

    def pause(self, paused: Callable[[], Paused]) -> None:
        """Offer the state from which training can continue."""

    def __call__(
        self,
        theta: Array,
        value: float | Callable[[Array], float],
        *,
        epoch_mean: float | None = None,
        rate: float | None = None,
        criterion: float | None = None,
        rescue: Rescue | None = None,
    ) -> bool:
        """Note an iteration and E(theta), or its function; return whether to stop."""


class Solution(NamedTuple):
    """Result of a solver.

    Attributes
    ----------
    theta : ndarray of shape (n_weights,)
        The last weights; the monitor has the best.
    state : object
        Argument for the next call that continues from here.
    message : Reason
        Why the solver ended, if the monitor did not stop it.
    n_presented : int
        Examples that updates have used in all calls so far, where the solver counts
        them.
    penalty : ndarray of shape (n_weights,) or None
        Penalty of the best weights, if the solver has chosen it.
    rates : Rates or None
        The learning rates that training started with, over all calls that continue each
        other under the same rule; None for solvers without learning rates.
    measured : tuple of Rates
        All measurements, if other networks want them.
    """

    theta: Array
    state: Any
    message: Reason = Reason.NOT_ENDED
    n_presented: int = 0
    penalty: Array | None = None
    rates: Rates | None = None
    measured: tuple[Rates, ...] = ()


class Solver(Protocol):
    """A method of minimisation."""

    def solve(
        self,
        objective: Objective,
        theta: Array,
        *,
        state: Any,
        rng: Any,
        monitor: Monitor,
    ) -> Solution:
        """Minimise from theta, which is not changed, until the monitor stops.

        A :class:`Paused` state replaces theta and ends as the call that it is from.
        """
