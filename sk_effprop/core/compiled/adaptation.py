"""Quantities that follow every batch beside the weights.

These are the running curvature of eq. (62), the rate of eqs. (17)-(19), and the input
gains.
"""

from typing import Any

from sk_effprop.core.compiled._jit import compiled
from sk_effprop.core.compiled.arrays import CURVATURES, VALUES, Layer
from sk_effprop.core.compiled.lanes import (
    add_scaled,
    numbers_of,
    product,
    quotient,
    spread,
    total,
)
from sk_effprop.core.compiled.layers import kind_at, layer_of
from sk_effprop.core.compiled.pointers import LANES, as_lanes, at, load, number, store
from sk_effprop.core.compiled.update import (
    LayerGradient,
    StepNumbers,
    gradient_tile,
    memory_of,
    numbers_for,
    step_layer_by_sums,
    turn,
    write_sums,
)
from sk_effprop.core.flow import DELTA, next_rate
from sk_effprop.core.gains import HIGHEST_GAIN

next_rate_compiled = compiled(next_rate)


@compiled
def curvature_of(
    net: Any, buffers: Any, adaptation: Any, l: int, x: Any, has_sums: bool
) -> LayerGradient:
    """Prepare the curvature of a layer, eq. (55): a gradient of squares."""
    layer = layer_of(net, l)
    for i in range(layer.n_in + 1):
        store(buffers.squares, i, product(load(x, i), load(x, i)))
    turned = as_lanes(buffers.turned)
    turn(kind_at(net, buffers.units, CURVATURES, layer.unit), turned, layer)
    sums = as_lanes(at(adaptation.curvatures, layer.start))
    return LayerGradient(sums, has_sums, buffers.squares, turned)


@compiled
def add_curvatures(net: Any, buffers: Any, adaptation: Any, is_first: bool) -> None:
    """Add the curvatures of the examples at hand to those of the batch."""
    x = buffers.inputs
    for l in range(net.n_layers):
        layer = layer_of(net, l)
        own = curvature_of(net, buffers, adaptation, l, x, not is_first)
        write_sums(own, layer)
        x = kind_at(net, buffers.units, VALUES, layer.unit)


@compiled
def track_layer(
    h: Any, factors: Any, layer: Layer, curvature: LayerGradient, numbers: Any
) -> None:
    """Move the diagonal curvature towards that of the batch, eqs. (61) and (62).

    ``numbers`` are the smoothing factor, its share for each example, the penalty, mu
    and the scaling of the layer.
    """
    smoothing, share, penalty, mu, scaling = numbers
    n_tiles, keep = layer.n_columns // LANES, number(h, 1.0) - smoothing
    h, factors = as_lanes(h), as_lanes(factors)
    for i in range(layer.n_in + 1):
        x = numbers_of(curvature.x, i)
        own = smoothing * penalty if i < layer.n_in else number(h, 0.0)
        for k in range(n_tiles):
            tile, errors = i * n_tiles + k, at(curvature.turned, k * len(x))
            new = add_scaled(spread(own), keep, load(h, tile))
            new = add_scaled(new, share, gradient_tile(curvature, tile, x, errors))
            store(h, tile, new)
            store(factors, tile, quotient(spread(scaling), total(spread(mu), new)))


@compiled
def track_all(
    net: Any, buffers: Any, update: Any, adaptation: Any, n_rows: int, has_sums: bool
) -> None:
    """Track the curvature of all layers, given the last examples of a batch."""
    x = buffers.inputs
    smoothing = 1.0 - (1.0 - adaptation.decay) ** n_rows
    share = number(net.theta, smoothing) * number(net.theta, 1.0 / n_rows)
    for l in range(net.n_layers):
        layer = layer_of(net, l)
        own = curvature_of(net, buffers, adaptation, l, x, has_sums)
        numbers = (
            number(net.theta, smoothing), share, update.penalty[l], adaptation.mu,
            update.scaling[l],
        )  # fmt: skip
        h, factors = at(adaptation.h, layer.start), at(update.factors, layer.start)
        track_layer(h, factors, layer, own, numbers)
        x = kind_at(net, buffers.units, VALUES, layer.unit)


@compiled
def add_to_mean(
    mean: Any, G: Any, W: Any, layer: Layer, share: Any, penalty: Any, delta: Any
) -> Any:
    """Add a layer's gradient to the mean of Flow; return both squared norms."""
    of_gradient, of_mean = number(W, 0.0), number(W, 0.0)
    n_weights = layer.n_in * layer.n_columns
    for i in range(n_weights + layer.n_columns):
        own = penalty if i < n_weights else number(W, 0.0)
        g = share * G[i] + own * W[i]
        mean[i] += delta * (g - mean[i])
        of_gradient += g * g
        of_mean += mean[i] * mean[i]
    return of_gradient, of_mean


@compiled
def flow_rate(net: Any, update: Any, adaptation: Any, n_rows: int) -> Any:
    """Return the rate after the gradient of a batch, eqs. (17)-(19)."""
    of_gradient, of_mean = 0.0, 0.0
    share = number(net.theta, 1.0 / n_rows)
    delta = number(net.theta, adaptation.flow[DELTA])
    for l in range(net.n_layers):
        layer = layer_of(net, l)
        one_gradient, one_mean = add_to_mean(
            at(adaptation.mean, layer.start), at(update.gradient, layer.start),
            at(net.theta, layer.start), layer, share, update.penalty[l], delta,
        )  # fmt: skip
        of_gradient += one_gradient
        of_mean += one_mean
    return number(net.theta, next_rate_compiled(adaptation.flow, of_gradient, of_mean))


@compiled
def step_gains(net: Any, update: Any, adaptation: Any, step: StepNumbers) -> None:
    """Take a gradient step on V and the input gains, where W = diag(gains) V.

    W is the weight matrix of the first layer; the rule is that of ``core/gains.py``.
    """
    layer, W, V = layer_of(net, 0), net.theta, adaptation.behind_gains
    G, gains, n = update.gradient, adaptation.gains, layer.n_columns
    lowest, highest = number(W, 0.0), number(W, HIGHEST_GAIN)
    biases = layer.n_in * n
    for j in range(biases, biases + n):
        G[j] *= step.rate
    for i in range(layer.n_in):
        gradient = number(W, 0.0)
        for j in range(i * n, (i + 1) * n):
            change = step.rate * G[j] + step.decay * W[j]
            gradient += V[j] * change
            G[j] = gains[i] * change
        gain = gains[i] - adaptation.gain_factor * gradient
        gains[i] = max(lowest, min(highest, gain))
    own = StepNumbers(number(W, 1.0), number(W, 0.0), step.momentum, step.nesterov)
    step_layer_by_sums(V, layer, as_lanes(G), memory_of(update, layer), own)
    for i in range(layer.n_in):
        for j in range(i * n, (i + 1) * n):
            W[j] = gains[i] * V[j]
    for j in range(biases, biases + n):
        W[j] = V[j]


@compiled
def step_all_by_sums(
    net: Any, update: Any, adaptation: Any, rate: Any, n_rows: int
) -> None:
    """Move all layers against a gradient that is all in memory."""
    for l in range(net.n_layers):
        layer, step = layer_of(net, l), numbers_for(net, update, rate, n_rows, l)
        if l == 0 and adaptation.has_gains:
            step_gains(net, update, adaptation, step)
        else:
            step_layer_by_sums(
                at(net.theta, layer.start), layer,
                as_lanes(at(update.gradient, layer.start)), memory_of(update, layer),
                step,
            )  # fmt: skip
