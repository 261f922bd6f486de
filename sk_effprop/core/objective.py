"""The objective: one function of the weights for every solver, batch size and engine.

``E(theta) = sum_i w_i loss_i / sum_i w_i + 1/2 sum_j penalty_j theta_j^2``, where the
penalty is alpha for weights and 0 for biases.  The minimiser does not depend on the
batch size, and a weight of 2 has the same effect as a repeated example.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from sk_effprop.core.activations import COMPILED_SHAPES, Activation
from sk_effprop.core.arrays import Array, row_blocks, take_rows
from sk_effprop.core.descent import descend_by_blocks, has_long_batches
from sk_effprop.core.engine import Engine, NumpyEngine
from sk_effprop.core.losses import COMPILED_LOSSES, Loss
from sk_effprop.core.network import Network
from sk_effprop.core.steps import Update

# Examples of more than so many times the mean weight are presented in several pieces.
# In single precision, the mean of the weights is 1 only up to the tolerance.
LARGEST_WEIGHT, WEIGHT_TOLERANCE = 2.0, 1e-6

# Products of an example and a weight in a pass that takes half a second.
LONG_PASS = 2**31


def no_clock() -> None:
    """The clock of an objective that nobody is waiting for."""


@dataclass(frozen=True, eq=False)
class Objective:
    """Network, loss, data and penalty, as functions of theta.

    Attributes
    ----------
    network : Network
    loss : Loss
    inputs : ndarray or FoldedSparse of shape (n_samples, n_in + 1)
        Normalised inputs with a last column of ones.
    targets : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,) or None
        Weights with a mean of 1; None where all are equal.
    penalty : ndarray of shape (n_weights,)
        L2 strength of every weight, 0 for biases.
    labels : ndarray of shape (n_samples,) or None
        Class numbers, which the order of presentation may use.
    count : float
        Number of examples that the rows stand for, where a weight of 2 counts as two;
        the number of rows by default.
    engine_type : callable
        Makes the engine of an objective: ``NumpyEngine`` or ``NumbaEngine``.
    clock : callable
        Called between blocks of rows; it raises an error if the time is over.
    evaluated_on : Objective or None
        Some of the examples, on which E and its gradient are evaluated instead.
    """

    network: Network
    loss: Loss
    inputs: Any
    targets: Array
    sample_weight: Array | None
    penalty: Array
    labels: Array | None = None
    count: float = 0.0
    engine_type: Callable[["Objective"], Engine] = NumpyEngine
    clock: Callable[[], None] = no_clock
    evaluated_on: "Objective | None" = None

    def __post_init__(self) -> None:
        # A frozen dataclass can only be completed this way.
        if self.count == 0.0:
            object.__setattr__(self, "count", float(self.n_samples))

    def __getstate__(self) -> dict[str, Any]:
        # A compiled engine holds addresses of functions, which are others in another
        # process.
        return {name: value for name, value in vars(self).items() if name != "engine"}

    @property
    def n_samples(self) -> int:
        return len(self.targets)

    @cached_property
    def engine(self) -> Engine:
        """The engine that computes the losses and descends."""
        # A copy keeps the engine from referring back to this object: such a cycle would
        # keep large data in memory until the garbage collector runs.
        return self.engine_type(replace(self))

    @property
    def dtype(self) -> Any:
        """Precision of inputs and targets."""
        return self.targets.dtype

    @property
    def n_residuals(self) -> int:
        """Number of examples times number of outputs."""
        return int(self.targets.size)

    @property
    def n_input_numbers(self) -> int:
        """Number of entries of the inputs of the first layer."""
        return int(np.prod(self.inputs.shape))

    @property
    def sampled(self) -> "Objective":
        """Examples in memory that represent all: here, all of them."""
        return self

    def average(
        self, function: Callable[..., tuple[Any, ...]], *arguments: Any
    ) -> tuple[Any, ...]:
        """``function(objective, *arguments)``, which must be a mean over examples."""
        return function(self, *arguments)

    @property
    def row_width(self) -> int:
        """Numbers per row in the widest dense array that a pass needs."""
        is_dense = isinstance(self.inputs, np.ndarray)
        return max(self.network.sizes if is_dense else self.network.sizes[1:])

    def row_blocks(self, width: int) -> Iterator[slice]:
        """Blocks of rows for a pass with so many numbers a row, by the clock."""
        for rows in row_blocks(self.n_samples, width):
            self.clock()
            yield rows

    @property
    def is_compilable(self) -> bool:
        """True if data are dense, and the loops know the activations and the loss."""
        return (
            isinstance(self.inputs, np.ndarray)
            and type(self.loss) in COMPILED_LOSSES
            and set(self.network.kinds) == {"affine"}
            and all(
                isinstance(f, Activation) and f.kind in COMPILED_SHAPES
                for f in self.network.activations
            )
        )

    def value(self, theta: Array) -> float:
        """E(theta)."""
        if self.evaluated_on is not None:
            return self.evaluated_on.value(theta)
        return float(np.mean(self.sample_losses(theta))) + self.penalty_value(theta)

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """E(theta) and its gradient, from one forward and backward pass."""
        if self.evaluated_on is not None:
            return self.evaluated_on.value_and_gradient(theta)
        gradient = np.zeros_like(theta)
        losses = self.sample_losses(theta, gradient)
        # The weights have a mean of 1, so that their sum is the number of examples.
        gradient /= self.n_samples
        gradient += (self.penalty * theta).astype(theta.dtype)
        return float(np.mean(losses)) + self.penalty_value(theta), gradient

    def null_value(self) -> float:
        """Mean loss of outputs that are all zero, the baseline of any training."""
        return self.value_of_constants(np.zeros(self.targets.shape[1]))

    def value_of_constants(self, constants: Array) -> float:
        """Mean loss of outputs that are the same for every example."""
        targets = self.targets
        outputs = np.broadcast_to(constants.astype(targets.dtype), targets.shape)
        losses = self.loss.value(outputs, targets)
        return float(weighted_mean(losses, self.sample_weight))

    def mean_targets(self) -> Array:
        """Mean of the targets, per output."""
        return np.asarray(weighted_mean(self.targets, self.sample_weight))

    def penalty_value(self, theta: Array) -> float:
        """1/2 sum_j penalty_j theta_j^2."""
        return 0.5 * float(np.dot(self.penalty, theta * theta))

    def sample_losses(self, theta: Array, gradient: Array | None = None) -> Array:
        """Weighted loss of every example; adds their summed gradient in place."""
        return self.engine.sample_losses(theta, gradient)

    def descend(
        self, theta: Array, order: Array, batch_size: int, update: Update
    ) -> Array:
        """Go through the examples in this order, with an update after each batch.

        Parameters
        ----------
        theta : ndarray of shape (n_weights,)
            Changes in place.
        order : ndarray of shape (n,)
            Row numbers.
        batch_size : int
            A smaller last batch moves the weights by its share of a step.
        update : Update
            Its arrays change in place.

        Returns
        -------
        ndarray of shape (n,)
            The loss of each example, without its weight, just before its update.
        """
        if has_long_batches(self, batch_size, update):
            return descend_by_blocks(self, theta, order, batch_size, update)
        return self.engine.descend(theta, order, batch_size, update)

    def with_clock(self, clock: Callable[[], None]) -> "Objective":
        """The same objective, whose passes over the rows end when the time is over."""
        return replace(self, clock=clock)

    def evaluated_in_time(self) -> "Objective":
        """The same objective, evaluated on some examples if all would take seconds."""
        n_rows = max(1, LONG_PASS // self.network.n_weights)
        if n_rows >= self.n_samples:
            return self
        some = self.sample(n_rows, np.random.default_rng(0))
        return replace(self, evaluated_on=some)

    def without_penalty(self) -> "Objective":
        """The same objective without its penalty."""
        return replace(self, penalty=np.zeros_like(self.penalty), evaluated_on=None)

    def as_float64(self) -> "Objective":
        """The same objective in double precision, for solvers of linear systems."""
        if self.targets.dtype == np.float64:
            return self
        weight = self.sample_weight
        return replace(
            self,
            evaluated_on=None,
            inputs=self._doubled_inputs(),
            targets=self.targets.astype(np.float64),
            sample_weight=None if weight is None else weight.astype(np.float64),
        )

    def _doubled_inputs(self) -> Any:
        """Inputs in double precision, by the clock."""
        if not isinstance(self.inputs, np.ndarray):
            self.clock()
            return self.inputs.astype(np.float64)
        doubled: Array = np.empty(self.inputs.shape)
        for rows in self.row_blocks(self.inputs.shape[1]):
            doubled[rows] = self.inputs[rows]
        return doubled

    def accepting_float64(self) -> "Objective":
        """The same objective, whose losses are in double precision if theta is.

        NumPy converts a block of rows at a time; other engines need a copy of all.
        """
        is_by_blocks = self.engine_type is NumpyEngine
        return self if is_by_blocks else self.as_float64()

    def rows_in(self, rows: slice, dtype: Any) -> tuple[Any, Array]:
        """Inputs and targets of some rows, in this precision."""
        inputs = self.inputs[rows]
        if inputs.dtype != dtype:
            inputs = inputs.astype(dtype)
        return inputs, self.targets[rows].astype(dtype, copy=False)

    def subset(self, rows: Array) -> "Objective":
        """The objective of some examples, which keep their weights."""
        weight, labels = self.sample_weight, self.labels
        return replace(
            self,
            count=0.0,
            evaluated_on=None,
            inputs=take_rows(self.inputs, rows),
            targets=self.targets[rows],
            sample_weight=None if weight is None else weight[rows],
            labels=None if labels is None else labels[rows],
        )

    def with_bounded_weights(self, usual: float | None = None) -> "Objective":
        """The same objective, where repeated rows take the place of large weights.

        An update for an example of a thousand times the mean weight is a thousand times
        as long, and no learning rate suits both it and the others.  In several pieces,
        it is like any other example.  The repeats follow after all examples, and make
        the data longer by at most half.

        Parameters
        ----------
        usual : float, optional
            Weight that needs no repeats; by default the mean of the weights.
        """
        if self.sample_weight is None:
            return self
        mean = usual or float(np.mean(self.sample_weight, dtype=np.float64))
        weight = self.sample_weight / mean
        times = np.ceil(weight / LARGEST_WEIGHT - WEIGHT_TOLERANCE).astype(np.intp)
        times = np.maximum(times, 1)
        if (times == 1).all():
            return self
        rows = np.repeat(np.arange(self.n_samples), times)
        repeat = np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
        rows = rows[np.argsort(repeat, kind="stable")]
        # repeats within a part of all data are updates like those of other examples
        longer = len(rows) / self.n_samples if usual is None else 1.0
        split = (weight / times * (mean * longer)).astype(self.sample_weight.dtype)
        spread = replace(self, sample_weight=split).subset(rows)
        return replace(spread, count=self.count)

    def sample(self, n_samples: int, rng: np.random.Generator) -> "Objective":
        """The objective of n random examples, or of all if there are fewer."""
        if n_samples >= self.n_samples:
            return self
        return self.subset(self.sample_rows(n_samples, rng))

    def sample_rows(self, n_samples: int, rng: np.random.Generator) -> Array:
        """The numbers of n random rows."""
        # Sorted rows are copied from one end of the memory to the other.
        return np.sort(rng.choice(self.n_samples, size=n_samples, replace=False))


def weighted_mean(values: Array, weight: Array | None) -> Any:
    """Mean over examples, whose weights have a mean of 1 over all data."""
    if weight is None:
        return np.mean(values, axis=0)
    return weight @ values / len(values)
