"""The sweep of :mod:`sk_effprop.core.kernels`, compiled by numba.

NumPy calls BLAS for whole matrices, where a single example takes longer to hand over
than to compute.  Compiled loops have no such cost, and pass over each row of weights
once for the derivative below and the step.  The two sweeps agree to rounding, which the
tests hold them to, one activation, loss and update at a time.

Importing this module imports numba.  Layers are cut from flat arrays where they are
used: numba counts and copies tuples of views at every access, which takes longer than a
small layer.  Sizes, activations, losses and hyperparameters are numbers, so there is a
single compilation for each precision.  The inner loops run over contiguous units, so
that they vectorise without any licence to reorder sums.
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
from sk_effprop.core.network import Network
from sk_effprop.core.objective import Objective
from sk_effprop.core.rates import Rates


def _compile(function: Any) -> Any:
    """Compile when first called, kept on disk where there is a place for it."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:
        return njit(**options)(function)


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
    z: Array, value: Array, slope_out: Array, numbers: Array, l: int, constants: Array
) -> None:
    """Write f(z) and f'(z); ``numbers[l]`` are those of the layer's activation."""
    kind = int(numbers[l, 0])
    amplitude, slope = numbers[l, 1], numbers[l, 2]
    twist, offset = numbers[l, 3], numbers[l, 4]
    one = constants[12]
    gain = amplitude * slope
    n = z.shape[0]
    if kind == LINEAR:
        for j in range(n):
            value[j] = twist * z[j] + offset
            slope_out[j] = twist
    elif kind == TANH:
        for j in range(n):
            slope_out[j] = slope * z[j]
        _tanh(slope_out, value, constants)
        for j in range(n):
            s = value[j]
            value[j] = amplitude * s + twist * z[j] + offset
            slope_out[j] = gain * (one - s * s) + twist
    elif kind == RATIONAL:
        saturation, eighth, c128, c3072 = constants[16:20]
        for j in range(n):
            u = slope * z[j]
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
            u = slope * z[j]
            is_on = u > 0
            value[j] = amplitude * (u if is_on else u * 0) + twist * z[j] + offset
            slope_out[j] = gain * (one if is_on else one * 0) + twist
    else:
        for j in range(n):
            u = slope * z[j]
            e = np.exp(-abs(u))
            larger = u if u > 0 else u * 0
            value[j] = amplitude * (larger + np.log1p(e)) + twist * z[j] + offset
            p = one / (one + e)
            slope_out[j] = gain * (p if u > 0 else e * p) + twist


@_compile
def _affine(W: Array, x: Array, z: Array) -> None:
    """Inputs of the units of a layer, its bias in the last row of W."""
    n_in, n_out = W.shape[0] - 1, W.shape[1]
    for j in range(n_out):
        z[j] = W[n_in, j]
    # four inputs at a time: z is read and written a quarter as often
    whole = n_in - n_in % 4
    for i in range(0, whole, 4):
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(n_out):
            pair = x0 * W[i, j] + x1 * W[i + 1, j]
            z[j] += pair + (x2 * W[i + 2, j] + x3 * W[i + 3, j])
    for i in range(whole, n_in):
        x0 = x[i]
        for j in range(n_out):
            z[j] += x0 * W[i, j]


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
def _pull(W: Array, delta: Array, slope: Array, below: Array, zero: Any) -> None:
    """From dE/dz of a layer to that of the one below, eqs. (4)-(9)."""
    n_in, n_out = W.shape[0] - 1, W.shape[1]
    whole = n_in - n_in % 4
    for i in range(0, whole, 4):
        s0, s1, s2, s3 = zero, zero, zero, zero
        for j in range(n_out):
            s0 += W[i, j] * delta[j]
            s1 += W[i + 1, j] * delta[j]
            s2 += W[i + 2, j] * delta[j]
            s3 += W[i + 3, j] * delta[j]
        below[i], below[i + 1] = s0 * slope[i], s1 * slope[i + 1]
        below[i + 2], below[i + 3] = s2 * slope[i + 2], s3 * slope[i + 3]
    for i in range(whole, n_in):
        s0 = zero
        for j in range(n_out):
            s0 += W[i, j] * delta[j]
        below[i] = s0 * slope[i]


@_compile
def _add_outer(W: Array, scale: Any, x: Array, delta: Array) -> None:
    """Add scale times the gradient of one example."""
    n_in, n_out = W.shape[0] - 1, W.shape[1]
    for i in range(n_in):
        step = scale * x[i]
        for j in range(n_out):
            W[i, j] += step * delta[j]
    for j in range(n_out):
        W[n_in, j] += scale * delta[j]


@_compile
def _pass(
    theta: Array,
    sizes: Array,
    x: Array,
    target: Array,
    weight: Any,
    code: int,
    numbers: Array,
    values: Array,
    slopes: Array,
    z: Array,
    deltas: Array,
    shown: Array,
    constants: Array,
) -> None:
    """Take one example up, and its error to the outputs' deltas."""
    values[: sizes[0]] = x[: sizes[0]]
    w, below = 0, 0
    for l in range(sizes.shape[0] - 1):
        n_in, n_out = sizes[l], sizes[l + 1]
        here = below + n_in
        stop = here + n_out
        W = theta[w : w + (n_in + 1) * n_out].reshape((n_in + 1, n_out))
        _affine(W, values[below:here], z[here:stop])
        _activate(
            z[here:stop], values[here:stop], slopes[here:stop], numbers, l, constants
        )
        w, below = w + (n_in + 1) * n_out, here
    delta = deltas[below:]
    _loss_gradient(code, values[below:], target, delta)
    for k in range(delta.shape[0]):
        shown[k] = values[below + k]
        delta[k] *= weight * slopes[below + k]


@_compile
def descend(
    theta: Array,
    sizes: Array,
    inputs: Array,
    targets: Array,
    weights: Array,
    order: Array,
    code: int,
    numbers: Array,
    constants: Array,
    values: Array,
    slopes: Array,
    z: Array,
    deltas: Array,
    shown: Array,
    rates: Array,
    decays: Array,
) -> None:
    """Show one example after another, with a plain step after each."""
    zero, one = constants[20], constants[12]
    for t in range(order.shape[0]):
        p = order[t]
        _pass(
            theta, sizes, inputs[p], targets[p], weights[p], code, numbers, values,
            slopes, z, deltas, shown[t], constants,
        )  # fmt: skip
        w, stop = theta.shape[0], values.shape[0]
        for l in range(sizes.shape[0] - 2, -1, -1):
            n_in, n_out = sizes[l], sizes[l + 1]
            here = stop - n_out
            below = here - n_in
            end, w = w, w - (n_in + 1) * n_out
            W, delta = theta[w:end].reshape((n_in + 1, n_out)), deltas[here:stop]
            if l > 0:
                _pull(W, delta, slopes[below:here], deltas[below:here], zero)
            if decays[l] != zero:
                W[:n_in] *= one - decays[l]
            _add_outer(W, -rates[l], values[below:here], delta)
            stop = here


@_compile
def descend_in_batches(
    theta: Array,
    sizes: Array,
    inputs: Array,
    targets: Array,
    weights: Array,
    order: Array,
    code: int,
    numbers: Array,
    constants: Array,
    values: Array,
    slopes: Array,
    z: Array,
    deltas: Array,
    shown: Array,
    batch_size: int,
    rates: Array,
    penalty: Array,
    momentum: Any,
    nesterov: bool,
    velocity: Array,
    gradient: Array,
) -> None:
    """The same for batches, with a rate for every weight, penalty and momentum."""
    zero, one = constants[20], constants[12]
    n, n_weights = order.shape[0], theta.shape[0]
    for start in range(0, n, batch_size):
        last = min(start + batch_size, n)
        for i in range(n_weights):
            gradient[i] = zero
        for t in range(start, last):
            p = order[t]
            _pass(
                theta, sizes, inputs[p], targets[p], weights[p], code, numbers, values,
                slopes, z, deltas, shown[t], constants,
            )  # fmt: skip
            w, stop = n_weights, values.shape[0]
            for l in range(sizes.shape[0] - 2, -1, -1):
                n_in, n_out = sizes[l], sizes[l + 1]
                here = stop - n_out
                below = here - n_in
                end, w = w, w - (n_in + 1) * n_out
                delta = deltas[here:stop]
                if l > 0:
                    W = theta[w:end].reshape((n_in + 1, n_out))
                    _pull(W, delta, slopes[below:here], deltas[below:here], zero)
                G = gradient[w:end].reshape((n_in + 1, n_out))
                _add_outer(G, one, values[below:here], delta)
                stop = here
        # a smaller last batch counts for its share of a full one
        mean = one / (last - start)
        share = one * (last - start) / batch_size
        if momentum == zero:
            for i in range(n_weights):
                slope = mean * gradient[i] + penalty[i] * theta[i]
                theta[i] -= share * rates[i] * slope
        else:
            for i in range(n_weights):
                slope = mean * gradient[i] + penalty[i] * theta[i]
                step = share * rates[i] * slope
                velocity[i] = momentum * velocity[i] - step
                theta[i] += momentum * velocity[i] - step if nesterov else velocity[i]


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
    if momentum and velocity is None:
        raise ValueError("momentum needs a velocity.")
    network, dtype = objective.network, theta.dtype

    def converted(vector: Any) -> Array:
        return np.ascontiguousarray(vector, dtype=dtype)

    weight = objective.sample_weight
    if weight is None:
        weight = np.ones(objective.n_samples, dtype=dtype)
    values, slopes, z, deltas = np.zeros((4, sum(network.sizes)), dtype=dtype)
    shown = np.empty((len(order), network.sizes[-1]), dtype=dtype)
    common = (
        theta, np.array(network.sizes), objective.inputs, objective.targets, weight,
        order, LOSS_CODES[objective.loss], converted(network.activations),
        _constants(dtype), values, slopes, z, deltas, shown,
    )  # fmt: skip
    if batch_size == 1 and momentum == 0.0 and rates.curvature is None:
        steps = rates.eta * _of_layers(network, rates.scaling)
        decays = steps * _of_layers(network, objective.penalty)
        descend(*common, converted(steps), converted(decays))
        return shown
    gradient = np.empty_like(theta)
    descend_in_batches(
        *common,
        batch_size,
        converted(rates.eta * rates.factors),
        converted(objective.penalty),
        dtype.type(momentum),
        nesterov,
        gradient if velocity is None else velocity,
        gradient,
    )
    return shown


def _of_layers(network: Network, vector: Array) -> Array:
    """The number that each layer's weights have in common."""
    return np.array([view[0, 0] for view in network.layers(vector)])
