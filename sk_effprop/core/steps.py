"""Update rules: momentum and Adam (section 4.7), and the average of the weights."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.flow import Flow
from sk_effprop.core.gains import Gains

if TYPE_CHECKING:
    # Rates are measured on objectives, and objectives descend by updates.
    from sk_effprop.core.rates import DiagonalCurvature, Rates

# Weights after k epochs count in proportion to k (k + 1) (k + 2) in their average.
AVERAGING_POWER = 3


@dataclass(frozen=True)
class Momentum:
    """theta <- theta + v, v <- momentum v - rate g; Nesterov looks one step ahead.

    Attributes
    ----------
    momentum : float
        0 for plain gradient descent.
    nesterov : bool
    allows_input_gains : bool
        Whether the rule can also move input gains.
    is_elementwise : bool
        Whether a step can be made block by block of the weights.
    """

    momentum: float = 0.0
    nesterov: bool = False
    allows_input_gains: ClassVar[bool] = True
    is_elementwise: ClassVar[bool] = True

    @property
    def is_plain(self) -> bool:
        """True if a step is just the gradient times the rate."""
        return self.momentum == 0.0

    def start(self, theta: Array) -> list[Array]:
        """Make the memory for the first step: a zero velocity if there is momentum."""
        return [] if self.is_plain else [np.zeros_like(theta)]

    def step(
        self, theta: Array, gradient: Array, rates: float | Array, memory: list[Array]
    ) -> None:
        """Move theta in place; the gradient is overwritten."""
        gradient *= rates
        if self.is_plain:
            theta -= gradient
            return
        (velocity,) = memory
        velocity *= self.momentum
        velocity -= gradient
        theta += velocity
        if self.nesterov:
            # theta moves by momentum * v - rate g instead of v
            velocity_ahead = (self.momentum - 1.0) * velocity
            velocity_ahead -= gradient
            theta += velocity_ahead


@dataclass(frozen=True)
class Adam:
    """The baseline of Kingma and Ba (2015).

    Attributes
    ----------
    beta_1, beta_2 : float
        Decay of the first and second moment of the gradient.
    epsilon : float
        Keeps the denominator away from zero.
    allows_input_gains : bool
        Whether the rule can also move input gains.
    is_elementwise : bool
        Whether a step can be made block by block of the weights.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    is_plain: ClassVar[bool] = False
    # The moments of a gain are not those of its weights.
    allows_input_gains: ClassVar[bool] = False
    # Steps are counted.
    is_elementwise: ClassVar[bool] = False

    def start(self, theta: Array) -> list[Array]:
        """Make the memory for the first step: two moments and the number of steps."""
        return [np.zeros_like(theta), np.zeros_like(theta), np.zeros(1)]

    def step(
        self, theta: Array, gradient: Array, rates: float | Array, memory: list[Array]
    ) -> None:
        """Move theta in place; the gradient is overwritten."""
        first, second, n_steps = memory
        n_steps += 1
        t = float(n_steps[0])
        first *= self.beta_1
        first += (1.0 - self.beta_1) * gradient
        gradient *= gradient
        second *= self.beta_2
        second += (1.0 - self.beta_2) * gradient
        # Both moments start from zero; the factors remove the bias towards it.
        correction = np.sqrt(1.0 - self.beta_2**t) / (1.0 - self.beta_1**t)
        theta -= float(correction) * rates * first / (np.sqrt(second) + self.epsilon)


@dataclass(frozen=True, eq=False)
class Update:
    """Rule, rates and memory of the weight update; its arrays change in place.

    Attributes
    ----------
    rule : Momentum or Adam
    rates : Rates
        ``rates.eta`` is the present global rate, with its schedule.
    memory : list of ndarray
        Arrays that the rule keeps between steps: the velocity or the moments.
    curvature_decay : float
        gamma of the running diagonal curvature, eq. (62); 0 to keep that of the rates.
    flow : Flow, optional
        Sets the global rate after each gradient.
    gains : Gains, optional
        Learnable gains of the inputs.
    """

    rule: Momentum | Adam
    rates: "Rates"
    memory: list[Array]
    curvature_decay: float = 0.0
    flow: Flow | None = None
    gains: Gains | None = None

    @property
    def running_curvature(self) -> "DiagonalCurvature | None":
        """Running diagonal curvature, eq. (62); None if it is not updated."""
        return self.rates.curvature if self.curvature_decay > 0.0 else None

    @property
    def is_plain(self) -> bool:
        """True if the step of each layer is its gradient times one number."""
        has_factors = self.rates.curvature is not None or self.gains is not None
        return self.rule.is_plain and self.flow is None and not has_factors


class Average(NamedTuple):
    """Weighted mean of the weights at the ends of epochs.

    The weights after k of n epochs count in proportion to k (k + 1) (k + 2), so that
    their mean age is a fifth of training however long it lasts (Shamir and Zhang 2013).
    """

    theta: Array
    n_epochs: int = 1

    def including(self, theta: Array) -> "Average":
        """Return the average that includes the weights of one more epoch."""
        n = self.n_epochs + 1
        share = (AVERAGING_POWER + 1) / (n + AVERAGING_POWER)
        return Average(self.theta + share * (theta - self.theta), n)
