"""State that stochastic descent keeps between epochs and between calls."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sk_effprop.core.arrays import Array
from sk_effprop.core.flow import Flow
from sk_effprop.core.gains import Gains
from sk_effprop.core.rates import Rates
from sk_effprop.core.schedules import Progress
from sk_effprop.core.steps import Average


@dataclass(frozen=True, eq=False)
class StochasticState:
    """State of stochastic descent after an epoch.

    Attributes
    ----------
    progress : Progress
    rates : Rates
        The latest measurement.
    memory : list of ndarray
        Arrays of the rule: the velocity or the moments.
    initial_rates : Rates
        The rates that training started with, without their diagonal.
    halvings : int
        Number of times that divergence has halved the rate.
    measured_at : int
        Count of presented examples when the rates were measured.
    flow : Flow or None
    errors : ndarray of shape (n_samples,) or None
        Latest weighted loss of every example, nan before its first presentation.
    average : Average or None
    gains : Gains or None
    measured : tuple of Rates or None
        All measurements so far, for other networks; None if nobody wants them, or if
        training has diverged.
    """

    progress: Progress
    rates: Rates
    memory: list[Array]
    initial_rates: Rates
    halvings: int = 0
    measured_at: int = 0
    flow: Flow | None = None
    errors: Array | None = field(default=None, repr=False)
    average: Average | None = field(default=None, repr=False)
    gains: Gains | None = field(default=None, repr=False)
    measured: tuple[Rates, ...] | None = field(default=None, repr=False)

    def with_rates(self, rates: Rates, measured_at: int) -> "StochasticState":
        """Return the state with newly measured rates."""
        measured = None if self.measured is None else (*self.measured, rates)
        return replace(self, rates=rates, measured_at=measured_at, measured=measured)

    def without_rates(self) -> "StochasticState":
        """Return a copy without velocity, whose rates must be measured again."""
        rates = self.rates._replace(rule=None)
        return replace(self, rates=rates, memory=[], halvings=0, flow=None)


class Epoch(NamedTuple):
    """Intermediate state of an unfinished epoch.

    Attributes
    ----------
    order : ndarray of shape (n_samples,)
        Rows in their order of presentation.
    batch_size : int
    losses : ndarray of shape (n_samples,)
        Loss of each example when it was presented, in this order; filled in place.
    first_rate : float
        The global learning rate at the beginning.
    rate : float
        That of the present part.
    n_presented : int
        Examples of this epoch that have been presented.
    """

    order: Array
    batch_size: int
    losses: Array
    first_rate: float
    rate: float
    n_presented: int = 0


class EpochState(NamedTuple):
    """State between two updates.

    Attributes
    ----------
    state : StochasticState
    epoch : Epoch or None
        None between two epochs.
    """

    state: StochasticState
    epoch: Epoch | None
