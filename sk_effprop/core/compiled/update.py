"""From the errors of a batch to new weights, layer by layer.

Rows of weights are gone through in tiles of eight neighbours.  The gradient of a tile
is the sum that earlier examples of the batch have left in memory, plus the products of
the inputs and errors of the examples at hand, which are never written to memory.
"""

from typing import Any, NamedTuple

from sk_effprop.core.compiled._jit import compiled, inlined
from sk_effprop.core.compiled.arrays import DELTAS, VALUES, Layer
from sk_effprop.core.compiled.lanes import (
    add_products,
    add_scaled,
    numbers_of,
    product,
    total,
    transpose,
    zero_of,
)
from sk_effprop.core.compiled.layers import kind_at, layer_of
from sk_effprop.core.compiled.pointers import LANES, as_lanes, at, load, number, store


class LayerGradient(NamedTuple):
    """The gradient of a layer, summed over a batch."""

    # lanes that earlier examples have left, if there are any
    sums: Any
    has_sums: bool
    # the inputs of the examples at hand, and their errors as lanes.transpose has them
    x: Any
    turned: Any


class StepMemory(NamedTuple):
    """Lanes that a step uses beside the weights."""

    factors: Any
    has_factors: bool
    velocity: Any
    has_velocity: bool


class StepNumbers(NamedTuple):
    """The settings of a step of a layer."""

    rate: Any
    decay: Any
    momentum: Any
    nesterov: bool


@inlined
def turn(source: Any, turned: Any, layer: Layer) -> None:
    """Transpose the numbers of all units of a layer."""
    for j in range(0, layer.n_columns, LANES):
        transpose(source, turned, j)


@inlined
def gradient_tile(gradient: LayerGradient, tile: int, x: Any, errors: Any) -> Any:
    """Return the gradient of eight weights."""
    s = load(gradient.sums, tile) if gradient.has_sums else zero_of(gradient.sums)
    return add_products(s, x, errors)


@compiled
def write_sums(gradient: LayerGradient, layer: Layer) -> None:
    """Add the products of the examples at hand to the sums in memory."""
    n_tiles = layer.n_columns // LANES
    for i in range(layer.n_in + 1):
        x = numbers_of(gradient.x, i)
        for k in range(n_tiles):
            tile, errors = i * n_tiles + k, at(gradient.turned, k * len(x))
            store(gradient.sums, tile, gradient_tile(gradient, tile, x, errors))


@compiled
def add_gradients(net: Any, buffers: Any, gradient: Any, is_first: bool) -> None:
    """Add the gradients of the examples at hand to those of the batch."""
    x, turned = buffers.inputs, as_lanes(buffers.turned)
    for l in range(net.n_layers):
        layer = layer_of(net, l)
        turn(kind_at(net, buffers.units, DELTAS, layer.unit), turned, layer)
        sums = as_lanes(at(gradient, layer.start))
        write_sums(LayerGradient(sums, not is_first, x, turned), layer)
        x = kind_at(net, buffers.units, VALUES, layer.unit)


@inlined
def moved(w: Any, gradient: Any, tile: int, memory: StepMemory, step: Any) -> Any:
    """Return eight weights after a step."""
    change = add_scaled(zero_of(memory.factors), -step.decay, w)
    change = add_scaled(change, -step.rate, gradient)
    if memory.has_factors:
        change = product(change, load(memory.factors, tile))
    if memory.has_velocity:
        v = add_scaled(change, step.momentum, load(memory.velocity, tile))
        store(memory.velocity, tile, v)
        change = add_scaled(change, step.momentum, v) if step.nesterov else v
    return total(w, change)


@inlined
def in_row(W: Any, layer: Layer, step: StepNumbers, i: int) -> StepNumbers:
    """Return the settings for a row; the last one holds biases, which do not decay."""
    decay = step.decay if i < layer.n_in else number(W, 0.0)
    return StepNumbers(step.rate, decay, step.momentum, step.nesterov)


@compiled
def step_layer(
    W: Any, layer: Layer, gradient: LayerGradient, memory: StepMemory, step: StepNumbers
) -> None:
    """Move the weights of a layer, on one way through memory."""
    n_tiles, weights = layer.n_columns // LANES, as_lanes(W)
    for i in range(layer.n_in + 1):
        x, own = numbers_of(gradient.x, i), in_row(W, layer, step, i)
        for k in range(n_tiles):
            tile, errors = i * n_tiles + k, at(gradient.turned, k * len(x))
            w, g = load(weights, tile), gradient_tile(gradient, tile, x, errors)
            store(weights, tile, moved(w, g, tile, memory, own))


@compiled
def step_layer_by_sums(
    W: Any, layer: Layer, sums: Any, memory: StepMemory, step: StepNumbers
) -> None:
    """Move the weights of a layer against a gradient that is all in memory."""
    n_tiles, weights = layer.n_columns // LANES, as_lanes(W)
    for i in range(layer.n_in + 1):
        own = in_row(W, layer, step, i)
        for k in range(n_tiles):
            tile = i * n_tiles + k
            w, g = load(weights, tile), load(sums, tile)
            store(weights, tile, moved(w, g, tile, memory, own))


@inlined
def memory_of(update: Any, layer: Layer) -> StepMemory:
    """Return the memory of a layer."""
    return StepMemory(
        as_lanes(at(update.factors, layer.start)), update.has_factors,
        as_lanes(at(update.velocity, layer.start)), update.has_velocity,
    )  # fmt: skip


@inlined
def numbers_for(net: Any, update: Any, rate: Any, n_rows: int, l: int) -> StepNumbers:
    """Return the settings of a layer's step after a batch of so many rows."""
    # a smaller last batch counts for its share of a full one
    own_rate = number(net.theta, rate / update.batch_size)
    decay = number(net.theta, rate * n_rows / update.batch_size)
    factor = number(net.theta, 1.0) if update.has_factors else update.scaling[l]
    decay = decay * factor * update.penalty[l]
    return StepNumbers(own_rate * factor, decay, update.momentum, update.nesterov)


@compiled
def step_all(
    net: Any, buffers: Any, update: Any, rate: Any, n_rows: int, is_first: bool
) -> None:
    """Move all layers, given the last examples of a batch of so many rows."""
    x, turned = buffers.inputs, as_lanes(buffers.turned)
    for l in range(net.n_layers):
        layer = layer_of(net, l)
        turn(kind_at(net, buffers.units, DELTAS, layer.unit), turned, layer)
        sums = as_lanes(at(update.gradient, layer.start))
        step_layer(
            at(net.theta, layer.start), layer,
            LayerGradient(sums, not is_first, x, turned), memory_of(update, layer),
            numbers_for(net, update, rate, n_rows, l),
        )  # fmt: skip
        x = kind_at(net, buffers.units, VALUES, layer.unit)
