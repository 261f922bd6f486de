"""The sweep of :mod:`sk_effprop.core.kernels`, compiled by numba.

NumPy calls BLAS for whole matrices, where a single example takes longer to hand over
than to compute.  Compiled loops have no such cost, and pass over each row of weights
once for the derivative below and the step.  The two sweeps agree to rounding, which the
tests hold them to, one activation, loss and update at a time.

Importing this module imports numba.  What is compiled depends on the depth of the
network and the precision alone: activations, losses and hyperparameters are numbers.
The inner loops run over contiguous units, so that they vectorise without any licence to
reorder sums.
"""

from typing import Any

import numpy as np
from numba import njit

from sk_effprop.core.activations import (
    LINEAR,
    RATIONAL,
    RELU,
    SHAPES,
    TANH,
    Array,
)
from sk_effprop.core.losses import LogLoss, SquaredError
from sk_effprop.core.objective import Objective
from sk_effprop.core.rates import Rates

_compile: Any = njit(cache=True, nogil=True, error_model="numpy")

SQUARED_ERROR, LOGISTIC, SOFTMAX = range(3)
LOSS_CODES: dict[Any, int] = {
    SquaredError(): SQUARED_ERROR,
    LogLoss(False): LOGISTIC,
    LogLoss(True): SOFTMAX,
}
# expm1(y) / y for |y| < 0.6 as a polynomial, lowest power first
_EXPM1 = np.array([1.0 / np.prod(np.arange(1.0, k + 1.0)) for k in range(1, 13)])
_SATURATION = SHAPES[RATIONAL].saturation


@_compile
def _tanh(u: Array, value: Array, constants: Array) -> None:
    """Tanh to the last bits: expm1(2u) by a polynomial at 2u/64, doubled six times."""
    c1, c2, c3, c4, c5, c6 = constants[0:6]
    c7, c8, c9, c10, c11, c12 = constants[6:12]
    two, limit, share = constants[13:16]
    for j in range(u.shape[0]):
        a = u[j]
        a = limit if a > limit else a
        a = -limit if a < -limit else a
        y = a * share
        e = c7 + y * (c8 + y * (c9 + y * (c10 + y * (c11 + y * c12))))
        e = c1 + y * (c2 + y * (c3 + y * (c4 + y * (c5 + y * (c6 + y * e)))))
        e *= y
        # expm1(2 y) = e (2 + e)
        e *= two + e
        e *= two + e
        e *= two + e
        e *= two + e
        e *= two + e
        e *= two + e
        value[j] = e / (e + two)


@_compile
def _activate(
    z: Array, value: Array, slope_out: Array, numbers: Array, constants: Array
) -> None:
    """Write f(z) and f'(z); ``numbers`` are those of the activation."""
    kind = int(numbers[0])
    amplitude, slope, twist, offset = numbers[1:5]
    one = constants[12]
    n = z.shape[0]
    if kind == LINEAR:
        for j in range(n):
            value[j] = twist * z[j] + offset
            slope_out[j] = twist
        return
    gain = amplitude * slope
    for j in range(n):
        slope_out[j] = slope * z[j]
    if kind == TANH:
        _tanh(slope_out, value, constants)
        for j in range(n):
            s = value[j]
            value[j] = amplitude * s + twist * z[j] + offset
            slope_out[j] = gain * (one - s * s) + twist
    elif kind == RATIONAL:
        saturation, eighth, c128, c3072 = constants[16:20]
        for j in range(n):
            u = slope_out[j]
            a = abs(u)
            is_far = a >= saturation
            a = saturation if a > saturation else a
            p = one + a * (eighth + a * (c128 + a * c3072))
            y = p * p
            y *= y
            y *= y
            y *= y
            t = (y - one) / (y + one)
            t = one if is_far else t
            q = one - a * a * a * c3072 / p
            s = -t if u < 0 else t
            value[j] = amplitude * s + twist * z[j] + offset
            slope_out[j] = gain * (one - t * t) * q + twist
    elif kind == RELU:
        for j in range(n):
            u = slope_out[j]
            is_on = u > 0
            value[j] = amplitude * (u if is_on else u * 0) + twist * z[j] + offset
            slope_out[j] = gain * (one if is_on else one * 0) + twist
    else:
        for j in range(n):
            u = slope_out[j]
            e = np.exp(-abs(u))
            larger = u if u > 0 else u * 0
            value[j] = amplitude * (larger + np.log1p(e)) + twist * z[j] + offset
            p = one / (one + e)
            slope_out[j] = gain * (p if u > 0 else e * p) + twist


@_compile
def _forward(
    layers: Any,
    x: Array,
    values: Any,
    slopes: Any,
    z: Any,
    numbers: Any,
    constants: Any,
) -> None:
    """Pass one example up, eqs. (2)-(3)."""
    for l in range(len(layers)):
        W, z_l = layers[l], z[l]
        below = x if l == 0 else values[l - 1]
        n_in, n_out = W.shape[0] - 1, W.shape[1]
        for j in range(n_out):
            z_l[j] = W[n_in, j]
        stop = n_in - n_in % 4
        for i in range(0, stop, 4):
            x0, x1, x2, x3 = below[i], below[i + 1], below[i + 2], below[i + 3]
            for j in range(n_out):
                pair = x0 * W[i, j] + x1 * W[i + 1, j]
                z_l[j] += pair + (x2 * W[i + 2, j] + x3 * W[i + 3, j])
        for i in range(stop, n_in):
            x0 = below[i]
            for j in range(n_out):
                z_l[j] += x0 * W[i, j]
        _activate(z_l, values[l], slopes[l], numbers[l], constants)


@_compile
def _loss_gradient(code: int, outputs: Array, target: Array, out: Array) -> None:
    """Derivative of the loss with respect to the outputs."""
    n = outputs.shape[0]
    if code == SQUARED_ERROR:
        for k in range(n):
            out[k] = outputs[k] - target[k]
    elif code == LOGISTIC:
        for k in range(n):
            u = outputs[k]
            e = np.exp(-abs(u))
            p = 1.0 / (1.0 + e)
            out[k] = (p if u > 0 else e * p) - target[k]
    else:
        largest = outputs[0]
        for k in range(1, n):
            largest = max(largest, outputs[k])
        total = 0.0
        for k in range(n):
            out[k] = np.exp(outputs[k] - largest)
            total += out[k]
        for k in range(n):
            out[k] = out[k] / total - target[k]


@_compile
def _pull_row(row: Array, delta: Array, zero: Any) -> Any:
    """Sum over the units of weight times delta, in four running sums."""
    n = row.shape[0]
    s0, s1, s2, s3 = zero, zero, zero, zero
    stop = n - n % 4
    for j in range(0, stop, 4):
        s0 += row[j] * delta[j]
        s1 += row[j + 1] * delta[j + 1]
        s2 += row[j + 2] * delta[j + 2]
        s3 += row[j + 3] * delta[j + 3]
    for j in range(stop, n):
        s0 += row[j] * delta[j]
    return (s0 + s1) + (s2 + s3)


@_compile
def descend(
    layers: Any,
    inputs: Array,
    targets: Array,
    weights: Array,
    order: Array,
    code: int,
    numbers: Array,
    constants: Array,
    rates: Array,
    decays: Array,
    values: Any,
    slopes: Any,
    z: Any,
    deltas: Any,
    shown: Array,
) -> None:
    """Show one example after another, with a plain step after each."""
    n_layers = len(layers)
    zero = constants[20]
    for t in range(order.shape[0]):
        p = order[t]
        _forward(layers, inputs[p], values, slopes, z, numbers, constants)
        top = n_layers - 1
        _loss_gradient(code, values[top], targets[p], deltas[top])
        for k in range(targets.shape[1]):
            shown[t, k] = values[top][k]
            deltas[top][k] *= weights[p] * slopes[top][k]
        for l in range(top, -1, -1):
            W, delta = layers[l], deltas[l]
            n_in, n_out = W.shape[0] - 1, W.shape[1]
            x = inputs[p] if l == 0 else values[l - 1]
            rate, keep = rates[l], constants[12] - decays[l]
            if l > 0:
                below, slope = deltas[l - 1], slopes[l - 1]
                for i in range(n_in):
                    below[i] = _pull_row(W[i], delta, zero) * slope[i]
            if decays[l] != zero:
                for i in range(n_in):
                    for j in range(n_out):
                        W[i, j] *= keep
            for i in range(n_in):
                step = rate * x[i]
                for j in range(n_out):
                    W[i, j] -= step * delta[j]
            for j in range(n_out):
                W[n_in, j] -= rate * delta[j]


@_compile
def descend_in_batches(
    layers: Any,
    inputs: Array,
    targets: Array,
    weights: Array,
    order: Array,
    batch_size: int,
    code: int,
    numbers: Array,
    constants: Array,
    rates: Any,
    penalties: Any,
    momentum: Any,
    nesterov: bool,
    velocities: Any,
    gradients: Any,
    values: Any,
    slopes: Any,
    z: Any,
    deltas: Any,
    shown: Array,
) -> None:
    """The same for batches, with a rate for every weight, penalty and momentum."""
    n_layers = len(layers)
    one, zero = constants[12], constants[20]
    top = n_layers - 1
    n = order.shape[0]
    for start in range(0, n, batch_size):
        stop = min(start + batch_size, n)
        for l in range(n_layers):
            gradients[l][:] = zero
        for t in range(start, stop):
            p = order[t]
            _forward(layers, inputs[p], values, slopes, z, numbers, constants)
            _loss_gradient(code, values[top], targets[p], deltas[top])
            for k in range(targets.shape[1]):
                shown[t, k] = values[top][k]
                deltas[top][k] *= weights[p] * slopes[top][k]
            for l in range(top, -1, -1):
                W, G, delta = layers[l], gradients[l], deltas[l]
                n_in, n_out = W.shape[0] - 1, W.shape[1]
                x = inputs[p] if l == 0 else values[l - 1]
                if l > 0:
                    below, slope = deltas[l - 1], slopes[l - 1]
                    for i in range(n_in):
                        below[i] = _pull_row(W[i], delta, zero) * slope[i]
                for i in range(n_in):
                    x_i = x[i]
                    for j in range(n_out):
                        G[i, j] += x_i * delta[j]
                for j in range(n_out):
                    G[n_in, j] += delta[j]
        # a smaller last batch counts for its share of a full one
        mean = one / (stop - start)
        share = one * (stop - start) / batch_size
        for l in range(n_layers):
            W, G = layers[l].ravel(), gradients[l].ravel()
            R, P, V = rates[l].ravel(), penalties[l].ravel(), velocities[l].ravel()
            if momentum == zero:
                for i in range(W.shape[0]):
                    W[i] -= share * R[i] * (mean * G[i] + P[i] * W[i])
            else:
                for i in range(W.shape[0]):
                    step = share * R[i] * (mean * G[i] + P[i] * W[i])
                    V[i] = momentum * V[i] - step
                    W[i] += momentum * V[i] - step if nesterov else V[i]


def _constants(dtype: Any) -> Array:
    """What the loops need in the precision of the data; see where they unpack it."""
    limit = 19.0
    tanh = (*_EXPM1, 1.0, 2.0, limit, 2.0 / 64.0)
    rational = (_SATURATION, 1.0 / 8.0, 1.0 / 128.0, 1.0 / 3072.0)
    return np.array([*tanh, *rational, 0.0], dtype=dtype)


def can_show(objective: Objective) -> bool:
    """Whether data and loss are ones that the loops know."""
    return isinstance(objective.inputs, np.ndarray) and objective.loss in LOSS_CODES


def show(
    objective: Objective,
    theta: Array,
    order: Array,
    batch_size: int,
    rates: Rates,
    momentum: float = 0.0,
    nesterov: bool = False,
    velocity: Array | None = None,
) -> Array:
    """Show the examples in this order, with a step after each batch.

    Parameters
    ----------
    objective : Objective
        One that :func:`can_show` accepts.
    theta : ndarray of shape (n_weights,)
        Is changed in place.
    order : ndarray of shape (n,)
        Rows to show.
    batch_size : int
    rates : Rates
    momentum : float
    nesterov : bool
    velocity : ndarray of shape (n_weights,), optional
        Is changed in place; needed for momentum.

    Returns
    -------
    ndarray of shape (n, n_outputs)
        The outputs for each example at the moment it was shown.
    """
    network, dtype = objective.network, theta.dtype

    def cut(vector: Array) -> tuple[Array, ...]:
        return network.layers(np.ascontiguousarray(vector, dtype=dtype))

    def workspace() -> tuple[Array, ...]:
        return tuple(np.empty(width, dtype=dtype) for width in network.sizes[1:])

    weight = objective.sample_weight
    if weight is None:
        weight = np.ones(objective.n_samples, dtype=dtype)
    shown = np.empty((len(order), network.sizes[-1]), dtype=dtype)
    numbers = np.array([tuple(a) for a in network.activations], dtype=dtype)
    data = objective.inputs, objective.targets, weight, order
    formulas = LOSS_CODES[objective.loss], numbers, _constants(dtype)
    buffers = workspace(), workspace(), workspace(), workspace(), shown
    layers = network.layers(theta)
    if batch_size == 1 and momentum == 0.0 and rates.curvature is None:
        first = [
            (R[0, 0], P[0, 0])
            for R, P in zip(
                network.layers(rates.scaling),
                network.layers(objective.penalty),
                strict=True,
            )
        ]
        steps = rates.eta * np.array([scaling for scaling, _ in first], dtype=dtype)
        decays = steps * np.array([alpha for _, alpha in first], dtype=dtype)
        descend(layers, *data, *formulas, steps, decays, *buffers)
        return shown
    gradient = np.empty_like(theta)
    descend_in_batches(
        layers, *data, batch_size, *formulas, cut(rates.eta * rates.factors),
        cut(objective.penalty), dtype.type(momentum), nesterov,
        network.layers(gradient if velocity is None else velocity),
        network.layers(gradient), *buffers,
    )  # fmt: skip
    return shown
