"""Engines: how the losses of an objective are computed, and how it descends.

An engine belongs to one objective and has two verbs.  ``sample_losses`` makes a pass
over all examples; ``descend`` goes through examples with an update after each batch.
Solvers call both through the objective and do not know which engine it has.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.descent import descend
from sk_effprop.core.steps import Update

if TYPE_CHECKING:
    from sk_effprop.core.objective import Objective


class Engine(Protocol):
    """Computes the losses of an objective and their gradient, and descends on it."""

    name: ClassVar[str]

    def sample_losses(self, theta: Array, gradient: Array | None = None) -> Array:
        """Weighted loss of every example; adds their summed gradient in place."""

    def descend(
        self, theta: Array, order: Array, batch_size: int, update: Update
    ) -> Array:
        """Go through the examples in this order, with an update after each batch.

        Theta and the arrays of the update change in place.  Returns the loss of each
        example, without its weight, just before its update.
        """


@dataclass(frozen=True, eq=False)
class NumpyEngine:
    """Passes by NumPy and BLAS, for every loss, activation and kind of inputs."""

    objective: "Objective"
    name: ClassVar[str] = "numpy"

    def sample_losses(self, theta: Array, gradient: Array | None = None) -> Array:
        objective = self.objective
        network, weight = objective.network, objective.sample_weight
        into = None if gradient is None else network.layers(gradient)
        losses = np.empty(objective.n_samples, dtype=theta.dtype)
        # Blocks share the buffers of the first one, which is the largest.
        passes = None
        for rows in objective.row_blocks(objective.row_width):
            n_rows = rows.stop - rows.start
            if passes is None:
                passes = network.passes(theta, n_rows)
            part = passes.first(n_rows)
            inputs, targets = objective.rows_in(rows, theta.dtype)
            part.forward(inputs, only_values=into is None)
            losses[rows] = objective.loss.value(part.outputs, targets)
            if into is not None:
                objective.loss.gradient(part.outputs, targets, part.output_gradient)
                # The loss is weighted, and so is its gradient.
                if weight is not None:
                    part.output_gradient[...] *= weight[rows, None]
                part.backward()
                part.add_gradient(into)
        return losses if weight is None else losses * weight

    def descend(
        self, theta: Array, order: Array, batch_size: int, update: Update
    ) -> Array:
        return descend(self.objective, theta, order, batch_size, update)
