"""Objective whose examples are divided into parts, on other machines or on disk.

Everything that batch solvers ask an objective for is a mean over examples, and so a
weighted mean of the same quantity over parts: the value, the gradient, a product with
the Hessian, the Gauss-Newton matrix.  The weights travel to the parts, and sums come
back; examples never do.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.baseline import constant_outputs
from sk_effprop.core.curvature import Linearization, linearize
from sk_effprop.core.losses import Loss
from sk_effprop.core.network import Network
from sk_effprop.core.objective import Objective, no_clock
from sk_effprop.core.parts import Parts

# function(part, *arguments): what is wanted of a part, as a tuple of numbers and arrays
OfPart: TypeAlias = Callable[..., tuple[Any, ...]]


# Gradients of so many weights are kept: in the end, two candidates may be compared.
N_KEPT = 2


class Slope(NamedTuple):
    """Mean loss at some weights, and its gradient, without the penalty."""

    theta: Array
    value: float
    gradient: Array


@dataclass(eq=False)
class Known:
    """Cache of results of passes over all parts.

    Attributes
    ----------
    null_value : float or None
        Mean loss of outputs that are all zero.
    mean_targets : ndarray of shape (n_outputs,) or None
    constants : ndarray of shape (n_outputs,) or None
        The best constant outputs.
    value_of_constants : float
        Their mean loss.
    slopes : list of Slope
        Of the latest weights.
    """

    null_value: float | None = None
    mean_targets: Array | None = None
    constants: Array | None = None
    value_of_constants: float = np.nan
    slopes: list[Slope] = field(default_factory=list)

    def slope(self, theta: Array) -> Slope | None:
        """Return the cached value and gradient at theta, or None."""
        return next((one for one in self.slopes if _same(one.theta, theta)), None)

    def keep(self, slope: Slope) -> Slope:
        """Store a slope in place of the oldest one, and return it."""
        self.slopes = [*self.slopes, slope][-N_KEPT:]
        return slope


def _same(known: Array | None, wanted: Array) -> bool:
    """True if the known array equals the wanted one bit by bit."""
    if known is None or known.dtype != wanted.dtype:
        return False
    return np.array_equal(known, wanted)


@dataclass(frozen=True, eq=False)
class PartitionedObjective:
    """An :class:`Objective` on examples in parts.

    Attributes
    ----------
    parts : Parts
        Objectives without a penalty; some may have no examples.  Their weights have a
        mean of 1 over all parts.
    n_samples : int
        Number of examples of all parts.
    rows : Objective
        A random sample of the examples, in memory.
    penalty : ndarray of shape (n_weights,)
    count : float
        Number of examples that the rows stand for.
    is_sequential : bool
        Whether stochastic solvers go through the parts one after the other, and not
        through all of them at the same time.
    clock : callable
        Called within long computations; it raises an error if the time is over.
    known : Known
        Results of earlier passes, which do not depend on the penalty.
    """

    parts: Parts
    n_samples: int
    rows: Objective
    penalty: Array
    count: float
    is_sequential: bool = False
    clock: Callable[[], None] = no_clock
    known: Known = field(default_factory=Known)

    @property
    def network(self) -> Network:
        return self.rows.network

    @property
    def loss(self) -> Loss:
        return self.rows.loss

    @property
    def dtype(self) -> Any:
        """Precision of inputs and targets."""
        return self.rows.dtype

    @property
    def n_residuals(self) -> int:
        """Number of examples times number of outputs."""
        return self.n_samples * self.network.sizes[-1]

    @property
    def n_input_numbers(self) -> int:
        """Number of entries of the inputs of the first layer."""
        return self.n_samples * self.rows.inputs.shape[1]

    @property
    def sampled(self) -> Objective:
        """Objective of a random sample of the examples, in memory."""
        return replace(self.rows, penalty=self.penalty)

    def average(self, function: OfPart, *arguments: Any) -> tuple[Any, ...]:
        """Mean of ``function(part, *arguments)`` over the examples of all parts."""
        totals = self.parts.reduce(partial(_total, function), _added, *arguments)
        return tuple(total / self.n_samples for total in totals)

    def value(self, theta: Array) -> float:
        """E(theta)."""
        slope = self.known.slope(theta)
        if slope is not None:
            value = slope.value
        elif self.known.null_value is None:
            value, *baselines = self.average(_value_and_baselines, theta)
            self._keep(*baselines)
        else:
            (value,) = self.average(_value, theta)
        return float(value) + self.penalty_value(theta)

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """E(theta) and its gradient, from one pass over the parts."""
        _, value, gradient = self.known.slope(theta) or self._find_slope(theta)
        gradient = (gradient + self.penalty * theta).astype(theta.dtype)
        return value + self.penalty_value(theta), gradient

    def _find_slope(self, theta: Array) -> Slope:
        """Compute value and gradient, and in the same pass the loss of constants."""
        known, constants = self.known, None
        # a sum over parts is an objective, too
        whole: Any = self
        if known.mean_targets is not None and known.constants is None:
            constants = constant_outputs(whole)
        value, gradient, *rest = self.average(_value_and_gradient, theta, constants)
        if constants is not None:
            known.constants, known.value_of_constants = constants, float(*rest)
        return known.keep(Slope(theta.copy(), float(value), gradient))

    def null_value(self) -> float:
        """Mean loss of outputs that are all zero, the baseline of any training."""
        if self.known.null_value is None:
            self._keep(*self.average(_baselines))
        return self.known.null_value or 0.0

    def mean_targets(self) -> Array:
        """Mean of the targets, per output."""
        if self.known.mean_targets is None:
            self._keep(*self.average(_baselines))
        return np.asarray(self.known.mean_targets)

    def _keep(self, null_value: Array, mean_targets: Array) -> None:
        self.known.null_value = float(null_value)
        self.known.mean_targets = mean_targets

    def value_of_constants(self, constants: Array) -> float:
        """Mean loss of outputs that are the same for every example."""
        if _same(self.known.constants, constants):
            return self.known.value_of_constants
        (value,) = self.average(_value_of_constants, constants)
        return float(value)

    def penalty_value(self, theta: Array) -> float:
        """1/2 sum_j penalty_j theta_j^2."""
        return self.sampled.penalty_value(theta)

    def with_clock(self, clock: Callable[[], None]) -> "PartitionedObjective":
        """Return the objective itself: a clock cannot be called where the parts are."""
        parts = self.parts
        if self.is_sequential:
            parts = parts.map(Objective.with_clock, clock)
        return replace(self, parts=parts, clock=clock)

    def without_penalty(self) -> "PartitionedObjective":
        """Return a copy without the penalty."""
        return replace(self, penalty=np.zeros_like(self.penalty))

    def with_bounded_weights(self) -> "PartitionedObjective":
        """Return the objective itself: stochastic solvers bound weights by part."""
        return self

    def as_float64(self) -> "PartitionedObjective":
        """Return a copy in double precision, for solvers of linear systems."""
        if self.dtype == np.float64:
            return self
        parts = self.parts.map(Objective.as_float64)
        return replace(self, parts=parts, rows=self.rows.as_float64(), known=Known())

    def accepting_float64(self) -> "PartitionedObjective":
        """Return a copy whose losses are in double precision if theta is."""
        return self.as_float64()

    def sample(
        self, n_samples: int, rng: np.random.Generator
    ) -> "Objective | PartitionedObjective":
        """The objective of about n random examples, or of all if there are fewer.

        Few examples come from those in memory.  Of more examples, every part draws its
        share, and they stay where they are.
        """
        are_all_in_memory = self.rows.n_samples == self.n_samples
        if n_samples <= self.rows.n_samples or are_all_in_memory:
            return self.sampled.sample(n_samples, rng)
        if n_samples >= self.n_samples:
            return self
        share, seed = n_samples / self.n_samples, int(rng.integers(2**63))
        parts = self.parts.map(_drawn, share, seed)
        (n_drawn,) = parts.reduce(_size, _added)
        n_drawn = int(n_drawn)
        return replace(
            self, parts=parts, n_samples=n_drawn, count=float(n_drawn), known=Known()
        )

    def sample_rows(self, n_samples: int, rng: np.random.Generator) -> Array:
        """Number and seed of a random sample, from which :meth:`subset` makes it."""
        return np.array([n_samples, rng.integers(2**62)])

    def subset(self, sample: Array) -> "Objective | PartitionedObjective":
        """The objective of the examples of :meth:`sample_rows`."""
        n_samples, seed = (int(number) for number in sample)
        return self.sample(n_samples, np.random.default_rng(seed))


def _drawn(part: Objective, share: float, seed: int) -> Objective:
    rng = np.random.default_rng([seed, part.n_samples])
    return part.sample(round(share * part.n_samples), rng)


def _total(function: OfPart, part: Objective, *arguments: Any) -> tuple[Any, ...]:
    """Multiply the means that ``function`` returns by the number of examples."""
    if part.n_samples == 0:
        return ()
    means = function(part, *arguments)
    return tuple(part.n_samples * np.asarray(one, dtype=np.float64) for one in means)


def _added(left: tuple[Any, ...], right: tuple[Any, ...]) -> tuple[Any, ...]:
    if not (left and right):
        return left or right
    return tuple(one + other for one, other in zip(left, right, strict=True))


def _size(part: Objective) -> tuple[Any, ...]:
    return (part.n_samples,)


def _value(part: Objective, theta: Array) -> tuple[Any, ...]:
    return (np.mean(part.sample_losses(theta), dtype=np.float64),)


def _value_of_constants(part: Objective, constants: Array) -> tuple[Any, ...]:
    return (part.value_of_constants(constants),)


def _baselines(part: Objective) -> tuple[Any, ...]:
    return part.null_value(), part.mean_targets()


def _value_and_baselines(part: Objective, theta: Array) -> tuple[Any, ...]:
    return *_value(part, theta), *_baselines(part)


def _value_and_gradient(
    part: Objective, theta: Array, constants: Array | None
) -> tuple[Any, ...]:
    gradient = np.zeros_like(theta)
    losses = part.sample_losses(theta, gradient)
    mean = np.mean(losses, dtype=np.float64)
    found = mean, gradient.astype(np.float64) / part.n_samples
    if constants is None:
        return found
    return *found, part.value_of_constants(constants)


# -------------------------------------------------------------------------- curvature


class PartitionedLinearization:
    """The objective around one theta, to second order; see ``Linearization``.

    Parameters
    ----------
    objective : PartitionedObjective
    theta : ndarray of shape (n_weights,)
    """

    def __init__(self, objective: PartitionedObjective, theta: Array) -> None:
        self.objective, self.theta = objective, theta

    @cached_property
    def gradient(self) -> Array:
        """The gradient of the objective."""
        return self.objective.value_and_gradient(self.theta)[1]

    def gauss_newton_product(self, direction: Array) -> Array:
        """G v, see ``Linearization``."""
        return self._product(_gauss_newton_product, direction)

    def hessian_product(self, direction: Array) -> Array:
        """H v, see ``Linearization``."""
        return self._product(_hessian_product, direction)

    def gauss_newton_matrix(self) -> Array:
        """Upper triangle of the Gauss-Newton matrix without penalty."""
        (matrix,) = self.objective.average(_gauss_newton_matrix, self.theta)
        return np.asfortranarray(matrix)

    def _product(self, function: OfPart, direction: Array) -> Array:
        (product,) = self.objective.average(function, self.theta, direction)
        product += self.objective.penalty * direction
        return np.asarray(product.astype(self.theta.dtype))


@linearize.register
def _(objective: PartitionedObjective, theta: Array) -> PartitionedLinearization:
    return PartitionedLinearization(objective, theta)


def _gauss_newton_product(part: Objective, theta: Array, v: Array) -> tuple[Any, ...]:
    return (Linearization(part, theta).gauss_newton_product(v),)


def _hessian_product(part: Objective, theta: Array, v: Array) -> tuple[Any, ...]:
    return (Linearization(part, theta).hessian_product(v),)


def _gauss_newton_matrix(part: Objective, theta: Array) -> tuple[Any, ...]:
    return (Linearization(part, theta).gauss_newton_matrix(),)
