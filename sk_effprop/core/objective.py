"""The objective, defined once for every solver, batch size and engine.

``E(theta) = sum_i w_i loss_i / sum_i w_i + 1/2 sum_j penalty_j theta_j^2``, where the
penalty is alpha for weights and 0 for biases.  The minimiser does not depend on the
batch size, and a weight of 2 is the same as showing an example twice.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from sk_effprop.core.activations import (
    COMPILED_SHAPES,
    Activation,
)
from sk_effprop.core.arrays import Array, row_blocks
from sk_effprop.core.kernels import Passes
from sk_effprop.core.losses import COMPILED_LOSSES, Loss
from sk_effprop.core.network import Network


@dataclass(frozen=True)
class Objective:
    """Network, loss, data and penalty, as functions of theta.

    Attributes
    ----------
    network : Network
    loss : Loss
    inputs : ndarray or FoldedSparse of shape (n_samples, n_in + 1)
        Normalised, ending in a column of ones.
    targets : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,) or None
        Of mean 1; None where all are equal.
    penalty : ndarray of shape (n_weights,)
        L2 strength of every weight, 0 for biases.
    labels : ndarray of shape (n_samples,) or None
        Class numbers, which the order of presentation may use.
    count : float
        How many examples these stand for: a weight of 2 counts as two. The number of
        rows, unless it is given.
    """

    network: Network
    loss: Loss
    inputs: Any
    targets: Array
    sample_weight: Array | None
    penalty: Array
    labels: Array | None = None
    count: float = 0.0
    # who computes: another is a subclass
    engine: ClassVar[str] = "numpy"

    def __post_init__(self) -> None:
        if self.count == 0.0:
            object.__setattr__(self, "count", float(self.n_samples))

    @property
    def n_samples(self) -> int:
        return len(self.targets)

    @property
    def row_width(self) -> int:
        """Numbers that a pass makes of a row in its widest layer; sparse rows stay."""
        is_dense = isinstance(self.inputs, np.ndarray)
        return max(self.network.sizes if is_dense else self.network.sizes[1:])

    @property
    def is_compilable(self) -> bool:
        """Whether data are dense, and compiled loops know activations and loss."""
        return (
            isinstance(self.inputs, np.ndarray)
            and type(self.loss) in COMPILED_LOSSES
            and all(
                isinstance(f, Activation) and f.kind in COMPILED_SHAPES
                for f in self.network.activations
            )
        )

    def value(self, theta: Array) -> float:
        """E(theta)."""
        return float(np.mean(self.sample_losses(theta))) + self.penalty_value(theta)

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """E(theta) and its gradient, from one pass."""
        gradient = np.zeros_like(theta)
        losses = self.sample_losses(theta, gradient)
        gradient /= self.n_samples
        gradient += (self.penalty * theta).astype(theta.dtype)
        return float(np.mean(losses)) + self.penalty_value(theta), gradient

    def null_value(self) -> float:
        """Mean loss of outputs that are all zero: the yardstick of any training."""
        outputs = np.zeros_like(self.targets)
        losses = self.loss.value(outputs, self.targets)
        return float(np.average(losses, weights=self.sample_weight))

    def penalty_value(self, theta: Array) -> float:
        """1/2 sum_j penalty_j theta_j^2."""
        return 0.5 * float(np.dot(self.penalty, theta * theta))

    def sample_losses(self, theta: Array, gradient: Array | None = None) -> Array:
        """Weighted loss of every example; their summed gradient is added in place."""
        layers = self.network.layers(theta)
        into = None if gradient is None else self.network.layers(gradient)
        losses = np.empty(self.n_samples, dtype=theta.dtype)
        passes = None
        for rows in row_blocks(self.n_samples, self.row_width):
            n_rows = rows.stop - rows.start
            if passes is None:
                passes = Passes(layers, self.network.activations, n_rows)
            part = passes.first(n_rows)
            part.forward(self.inputs[rows], only_values=into is None)
            targets = self.targets[rows]
            losses[rows] = self.loss.value(part.outputs, targets)
            if into is not None:
                self.loss.gradient(part.outputs, targets, part.output_gradient)
                if self.sample_weight is not None:
                    part.output_gradient[...] *= self.sample_weight[rows, None]
                part.backward()
                part.add_gradient(into)
        return losses if self.sample_weight is None else losses * self.sample_weight

    def without_penalty(self) -> "Objective":
        """The mean loss alone."""
        return replace(self, penalty=np.zeros_like(self.penalty))

    def as_float64(self) -> "Objective":
        """The same in double precision, for solvers of linear systems."""
        if self.targets.dtype == np.float64:
            return self
        weight = self.sample_weight
        return replace(
            self,
            inputs=self.inputs.astype(np.float64),
            targets=self.targets.astype(np.float64),
            sample_weight=None if weight is None else weight.astype(np.float64),
        )

    def subset(self, rows: Array) -> "Objective":
        """The objective of some examples, whose weights stay as they are."""
        weight, labels = self.sample_weight, self.labels
        return replace(
            self,
            count=0.0,
            inputs=self.inputs[rows],
            targets=self.targets[rows],
            sample_weight=None if weight is None else weight[rows],
            labels=None if labels is None else labels[rows],
        )

    def sample(self, n_samples: int, rng: np.random.Generator) -> "Objective":
        """The objective of so many random examples, or of all if there are fewer."""
        if n_samples >= self.n_samples:
            return self
        rows = rng.choice(self.n_samples, size=n_samples, replace=False)
        return self.subset(np.sort(rows))
