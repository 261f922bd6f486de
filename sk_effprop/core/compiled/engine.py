"""The engine that computes on compiled loops.

It gives the same numbers as NumPy's up to rounding, in less time: NumPy calls BLAS for
whole matrices, where a single example takes longer to hand over than to compute.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.compiled.arrays import (
    FORWARD,
    GRADIENT,
    UPDATE,
    AdaptationArrays,
    UpdateArrays,
)
from sk_effprop.core.compiled.buffers import AlignedBuffers
from sk_effprop.core.compiled.cache import driver
from sk_effprop.core.compiled.pointers import LANES
from sk_effprop.core.compiled.sweeps import descend_and_adapt, descend_plainly, sweep
from sk_effprop.core.gains import gain_factor
from sk_effprop.core.objective import Objective
from sk_effprop.core.steps import Momentum, Update

# Compiled code cannot be interrupted, so that a pass over more products of an example
# and a weight is several calls, of a tenth of a second each.
PRODUCTS_PER_CALL = 2**26


class NumbaEngine:
    """Losses, gradients and descent of an objective on compiled loops.

    The objective must be compilable, see :attr:`Objective.is_compilable`.
    """

    name: ClassVar[str] = "numba"

    def __init__(self, objective: Objective) -> None:
        self.objective = objective

    def sample_losses(self, theta: Array, gradient: Array | None = None) -> Array:
        """Return the weighted loss of every example; add their summed gradient.

        Parameters
        ----------
        theta : ndarray of shape (n_weights,)
        gradient : ndarray of shape (n_weights,), optional
            The gradient is added to it in place.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        self._buffers.fill("theta", theta)
        parts = [self._losses_of(rows, gradient) for rows in self._parts()]
        losses, weight = np.concatenate(parts), self.objective.sample_weight
        self._forget_overflow(losses, theta)
        return losses if weight is None else losses * weight

    def _parts(self) -> Iterator[slice]:
        """Rows of one call of the loops, in whole lanes."""
        n_rows = PRODUCTS_PER_CALL // self.objective.network.n_weights
        size = LANES * max(n_rows // LANES, 1)
        for start in range(0, self.objective.n_samples, size):
            self.objective.clock()
            yield slice(start, min(start + size, self.objective.n_samples))

    def _losses_of(self, rows: slice, gradient: Array | None) -> Array:
        """Return the loss of some examples; add their summed gradient."""
        buffers = self._buffers
        examples = buffers.presented(buffers.examples.order[rows])
        update = self._no_update
        if gradient is not None:
            sums = buffers.array("gradient")
            update = update._replace(goal=GRADIENT, gradient=sums)
        self._run(sweep, examples, update, width=LANES)
        if gradient is not None:
            buffers.add_to("gradient", gradient)
        return examples.losses

    def descend(
        self, theta: Array, order: Array, batch_size: int, update: Update
    ) -> Array:
        """Go through examples with an update after each batch.

        Parameters
        ----------
        theta : ndarray of shape (n_weights,)
            Is changed in place.
        order : ndarray of shape (n,)
            The rows to present, in this order.
        batch_size : int
        update : Update
            Its arrays are changed in place.

        Returns
        -------
        ndarray of shape (n,)
            The loss of each example when it was presented, without its weight.

        Raises
        ------
        ValueError
            If the rule is not momentum.
        """
        rule = _momentum_of(update)
        buffers, curvature = self._buffers, update.running_curvature
        vectors = {
            "theta": theta,
            "velocity": None if rule.is_plain else update.memory[0],
            "h": None if curvature is None else curvature.h,
            "mean": None if update.flow is None else update.flow.start(theta),
            "behind_gains": None if update.gains is None else update.gains.V.ravel(),
        }
        for name, vector in vectors.items():
            buffers.fill(name, vector)
        examples = buffers.presented(order)
        self._run_update(examples, self._update_arrays(batch_size, update), update)
        for name, vector in vectors.items():
            buffers.write_back(name, vector)
        self._forget_overflow(examples.losses, theta)
        return examples.losses

    def _forget_overflow(self, losses: Array, theta: Array) -> None:
        """Let new buffers be made where NaN may have come behind the units.

        There it would stay, whatever the weights of the next call.
        """
        if not (np.isfinite(losses).all() and np.isfinite(theta).all()):
            self.__dict__.pop("_buffers", None)

    def _run_update(self, examples: Any, arrays: UpdateArrays, update: Update) -> None:
        width = 1 if arrays.batch_size == 1 else LANES
        if _adapts(update):
            adaptation = self._adaptation_arrays(update)
            self._run(descend_and_adapt, examples, arrays, adaptation, width=width)
        elif width == 1 and not (arrays.has_factors or arrays.has_velocity):
            self._run(descend_plainly, examples, arrays, width=width)
        else:
            self._run(sweep, examples, arrays, width=width)

    def _run(self, loop: Any, *bundles: Any, width: int) -> None:
        buffers = self._buffers
        run = driver(loop, buffers.dtype, width)
        run(buffers.network, *bundles, buffers.of_width(width))

    def _update_arrays(self, batch_size: int, update: Update) -> UpdateArrays:
        """Bundle what the loops need of an update; the arrays are filled already."""
        buffers, rates, rule = self._buffers, update.rates, _momentum_of(update)
        # otherwise the factors of a layer are all the same
        has_factors = rates.curvature is not None or _adapts(update)
        has_sums = batch_size > 1 or _adapts(update)
        if has_factors:
            buffers.fill("factors", rates.factors)
        return UpdateArrays(
            goal=UPDATE,
            batch_size=batch_size,
            rate=buffers.number(rates.eta),
            momentum=buffers.number(rule.momentum),
            nesterov=bool(rule.nesterov),
            scaling=buffers.of_layers(rates.scaling),
            penalty=buffers.of_layers(self.objective.penalty),
            gradient=buffers.array("gradient", is_used=has_sums),
            factors=buffers.array("factors", is_used=has_factors),
            has_factors=has_factors,
            velocity=buffers.array("velocity", is_used=not rule.is_plain),
            has_velocity=not rule.is_plain,
        )

    def _adaptation_arrays(self, update: Update) -> AdaptationArrays:
        """Bundle what the loops need of what adapts; the arrays are filled already."""
        buffers, flow, gains = self._buffers, update.flow, update.gains
        curvature = update.running_curvature
        factor = 0.0
        if gains is not None:
            layers = self.objective.network.layers(update.rates.factors)
            factor = gain_factor(layers[0])
        return AdaptationArrays(
            h=buffers.array("h", is_used=curvature is not None),
            curvatures=buffers.array("curvatures", is_used=curvature is not None),
            mu=buffers.number(1.0 if curvature is None else curvature.mu),
            decay=float(update.curvature_decay),
            has_curvature=curvature is not None,
            flow=np.empty(0) if flow is None else flow.numbers,
            mean=buffers.array("mean", is_used=flow is not None),
            has_flow=flow is not None,
            gains=buffers.nothing if gains is None else gains.s,
            behind_gains=buffers.array("behind_gains", is_used=gains is not None),
            gain_factor=buffers.number(factor),
            has_gains=gains is not None,
        )

    @cached_property
    def _buffers(self) -> AlignedBuffers:
        return AlignedBuffers(self.objective)

    @cached_property
    def _no_update(self) -> UpdateArrays:
        """The update arrays of a pass that changes no weights."""
        nothing, number = self._buffers.nothing, self._buffers.number
        return UpdateArrays(
            goal=FORWARD,
            batch_size=max(1, self.objective.n_samples),
            rate=number(0.0),
            momentum=number(0.0),
            nesterov=False,
            scaling=nothing,
            penalty=nothing,
            gradient=nothing,
            factors=nothing,
            has_factors=False,
            velocity=nothing,
            has_velocity=False,
        )


def _momentum_of(update: Update) -> Momentum:
    if isinstance(update.rule, Momentum):
        return update.rule
    raise ValueError(
        f"The compiled loops do not know {type(update.rule).__name__}, only gradient "
        "descent with momentum. Use the engine 'numpy'."
    )


def _adapts(update: Update) -> bool:
    """True if more than weights and velocity changes with every batch."""
    adapting = (update.running_curvature, update.flow, update.gains)
    return any(part is not None for part in adapting)
