"""What a solver is: an immutable bag of hyperparameters that walks theta downhill.

``solve`` takes everything else: the objective, where to start, what an earlier call
left behind (``state``), a random generator, and a monitor, which alone decides when to
stop.  So a first fit, a warm start and ``partial_fit`` are the same call.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

from sk_effprop.core.arrays import Array
from sk_effprop.core.objective import Objective

# Called with "stalled" or "diverged" before a monitor stops for that reason; True means
# that the solver has changed its ways and wants to go on.
Rescue: TypeAlias = Callable[[str], bool]


class Monitor(Protocol):
    """What a solver sees of the monitor."""

    @property
    def best_theta(self) -> Array:
        """The best weights so far."""

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
        """Note an iteration and E(theta), or what computes it; say whether to stop."""


class Solution(NamedTuple):
    """Where a solver ended.

    Attributes
    ----------
    theta : ndarray of shape (n_weights,)
        The last weights; the monitor has the best.
    state : object
        To be handed to the next call that goes on from here.
    message : str
        Why it ended, if the monitor did not stop it: "converged", "precision" where
        nothing lower can be found, or "max_fun".
    n_shown : int
        Examples shown in all calls so far, where the solver counts them.
    penalty : ndarray of shape (n_weights,) or None
        Of the best weights, where the solver has found another than it was given.
    """

    theta: Array
    state: Any
    message: str = ""
    n_shown: int = 0
    penalty: Array | None = None


class Solver(Protocol):
    """One way downhill."""

    def solve(
        self,
        objective: Objective,
        theta: Array,
        *,
        state: Any,
        rng: Any,
        monitor: Monitor,
    ) -> Solution:
        """Walk from theta, which is left alone, until the monitor says stop."""
