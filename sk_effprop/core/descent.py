"""Descent through examples with NumPy: an update of the weights after each batch.

There are two kinds of steps.  A plain step adds the scaled gradient of each layer to
its weights, which is one BLAS call a layer.  All other steps collect the gradient in a
vector first, as momentum, moments, gradient flow and input gains need it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.gains import Gains, gain_factor
from sk_effprop.core.kernels import AfterBatch, Passes, sweep
from sk_effprop.core.steps import Update
from sk_effprop.core.trace import Trace

if TYPE_CHECKING:
    from sk_effprop.core.objective import Objective

# Numbers in a block of examples that are copied in their order before the sweep.
COPIED_NUMBERS = 2**18
# Steps on more weights than MANY_WEIGHTS are made by blocks of STEP_BLOCK, so that the
# arrays of a step come from the memory once.
MANY_WEIGHTS, STEP_BLOCK = 2**18, 2**14
# Products of an example and a weight in a batch that takes longer than 0.1 s.
LONG_BATCH = 2**27
WHOLE = slice(None)


def descend(
    objective: "Objective",
    theta: Array,
    order: Array,
    batch_size: int,
    update: Update,
) -> Array:
    """Go through the examples in this order, with an update after each batch.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_weights,)
        Changes in place.
    order : ndarray of shape (n,)
        Row numbers.
    batch_size : int
    update : Update
        Its arrays change in place.

    Returns
    -------
    ndarray of shape (n,)
        The loss of each example, without its weight, just before its update.
    """
    network, loss = objective.network, objective.loss
    passes = network.passes(theta, batch_size)
    make_step = _plain_step if update.is_plain else CollectingStep
    step = make_step(objective, theta, batch_size, update)
    losses = np.empty(len(order), dtype=theta.dtype)
    weight = objective.sample_weight
    # A copy of all examples in their order would double the memory of large data.
    for block in _blocks(len(order), batch_size, objective.row_width):
        rows = order[block]
        inputs, targets = _rows(objective.inputs, rows), _rows(objective.targets, rows)
        weights = None if weight is None else weight[rows]
        outputs = sweep(passes, loss, inputs, targets, weights, step)
        losses[block] = loss.value(outputs, targets)
    return losses


def _plain_step(
    objective: "Objective", theta: Array, batch_size: int, update: Update
) -> AfterBatch:
    """Make the update function that adds the scaled gradient to the weights."""
    network = objective.network
    layers = network.layers(theta)

    def per_layer(vector: Array) -> list[float]:
        return [float(view[0, 0]) for view in network.layers(vector)]

    rates = [update.rates.eta * factor for factor in per_layer(update.rates.scaling)]
    penalties = per_layer(objective.penalty)
    decays = [eta * penalty for eta, penalty in zip(rates, penalties, strict=True)]
    scales = [-eta / batch_size for eta in rates]
    # Biases have no penalty.
    weights = [W[:-1] for W in layers]

    def step(passes: Passes, _: Array, __: Array | None) -> None:
        passes.add_gradient(layers, scales)

    def decay_and_step(passes: Passes, _: Array, __: Array | None) -> None:
        share = passes.n_rows / batch_size
        for W, decay in zip(weights, decays, strict=True):
            np.multiply(W, 1.0 - share * decay, out=W)
        passes.add_gradient(layers, scales)

    return decay_and_step if any(decays) else step


class CollectingStep:
    """A step that collects the gradient and lets the rule move the weights.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_weights,)
        Changes in place.
    batch_size : int
        A smaller last batch moves the weights by its share of a step.
    update : Update
        Its arrays change in place.
    """

    def __init__(
        self, objective: "Objective", theta: Array, batch_size: int, update: Update
    ) -> None:
        network, rates = objective.network, update.rates
        self.theta, self.batch_size = theta, batch_size
        self.rule, self.memory = update.rule, update.memory
        self.rates, self.flow, self.gains = rates, update.flow, update.gains
        self.first_layer = network.layers(theta)[0]
        self.gradient = np.empty_like(theta)
        self.gradient_layers = network.layers(self.gradient)
        penalty = objective.penalty.astype(theta.dtype, copy=False)
        self.penalty = penalty if penalty.any() else None
        running = update.running_curvature
        # a running curvature changes them
        is_changed = running is not None
        self.factors = rates.factors.astype(theta.dtype, copy=is_changed)
        self.gain_factor = gain_factor(network.layers(self.factors)[0])
        self.meter = None
        if running is not None:
            self.meter = CurvatureMeter(objective, running.h, update.curvature_decay)
        # Steady rates are multiplied once, not after every batch.
        is_steady = self.flow is None and self.meter is None
        self.steady_rates = rates.eta * self.factors if is_steady else None
        is_whole = not is_steady or self.gains is not None
        self.blocks = [] if is_whole or not self.rule.is_elementwise else _steps(theta)

    def __call__(self, passes: Passes, targets: Array, weights: Array | None) -> None:
        """Move the weights after the two passes of a batch."""
        self.gradient.fill(0.0)
        passes.add_gradient(self.gradient_layers)
        if self.blocks:
            for block in self.blocks:
                self._move(block, passes.n_rows)
            return
        self._average(WHOLE, passes.n_rows)
        if self.meter is not None:
            self.meter.include(passes, targets, weights)
            np.copyto(self.factors, self.rates.factors)
        eta = self.rates.eta if self.flow is None else self.flow.update(self.gradient)
        # Every example then moves the weights by the same amount, whatever its batch.
        share = passes.n_rows / self.batch_size
        rates = self._rates(eta, share)
        if self.gains is None:
            self.rule.step(self.theta, self.gradient, rates, self.memory)
        else:
            self._step_with(self.gains, rates, share * eta * self.gain_factor)

    def _move(self, block: slice, n_rows: int) -> None:
        """Move some of the weights by the summed gradient of a batch."""
        self._average(block, n_rows)
        rates = self._rates(self.rates.eta, n_rows / self.batch_size, block)
        memory = [kept[block] for kept in self.memory]
        self.rule.step(self.theta[block], self.gradient[block], rates, memory)

    def _average(self, block: slice, n_rows: int) -> None:
        """Turn the sum over the rows of a batch into their mean, with the penalty."""
        gradient = self.gradient[block]
        np.multiply(gradient, 1.0 / n_rows, out=gradient)
        if self.penalty is not None:
            penalty = self.penalty[block] * self.theta[block]
            np.add(gradient, penalty, out=gradient)

    def _rates(self, eta: float, share: float, block: slice = WHOLE) -> Array:
        if self.steady_rates is None:
            return (share * eta) * self.factors[block]
        steady = self.steady_rates[block]
        return steady if share == 1.0 else share * steady

    def _step_with(self, gains: Gains, rates: Array, gain_rate: float) -> None:
        """Move s and V of the first layer W = diag(s) V, and the other layers."""
        gradient_of_gains = gains.split_gradient(self.gradient_layers[0])
        # The rule moves the whole of theta, with V in place of W.
        np.copyto(self.first_layer, gains.V)
        self.rule.step(self.theta, self.gradient, rates, self.memory)
        np.copyto(gains.V, self.first_layer)
        gains.step(gradient_of_gains, gain_rate)
        gains.write(self.first_layer)


class _SummedBatch:
    """Gradient of a batch, summed block by block; replaces ``Passes`` in a step."""

    def __init__(self, n_rows: int, layers: tuple[Array, ...]) -> None:
        self.n_rows, self._layers = n_rows, layers

    def add_gradient(self, into: tuple[Array, ...]) -> None:
        """Add the summed gradient of each layer."""
        for total, gradient in zip(into, self._layers, strict=True):
            total += gradient


def has_long_batches(objective: "Objective", batch_size: int, update: Update) -> bool:
    """True if a time limit must be checked within an update, as batches are long."""
    n_products = batch_size * objective.network.n_weights
    return n_products > LONG_BATCH and update.running_curvature is None


def descend_by_blocks(
    objective: "Objective",
    theta: Array,
    order: Array,
    batch_size: int,
    update: Update,
) -> Array:
    """Go through the examples as :func:`descend` does, for long batches.

    Ctrl-C and the clock come between blocks of a batch, and leave theta as it was
    before the batch.  No array has all rows of a batch.
    """
    step = CollectingStep(objective, theta, batch_size, update)
    gradient, losses = np.empty_like(theta), np.empty(len(order), dtype=theta.dtype)
    layers = objective.network.layers(gradient)
    size = max(1, LONG_BATCH // (2 * len(theta)))
    for start in range(0, len(order), batch_size):
        stop = min(start + batch_size, len(order))
        gradient.fill(0.0)
        for first in range(start, stop, size):
            rows = slice(first, min(first + size, stop))
            part = objective.subset(order[rows])
            losses[rows] = part.sample_losses(theta, gradient)
            if part.sample_weight is not None:
                losses[rows] /= part.sample_weight
        batch: Any = _SummedBatch(stop - start, layers)
        step(batch, losses, None)
    return losses


class CurvatureMeter:
    """Running estimate of the diagonal curvature, eq. (62), pattern by pattern.

    Parameters
    ----------
    objective : Objective
    h : ndarray of shape (n_weights,)
        The estimate; changes in place.
    decay : float
        gamma of (62).
    """

    def __init__(self, objective: "Objective", h: Array, decay: float) -> None:
        self.loss, self.penalty = objective.loss, objective.penalty
        self.h, self.decay = h, decay
        self._sum = np.empty(len(h), dtype=objective.inputs.dtype)
        self._layers = objective.network.layers(self._sum)

    def include(self, passes: Passes, targets: Array, weights: Array | None) -> None:
        """Include the patterns of a batch after its two passes."""
        # Second derivatives at the outputs; eqs. (54)-(56) take them to the weights.
        squares = self.loss.hessian_diagonal(passes.outputs, targets)
        if weights is not None:
            squares = weights[:, None] * squares
        self._sum.fill(0.0)
        Trace(passes).add_lecun_diagonal(squares, self._layers)
        # n steps of (62) with the same mean leave (1 - gamma)^n of the old estimate.
        smoothing = 1.0 - (1.0 - self.decay) ** passes.n_rows
        self.h += smoothing * (self._sum / passes.n_rows + self.penalty - self.h)


def _steps(theta: Array) -> list[slice]:
    """Slices of the rows of a large weight matrix; an empty list for a small one."""
    if len(theta) <= MANY_WEIGHTS:
        return []
    starts = range(0, len(theta), STEP_BLOCK)
    return [slice(start, start + STEP_BLOCK) for start in starts]


def _rows(array: Any, rows: Array) -> Any:
    """Select rows; ``take`` is faster than an index, but sparse inputs have none."""
    return array.take(rows, axis=0) if type(array) is np.ndarray else array[rows]


def _blocks(n: int, batch_size: int, width: int) -> Iterator[slice]:
    """Slices of whole batches that hold about COPIED_NUMBERS numbers each."""
    step = batch_size * max(1, COPIED_NUMBERS // (batch_size * width))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))
