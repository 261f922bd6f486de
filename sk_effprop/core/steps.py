"""From a gradient to a step (section 4.7), and the average of where steps lead."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.gains import Gains
from sk_effprop.core.rates import Flow, Rates

# weights after k epochs count as k (k + 1) (k + 2) in their average
AVERAGING_POWER = 3


class Momentum(NamedTuple):
    """theta <- theta + v, v <- momentum v - rate g; Nesterov looks one step ahead."""

    momentum: float = 0.0
    nesterov: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether a step is just the gradient times the rate."""
        return self.momentum == 0.0

    def start(self, theta: Array) -> list[Array]:
        """Nothing has moved yet."""
        return [] if self.is_plain else [np.zeros_like(theta)]

    def step(
        self, theta: Array, gradient: Array, rates: float | Array, memory: list[Array]
    ) -> None:
        """Move theta in place; the gradient is used up."""
        gradient *= rates
        if self.is_plain:
            theta -= gradient
            return
        (velocity,) = memory
        velocity *= self.momentum
        velocity -= gradient
        theta += velocity
        if self.nesterov:
            # momentum * v - rate g in place of v
            velocity_ahead = (self.momentum - 1.0) * velocity
            velocity_ahead -= gradient
            theta += velocity_ahead


@dataclass(frozen=True)
class Adam:
    """Kingma and Ba (2015): the yardstick."""

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    is_plain = False

    def start(self, theta: Array) -> list[Array]:
        """First and second moment, and the number of steps."""
        return [np.zeros_like(theta), np.zeros_like(theta), np.zeros(1)]

    def step(
        self, theta: Array, gradient: Array, rates: float | Array, memory: list[Array]
    ) -> None:
        """Move theta in place; the gradient is used up."""
        first, second, n_steps = memory
        n_steps += 1
        t = float(n_steps[0])
        first *= self.beta_1
        first += (1.0 - self.beta_1) * gradient
        gradient *= gradient
        second *= self.beta_2
        second += (1.0 - self.beta_2) * gradient
        correction = np.sqrt(1.0 - self.beta_2**t) / (1.0 - self.beta_1**t)
        theta -= float(correction) * rates * first / (np.sqrt(second) + self.epsilon)


class Average(NamedTuple):
    """Mean of the weights at the ends of epochs, mostly of the last part of training.

    Those after k of n epochs count in proportion to k (k + 1) (k + 2), so that their
    mean age is a fifth of training however long it goes on (Shamir and Zhang 2013).
    """

    theta: Array
    n_epochs: int = 1

    def including(self, theta: Array) -> "Average":
        """The same, an epoch later."""
        n = self.n_epochs + 1
        share = (AVERAGING_POWER + 1) / (n + AVERAGING_POWER)
        return Average(self.theta + share * (theta - self.theta), n)


@dataclass(frozen=True, eq=False)
class Update:
    """How the weights move after each batch; arrays in it change in place."""

    rule: Momentum | Adam
    rates: Rates
    memory: list[Array]
    curvature_decay: float = 0.0
    flow: Flow | None = None
    gains: Gains | None = None
