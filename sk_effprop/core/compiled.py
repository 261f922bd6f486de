"""The sweep of :mod:`sk_effprop.core.kernels`, compiled by numba.

NumPy calls BLAS for whole matrices, where a single example takes longer to hand over
than to compute.  Compiled loops have no such cost.  The two sweeps agree to rounding,
which the tests hold them to, one activation, loss and update at a time.

Importing this module imports numba.  Layers are cut from flat arrays where they are
used: numba counts and copies tuples of views at every access, which takes longer than a
small layer.  Sizes, activations, losses and hyperparameters are numbers, so there is a
single compilation for each precision.  The inner loops run over contiguous units, so
that they vectorise; only sums that run along a row need a licence to be reordered.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from sk_effprop.core.activations import (
    LINEAR,
    RATIONAL,
    RELU,
    SHAPES,
    TANH,
)
from sk_effprop.core.arrays import Array
from sk_effprop.core.flow import DELTA, next_rate
from sk_effprop.core.gains import HIGHEST_GAIN
from sk_effprop.core.lanes import (
    LANES,
    add_scaled,
    load,
    matrix_at,
    product,
    quotient,
    spread,
    store,
    transpose,
    vector_at,
)
from sk_effprop.core.losses import COMPILED_LOSSES

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract"},
}
# what the loops write of every unit
VALUES, SLOPES, Z, DELTAS, BENDS = range(5)
N_KINDS = 5
# places in the array of :func:`constants_of` that more than one function reads
ONE, ZERO, SCRATCH, HIGHEST = 12, 20, 21, 22


def _compile(function: Any, **more: Any) -> Any:
    """Compile when first called, kept on disk where there is a place for it."""
    options = OPTIONS | more
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:
        return njit(**options)(function)


def _inline(function: Any) -> Any:
    return _compile(function, forceinline=True)


def _inline_reordered(function: Any) -> Any:
    """Terms of a sum may be taken in another order: nothing else lets it vectorise."""
    return _compile(function, forceinline=True, fastmath={"contract", "reassoc"})


SQUARED_ERROR, LOG_LOSS, HUBER, ABSOLUTE_ERROR, POISSON, GAMMA = range(
    len(COMPILED_LOSSES)
)
# expm1(y) / y for |y| < 0.6 as a polynomial, lowest power first
_EXPM1 = np.array([1.0 / np.prod(np.arange(1.0, k + 1.0)) for k in range(1, 13)])
_SATURATION = SHAPES[RATIONAL].saturation


@_inline
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


@_inline
def _activate(
    z: Array, value: Array, slope_out: Array, numbers: Array, l: int, constants: Array
) -> None:
    """Write f(z) and f'(z); ``numbers[l]`` are those of the layer's activation."""
    kind = int(numbers[l, 0])
    amplitude, slope = numbers[l, 1], numbers[l, 2]
    twist, offset = numbers[l, 3], numbers[l, 4]
    one = constants[ONE]
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


@_inline
def _affine(W: Array, x: Array, z: Array, zero: Any) -> None:
    """Inputs of the units of a layer; x ends in the one that meets the biases."""
    n_rows, n_out = W.shape
    for j in range(n_out):
        z[j] = zero
    # four inputs at a time: z is read and written a quarter as often
    whole = n_rows - n_rows % 4
    for i in range(0, whole, 4):
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(n_out):
            pair = x0 * W[i, j] + x1 * W[i + 1, j]
            z[j] += pair + (x2 * W[i + 2, j] + x3 * W[i + 3, j])
    for i in range(whole, n_rows):
        x0 = x[i]
        for j in range(n_out):
            z[j] += x0 * W[i, j]


@_compile
def _regression_loss(
    code: int, numbers: Array, outputs: Array, target: Array, delta: Array, bend: Array
) -> Any:
    """What :func:`_loss` does, for losses that are not worth inlining."""
    n = outputs.shape[0]
    zero = outputs[0] * 0
    one, value = zero + 1, zero
    if code == HUBER:
        for k in range(n):
            error = outputs[k] - target[k]
            near = max(-numbers[0], min(numbers[0], error))
            delta[k] = near
            bend[k] = one if abs(error) <= numbers[0] else zero
            value += near * (error - near / 2)
        return value
    if code == ABSOLUTE_ERROR:
        under, over, rounding = numbers[0], numbers[1], numbers[2]
        steep, tilt = (over + under) / 2, (over - under) / 2
        least = rounding * np.sqrt(over * under)
        for k in range(n):
            error = outputs[k] - target[k]
            length = np.sqrt(error * error + rounding * rounding)
            delta[k] = steep * error / length + tilt
            bend[k] = steep * rounding * rounding / (length * length * length)
            value += steep * length + tilt * error - least
        return value
    if code == POISSON:
        for k in range(n):
            mean, y = np.exp(outputs[k]), target[k]
            delta[k] = mean - y
            bend[k] = mean
            value += mean - y
            if y > zero:
                value += y * (np.log(y) - outputs[k])
        return value
    # GAMMA
    for k in range(n):
        bend[k] = target[k] * np.exp(-outputs[k])
        delta[k] = one - bend[k]
        value += bend[k] + outputs[k] - np.log(target[k]) - one
    return value


@_inline
def _loss(
    code: int, numbers: Array, outputs: Array, target: Array, delta: Array, bend: Array
) -> Any:
    """Loss of an example, and its first and second derivatives for each output.

    ``numbers`` are the fields of the loss.
    """
    n = outputs.shape[0]
    zero = outputs[0] * 0
    one, value = zero + 1, zero
    if code == SQUARED_ERROR:
        for k in range(n):
            delta[k] = outputs[k] - target[k]
            bend[k] = one
            value += delta[k] * delta[k]
        return value / 2
    if code != LOG_LOSS:
        return _regression_loss(code, numbers, outputs, target, delta, bend)
    is_exclusive = numbers[0] > zero
    if not is_exclusive:
        for k in range(n):
            u = outputs[k]
            e = np.exp(-abs(u))
            p = one / (one + e)
            p = p if u > 0 else e * p
            delta[k] = p - target[k]
            bend[k] = p * (one - p)
            value += max(u, zero) + np.log1p(e) - target[k] * u
        return value
    largest = outputs[0]
    for k in range(1, n):
        largest = max(largest, outputs[k])
    total = zero
    for k in range(n):
        e = np.exp(outputs[k] - largest)
        total += e
        bend[k] = e
        value -= target[k] * (outputs[k] - largest)
    for k in range(n):
        p = bend[k] / total
        delta[k] = p - target[k]
        bend[k] = p * (one - p)
    return value + np.log(total)


@_inline_reordered
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


@_inline_reordered
def _pull_curvature(
    W: Array, bend: Array, slope: Array, below: Array, zero: Any
) -> None:
    """Likewise for the second derivatives, eqs. (54)-(56)."""
    for i in range(W.shape[0] - 1):
        s = zero
        for j in range(W.shape[1]):
            s += W[i, j] * W[i, j] * bend[j]
        below[i] = s * slope[i] * slope[i]


@_compile
def _outer(G: Array, x: Array, delta: Array) -> None:
    """The gradient of one example."""
    for i in range(G.shape[0]):
        for j in range(G.shape[1]):
            G[i, j] = x[i] * delta[j]


@_compile
def _outer_of_squares(sums: Array, x: Array, bend: Array) -> None:
    """Its diagonal curvature, eq. (55)."""
    for i in range(sums.shape[0]):
        squared = x[i] * x[i]
        for j in range(sums.shape[1]):
            sums[i, j] = squared * bend[j]


# ------------------------------------------------------------ layers, eight examples


@_inline
def _eights(A: Array) -> Array:
    """Weights, or what belongs to them, as vectors."""
    return matrix_at(A, 0, A.size // LANES, LANES)


@_inline
def _affine_of_eight(W: Array, x: Array, z: Array, n_out: int, zero: Any) -> None:
    """What :func:`_affine` does, for eight examples side by side."""
    nothing = spread(zero)
    for j in range(n_out):
        store(z, j, nothing)
    # what comes from four inputs is added to z while they stay in registers
    n_rows = W.shape[0]
    whole = n_rows - n_rows % 4
    for i in range(0, whole, 4):
        x0, x1, x2, x3 = load(x, i), load(x, i + 1), load(x, i + 2), load(x, i + 3)
        for j in range(n_out):
            s = add_scaled(load(z, j), W[i, j], x0)
            s = add_scaled(s, W[i + 1, j], x1)
            s = add_scaled(s, W[i + 2, j], x2)
            store(z, j, add_scaled(s, W[i + 3, j], x3))
    for i in range(whole, n_rows):
        x0 = load(x, i)
        for j in range(n_out):
            store(z, j, add_scaled(load(z, j), W[i, j], x0))


@_inline
def _pull_of_eight(
    W: Array, deltas: Array, slopes: Array, below: Array, n_out: int, zero: Any
) -> None:
    """What :func:`_pull` does."""
    n_in, nothing = W.shape[0] - 1, spread(zero)
    whole = n_in - n_in % 4
    for i in range(0, whole, 4):
        s0, s1, s2, s3 = nothing, nothing, nothing, nothing
        for j in range(n_out):
            delta = load(deltas, j)
            s0 = add_scaled(s0, W[i, j], delta)
            s1 = add_scaled(s1, W[i + 1, j], delta)
            s2 = add_scaled(s2, W[i + 2, j], delta)
            s3 = add_scaled(s3, W[i + 3, j], delta)
        store(below, i, product(s0, load(slopes, i)))
        store(below, i + 1, product(s1, load(slopes, i + 1)))
        store(below, i + 2, product(s2, load(slopes, i + 2)))
        store(below, i + 3, product(s3, load(slopes, i + 3)))
    for i in range(whole, n_in):
        s0 = nothing
        for j in range(n_out):
            s0 = add_scaled(s0, W[i, j], load(deltas, j))
        store(below, i, product(s0, load(slopes, i)))


@_compile
def _pull_curvature_of_eight(
    W: Array, bends: Array, slopes: Array, below: Array, n_out: int, zero: Any
) -> None:
    """What :func:`_pull_curvature` does."""
    for i in range(W.shape[0] - 1):
        s = spread(zero)
        for j in range(n_out):
            s = add_scaled(s, W[i, j] * W[i, j], load(bends, j))
        slope = load(slopes, i)
        store(below, i, product(s, product(slope, slope)))


@_inline
def _sum_of_outers(
    G: Array, x: Array, deltas: Array, turned: Array, is_first: bool, zero: Any
) -> None:
    """Gradients of eight examples, added up, and to those that are there already.

    A row of G is as long as the eights that its units fill; behind the units deltas
    are zero.  Turned, the deltas of an example lie side by side, as weights do.
    """
    n_rows, n_tiles = G.shape[0], G.shape[1] // LANES
    sums = _eights(G)
    for k in range(n_tiles):
        transpose(deltas, turned, k * LANES)
    for i in range(n_rows):
        x0, x1, x2, x3 = x[i, 0], x[i, 1], x[i, 2], x[i, 3]
        x4, x5, x6, x7 = x[i, 4], x[i, 5], x[i, 6], x[i, 7]
        for k in range(n_tiles):
            s = spread(zero) if is_first else load(sums, i * n_tiles + k)
            s = add_scaled(s, x0, load(turned, k * LANES))
            s = add_scaled(s, x1, load(turned, k * LANES + 1))
            s = add_scaled(s, x2, load(turned, k * LANES + 2))
            s = add_scaled(s, x3, load(turned, k * LANES + 3))
            s = add_scaled(s, x4, load(turned, k * LANES + 4))
            s = add_scaled(s, x5, load(turned, k * LANES + 5))
            s = add_scaled(s, x6, load(turned, k * LANES + 6))
            s = add_scaled(s, x7, load(turned, k * LANES + 7))
            store(sums, i * n_tiles + k, s)


@_inline
def _step_of_eight(
    W: Array,
    factors: Array,
    velocity: Array,
    sums: Array,
    x: Array,
    turned: Array,
    rate: Any,
    decay: Any,
    momentum: Any,
    nesterov: bool,
    zero: Any,
    one: Any,
) -> None:
    """What :func:`_sum_of_outers` and :func:`_step` do, on one way through memory.

    ``sums`` is empty if nothing is there already, and ``factors`` if a layer has just
    one, which is in ``rate`` and ``decay`` then.
    """
    n_rows, n_tiles = W.shape[0], W.shape[1] // LANES
    weights = _eights(W)
    has_factors, has_velocity = factors.shape[0] > 0, velocity.shape[0] > 0
    is_first, nothing = sums.shape[0] == 0, spread(zero)
    for i in range(n_rows):
        x0, x1, x2, x3 = x[i, 0], x[i, 1], x[i, 2], x[i, 3]
        x4, x5, x6, x7 = x[i, 4], x[i, 5], x[i, 6], x[i, 7]
        own = decay if i < n_rows - 1 else zero
        for k in range(n_tiles):
            here = i * n_tiles + k
            s = nothing if is_first else load(sums, here)
            s = add_scaled(s, x0, load(turned, k * LANES))
            s = add_scaled(s, x1, load(turned, k * LANES + 1))
            s = add_scaled(s, x2, load(turned, k * LANES + 2))
            s = add_scaled(s, x3, load(turned, k * LANES + 3))
            s = add_scaled(s, x4, load(turned, k * LANES + 4))
            s = add_scaled(s, x5, load(turned, k * LANES + 5))
            s = add_scaled(s, x6, load(turned, k * LANES + 6))
            s = add_scaled(s, x7, load(turned, k * LANES + 7))
            w = load(weights, here)
            step = add_scaled(nothing, -own, w)
            step = add_scaled(step, -rate, s)
            if has_factors:
                step = product(step, load(factors, here))
            if has_velocity:
                v = add_scaled(step, momentum, load(velocity, here))
                store(velocity, here, v)
                step = add_scaled(step, momentum, v) if nesterov else v
            store(weights, here, add_scaled(step, one, w))


# ----------------------------------------------------------------------------- steps


@_inline
def _plain_step(
    W: Array, x: Array, delta: Array, rate: Any, penalty: Any, one: Any
) -> None:
    """Move a layer against the gradient of one example, with one rate."""
    n_in, n_out = W.shape[0] - 1, W.shape[1]
    keep = one - rate * penalty
    for i in range(n_in):
        step = rate * x[i]
        for j in range(n_out):
            W[i, j] = keep * W[i, j] - step * delta[j]
    for j in range(n_out):
        W[n_in, j] -= rate * delta[j]


@_compile
def _plain_step_and_affine(
    W: Array,
    x: Array,
    delta: Array,
    rate: Any,
    penalty: Any,
    next_x: Array,
    z: Array,
    zero: Any,
    one: Any,
) -> None:
    """Move a layer as :func:`_plain_step` does, and feed it the next example.

    One way through memory for both: large layers take as long as the processor needs
    to fetch them.
    """
    n_in, n_out = W.shape[0] - 1, W.shape[1]
    keep = one - rate * penalty
    for j in range(n_out):
        W[n_in, j] -= rate * delta[j]
        z[j] = next_x[n_in] * W[n_in, j]
    # two rows at a time: for more, no compiler sees that they do not overlap
    whole = n_in - n_in % 2
    for i in range(0, whole, 2):
        a, b = rate * x[i], rate * x[i + 1]
        next_a, next_b = next_x[i], next_x[i + 1]
        for j in range(n_out):
            first = keep * W[i, j] - a * delta[j]
            second = keep * W[i + 1, j] - b * delta[j]
            W[i, j] = first
            W[i + 1, j] = second
            z[j] += next_a * first + next_b * second
    if whole < n_in:
        a, next_a = rate * x[whole], next_x[whole]
        for j in range(n_out):
            first = keep * W[whole, j] - a * delta[j]
            W[whole, j] = first
            z[j] += next_a * first


@_compile
def _step(
    W: Array,
    factors: Array,
    velocity: Array,
    x: Array,
    delta: Array,
    rate: Any,
    decay: Any,
    momentum: Any,
    nesterov: bool,
    zero: Any,
    one: Any,
) -> None:
    """Move a layer, with a factor for every weight.

    Its gradient is ``delta``, or ``x[i] * delta[0, j]`` where that has one row.
    """
    n_rows, n_tiles = W.shape[0], W.shape[1] // LANES
    weights, deltas, nothing = _eights(W), _eights(delta), spread(zero)
    factors, velocity = _eights(factors), _eights(velocity)
    is_one, has_velocity = delta.shape[0] == 1, velocity.shape[0] > 0
    for i in range(n_rows):
        own = decay if i < n_rows - 1 else zero
        for k in range(n_tiles):
            here = i * n_tiles + k
            w = load(weights, here)
            step = add_scaled(nothing, -own, w)
            if is_one:
                step = add_scaled(step, -rate * x[i], load(deltas, k))
            else:
                step = add_scaled(step, -rate, load(deltas, here))
            step = product(step, load(factors, here))
            if has_velocity:
                v = add_scaled(step, momentum, load(velocity, here))
                store(velocity, here, v)
                step = add_scaled(step, momentum, v) if nesterov else v
            store(weights, here, add_scaled(step, one, w))


@_compile
def _track(
    h: Array,
    factors: Array,
    x: Array,
    bend: Array,
    share: Any,
    gain: Any,
    penalty: Any,
    mu: Any,
    scaling: Any,
    zero: Any,
    one: Any,
) -> None:
    """Move the diagonal curvature towards that of the batch, eqs. (61) and (62)."""
    n_rows, n_tiles = h.shape[0], h.shape[1] // LANES
    h, bends, factors = _eights(h), _eights(bend), _eights(factors)
    damping, best = spread(mu), spread(scaling)
    is_one = bend.shape[0] == 1
    for i in range(n_rows):
        own = gain * penalty if i < n_rows - 1 else zero
        for k in range(n_tiles):
            here = i * n_tiles + k
            new = add_scaled(spread(own), one - gain, load(h, here))
            if is_one:
                new = add_scaled(new, gain * share * x[i] * x[i], load(bends, k))
            else:
                new = add_scaled(new, gain * share, load(bends, here))
            store(h, here, new)
            store(factors, here, quotient(best, add_scaled(damping, one, new)))


@_compile
def _gained_step(
    W: Array,
    V: Array,
    gains: Array,
    factors: Array,
    velocity: Array,
    gradient: Array,
    rate: Any,
    decay: Any,
    gain_rate: Any,
    momentum: Any,
    nesterov: bool,
    highest: Any,
    zero: Any,
    one: Any,
) -> None:
    """Move the first layer W = diag(gains) V and its gains, see ``core/gains.py``."""
    n_in, n_out = W.shape[0] - 1, W.shape[1]
    for j in range(n_out):
        gradient[n_in, j] *= rate
    for i in range(n_in):
        pull = zero
        for j in range(n_out):
            step = rate * gradient[i, j] + decay * W[i, j]
            pull += V[i, j] * step
            gradient[i, j] = gains[i] * step
        gains[i] = max(zero, min(highest, gains[i] - gain_rate * pull))
    _step(
        V, factors, velocity, gains, gradient, one, zero, momentum, nesterov, zero, one
    )
    for i in range(n_in):
        for j in range(n_out):
            W[i, j] = gains[i] * V[i, j]
    for j in range(n_out):
        W[n_in, j] = V[n_in, j]


@_compile
def _add_to_mean(
    mean: Array, G: Array, W: Array, share: Any, penalty: Any, delta: Any, zero: Any
) -> Any:
    """Take a layer's gradient into the mean of Flow; return both squared norms."""
    n_in = W.shape[0] - 1
    of_gradient, of_mean = zero, zero
    for i in range(n_in + 1):
        own = penalty if i < n_in else zero
        for j in range(W.shape[1]):
            g = share * G[i, j] + own * W[i, j]
            mean[i, j] += delta * (g - mean[i, j])
            of_gradient += g * g
            of_mean += mean[i, j] * mean[i, j]
    return of_gradient, of_mean


_next_rate = _compile(next_rate)


class Net(NamedTuple):
    """Weights and what they belong to, as arrays and numbers."""

    theta: Array
    sizes: Array
    # numbers in a row of each layer's matrix: its units, and zeros to fill an eight
    columns: Array
    # where the weights of each layer start in theta, and its units among all
    starts: Array
    unit_starts: Array
    activations: Array
    loss: int
    loss_numbers: Array
    constants: Array


class Shown(NamedTuple):
    """What is shown, in which order, and the loss of each."""

    inputs: Array
    targets: Array
    weights: Array
    order: Array
    losses: Array


class Step(NamedTuple):
    """What follows a batch; arrays without a use are empty."""

    batch_size: int
    rate: Any
    scaling: Array
    penalty: Array
    factors: Array
    momentum: Any
    nesterov: bool
    velocity: Array
    h: Array
    mu: Any
    decay: Any
    flow: Array
    mean: Array
    gradient: Array
    bends: Array
    gains: Array
    behind_gains: Array
    gain_factor: Any


class Eight(NamedTuple):
    """Room for what the loops compute of eight examples side by side."""

    inputs: Array
    # values, slopes, z, deltas, bends
    units: Array
    turned: Array
    squares: Array
    # of one example: outputs, and the derivatives of its loss
    outputs: Array


@_inline
def _layer(vector: Array, net: Any, l: int) -> Array:
    """What belongs to layer l of a vector of theta's layout."""
    return matrix_at(vector, net.starts[l], net.sizes[l] + 1, net.columns[l])


@_inline
def _units(units: Array, kind: int, start: int, n: int) -> Array:
    """Numbers of one kind, of n units from a place on."""
    return vector_at(units, kind * units.shape[1] + start, n)


@_inline
def _units_as_row(units: Array, kind: int, start: int, n: int) -> Array:
    return matrix_at(units, kind * units.shape[1] + start, 1, n)


@_inline
def _row(array: Array, i: int) -> Array:
    return vector_at(array, i * array.shape[1], array.shape[1])


@_inline
def _up(net: Any, units: Array, x: Array, is_begun: bool) -> None:
    """Take one example up.

    If it is begun, z of the first layer is there already.
    """
    zero = net.constants[ZERO]
    if not is_begun:
        z = _units(units, Z, 0, net.columns[0])
        _affine(_layer(net.theta, net, 0), x, z, zero)
    for l in range(net.sizes.shape[0] - 1):
        here, n_out = net.unit_starts[l], net.sizes[l + 1]
        if l > 0:
            # behind the values of a layer stands the one that meets the biases above
            below = _units(units, VALUES, net.unit_starts[l - 1], net.sizes[l] + 1)
            z = _units(units, Z, here, net.columns[l])
            _affine(_layer(net.theta, net, l), below, z, zero)
        _activate(
            _units(units, Z, here, n_out), _units(units, VALUES, here, n_out),
            _units(units, SLOPES, here, n_out), net.activations, l, net.constants,
        )  # fmt: skip


@_inline
def _pass(
    net: Any,
    units: Array,
    x: Array,
    target: Array,
    weight: Any,
    bends_too: bool,
    is_begun: bool,
) -> Any:
    """Take one example up, and its derivatives down; return its loss."""
    zero, top = net.constants[ZERO], net.sizes.shape[0] - 2
    _up(net, units, x, is_begun)
    here, n_out = net.unit_starts[top], net.sizes[top + 1]
    values, slopes = (
        _units(units, VALUES, here, n_out),
        _units(units, SLOPES, here, n_out),
    )
    deltas, bends = (
        _units(units, DELTAS, here, n_out),
        _units(units, BENDS, here, n_out),
    )
    loss = _loss(net.loss, net.loss_numbers, values, target, deltas, bends)
    for k in range(n_out):
        deltas[k] *= weight * slopes[k]
        bends[k] *= weight * slopes[k] * slopes[k]
    for l in range(top, 0, -1):
        here, lower = net.unit_starts[l], net.unit_starts[l - 1]
        n_columns, n_in = net.columns[l], net.sizes[l]
        W, slopes = _layer(net.theta, net, l), _units(units, SLOPES, lower, n_in)
        _pull(
            W, _units(units, DELTAS, here, n_columns), slopes,
            _units(units, DELTAS, lower, n_in), zero,
        )  # fmt: skip
        if bends_too:
            _pull_curvature(
                W, _units(units, BENDS, here, n_columns), slopes,
                _units(units, BENDS, lower, n_in), zero,
            )  # fmt: skip
    return loss


@_compile
def _rounded(value: Any, constants: Array) -> Any:
    """The number in the precision of the data: mixed loops would not vectorise."""
    constants[SCRATCH] = value
    return constants[SCRATCH]


@_compile
def _flow(net: Any, step: Any, n_rows: int) -> Any:
    """The rate after the gradient of a batch, eqs. (17)-(19)."""
    of_gradient, of_mean, constants = 0.0, 0.0, net.constants
    share = _rounded(1.0 / n_rows, constants)
    delta = _rounded(step.flow[DELTA], constants)
    for l in range(net.sizes.shape[0] - 1):
        one_gradient, one_mean = _add_to_mean(
            _layer(step.mean, net, l), _layer(step.gradient, net, l),
            _layer(net.theta, net, l), share, step.penalty[l], delta, constants[ZERO],
        )  # fmt: skip
        of_gradient += one_gradient
        of_mean += one_mean
    return _rounded(_next_rate(step.flow, of_gradient, of_mean), constants)


@_compile
def _learn(net: Any, step: Any, units: Array, x: Array, rate: Any, n_rows: int) -> None:
    """Take a step with every layer, against its own gradient."""
    constants = net.constants
    zero = constants[ZERO]
    collected = step.gradient.shape[0] > 0
    # a smaller last batch counts for its share of a full one
    own_rate = _rounded(rate / step.batch_size, constants)
    decay_rate = _rounded(rate * n_rows / step.batch_size, constants)
    share = _rounded(1.0 / n_rows, constants)
    gain = _rounded(1.0 - (1.0 - step.decay) ** n_rows, constants)
    for l in range(net.sizes.shape[0] - 1):
        here, n_columns = net.unit_starts[l], net.columns[l]
        W, penalty = _layer(net.theta, net, l), step.penalty[l]
        factors = _layer(step.factors, net, l)
        delta = _units_as_row(units, DELTAS, here, n_columns)
        if collected:
            delta = _layer(step.gradient, net, l)
        if step.h.shape[0] > 0:
            bend = _units_as_row(units, BENDS, here, n_columns)
            if collected:
                bend = _layer(step.bends, net, l)
            _track(
                _layer(step.h, net, l), factors, x, bend, share, gain, penalty, step.mu,
                step.scaling[l], zero, constants[ONE],
            )  # fmt: skip
        velocity = matrix_at(net.theta, 0, 0, n_columns)
        if step.velocity.shape[0] > 0:
            velocity = _layer(step.velocity, net, l)
        if l == 0 and step.gains.shape[0] > 0:
            _gained_step(
                W, _layer(step.behind_gains, net, 0), step.gains, factors, velocity,
                delta, own_rate, decay_rate * penalty, step.gain_factor, step.momentum,
                step.nesterov, constants[HIGHEST], zero, constants[ONE],
            )  # fmt: skip
        else:
            _step(
                W, factors, velocity, x, delta, own_rate, decay_rate * penalty,
                step.momentum, step.nesterov, zero, constants[ONE],
            )  # fmt: skip
        x = _units(units, VALUES, here, net.sizes[l + 1] + 1)


@_compile
def descend_plainly(net: Any, shown: Any, step: Any, units: Array) -> None:
    """Show one example after another, with one rate a layer and nothing else."""
    inputs, targets, weights, order, losses = shown
    zero, one = net.constants[ZERO], net.constants[ONE]
    n, n_layers, n_first = order.shape[0], net.sizes.shape[0] - 1, net.columns[0]
    for t in range(n):
        p = order[t]
        x = _row(inputs, p)
        losses[t] = _pass(net, units, x, _row(targets, p), weights[p], False, t > 0)
        for l in range(n_layers - 1, 0, -1):
            _plain_step(
                _layer(net.theta, net, l),
                _units(units, VALUES, net.unit_starts[l - 1], net.sizes[l] + 1),
                _units(units, DELTAS, net.unit_starts[l], net.columns[l]),
                step.rate * step.scaling[l], step.penalty[l], one,
            )  # fmt: skip
        W, delta = _layer(net.theta, net, 0), _units(units, DELTAS, 0, n_first)
        rate, penalty = step.rate * step.scaling[0], step.penalty[0]
        if t < n - 1:
            next_x, z = _row(inputs, order[t + 1]), _units(units, Z, 0, n_first)
            _plain_step_and_affine(W, x, delta, rate, penalty, next_x, z, zero, one)
        else:
            _plain_step(W, x, delta, rate, penalty, one)


@_compile
def descend_one_by_one(net: Any, shown: Any, step: Any, units: Array) -> None:
    """Likewise, with a rate for every weight, or momentum, or a running curvature."""
    inputs, targets, weights, order, losses = shown
    is_running = step.h.shape[0] > 0
    for t in range(order.shape[0]):
        p = order[t]
        x, y = _row(inputs, p), _row(targets, p)
        losses[t] = _pass(net, units, x, y, weights[p], is_running, False)
        _learn(net, step, units, x, step.rate, 1)


@_inline
def _rows_of(units: Array, kind: int, start: int, n: int) -> Array:
    """Vectors of some units."""
    first = (kind * units.shape[1] + start) * LANES
    return matrix_at(units, first, n, LANES)


@_inline
def _lay_side_by_side(eight: Any, shown: Any, first: int, n: int, zero: Any) -> None:
    """Turn inputs of so many examples, from a place on; zeros fill the eight."""
    x = eight.inputs
    for e in range(n):
        row = _row(shown.inputs, shown.order[first + e])
        for i in range(x.shape[0]):
            x[i, e] = row[i]
    for e in range(n, LANES):
        for i in range(x.shape[0]):
            x[i, e] = zero


@_inline
def _up_of_eight(net: Any, eight: Any) -> None:
    """What :func:`_up` does."""
    units, below = eight.units, eight.inputs
    for l in range(net.sizes.shape[0] - 1):
        here, n_out = net.unit_starts[l], net.sizes[l + 1]
        z = _rows_of(units, Z, here, n_out)
        _affine_of_eight(
            _layer(net.theta, net, l), below, z, n_out, net.constants[ZERO]
        )
        _activate(
            vector_at(z, 0, n_out * LANES),
            vector_at(_rows_of(units, VALUES, here, n_out), 0, n_out * LANES),
            vector_at(_rows_of(units, SLOPES, here, n_out), 0, n_out * LANES),
            net.activations, l, net.constants,
        )  # fmt: skip
        below = _rows_of(units, VALUES, here, n_out + 1)


@_inline
def _losses_of_eight(net: Any, eight: Any, shown: Any, first: int, n: int) -> None:
    """Losses, and their derivatives for z of the output layer."""
    units, top = eight.units, net.sizes.shape[0] - 2
    here, n_out = net.unit_starts[top], net.sizes[top + 1]
    values = _rows_of(units, VALUES, here, n_out)
    slopes = _rows_of(units, SLOPES, here, n_out)
    deltas = _rows_of(units, DELTAS, here, n_out)
    bends = _rows_of(units, BENDS, here, n_out)
    outputs, delta = _row(eight.outputs, 0), _row(eight.outputs, 1)
    bend = _row(eight.outputs, 2)
    for e in range(n):
        p = shown.order[first + e]
        weight = shown.weights[p]
        for k in range(n_out):
            outputs[k] = values[k, e]
        shown.losses[first + e] = _loss(
            net.loss, net.loss_numbers, outputs, _row(shown.targets, p), delta, bend
        )
        for k in range(n_out):
            slope = slopes[k, e]
            deltas[k, e] = delta[k] * (weight * slope)
            bends[k, e] = bend[k] * (weight * slope * slope)
    for e in range(n, LANES):
        for k in range(n_out):
            deltas[k, e] = net.constants[ZERO]
            bends[k, e] = net.constants[ZERO]


@_inline
def _down_of_eight(net: Any, eight: Any, bends_too: bool) -> None:
    """Take the derivatives down."""
    units, zero = eight.units, net.constants[ZERO]
    for l in range(net.sizes.shape[0] - 2, 0, -1):
        here, lower = net.unit_starts[l], net.unit_starts[l - 1]
        n_out, n_in = net.sizes[l + 1], net.sizes[l]
        W, slopes = _layer(net.theta, net, l), _rows_of(units, SLOPES, lower, n_in)
        _pull_of_eight(
            W, _rows_of(units, DELTAS, here, n_out), slopes,
            _rows_of(units, DELTAS, lower, n_in), n_out, zero,
        )  # fmt: skip
        if bends_too:
            _pull_curvature_of_eight(
                W, _rows_of(units, BENDS, here, n_out), slopes,
                _rows_of(units, BENDS, lower, n_in), n_out, zero,
            )  # fmt: skip


@_inline
def _pass_of_eight(
    net: Any, eight: Any, shown: Any, first: int, n: int, down: bool, bends_too: bool
) -> None:
    """What :func:`_pass` does, for so many examples, at most eight, from a place on."""
    _lay_side_by_side(eight, shown, first, n, net.constants[ZERO])
    _up_of_eight(net, eight)
    _losses_of_eight(net, eight, shown, first, n)
    if down:
        _down_of_eight(net, eight, bends_too)


@_inline
def _collect(
    net: Any, eight: Any, gradient: Array, bends: Array, is_first: bool
) -> None:
    """Add the gradients of eight examples, and their curvatures if wanted."""
    units, below = eight.units, eight.inputs
    for l in range(net.sizes.shape[0] - 1):
        here, n_columns = net.unit_starts[l], net.columns[l]
        _sum_of_outers(
            _layer(gradient, net, l), below, _rows_of(units, DELTAS, here, n_columns),
            eight.turned, is_first, net.constants[ZERO],
        )  # fmt: skip
        if bends.shape[0] > 0:
            squares = matrix_at(eight.squares, 0, below.shape[0], LANES)
            for i in range(below.shape[0]):
                x = load(below, i)
                store(squares, i, product(x, x))
            _sum_of_outers(
                _layer(bends, net, l), squares, _rows_of(units, BENDS, here, n_columns),
                eight.turned, is_first, net.constants[ZERO],
            )  # fmt: skip
        below = _rows_of(units, VALUES, here, net.sizes[l + 1] + 1)


@_inline
def _learn_of_eight(
    net: Any, eight: Any, step: Any, n_rows: int, is_first: bool
) -> None:
    """Take a step with every layer after the last eight examples of a batch."""
    units, below, constants = eight.units, eight.inputs, net.constants
    own_rate = _rounded(step.rate / step.batch_size, constants)
    decay_rate = _rounded(step.rate * n_rows / step.batch_size, constants)
    for l in range(net.sizes.shape[0] - 1):
        here, n_columns = net.unit_starts[l], net.columns[l]
        deltas = _rows_of(units, DELTAS, here, n_columns)
        for k in range(0, n_columns, LANES):
            transpose(deltas, eight.turned, k)
        nothing = matrix_at(net.theta, 0, 0, LANES)
        factors, velocity, sums = nothing, nothing, nothing
        factor = step.scaling[l]
        if step.factors.shape[0] > 0:
            factors, factor = _eights(_layer(step.factors, net, l)), constants[ONE]
        if step.velocity.shape[0] > 0:
            velocity = _eights(_layer(step.velocity, net, l))
        if not is_first:
            sums = _eights(_layer(step.gradient, net, l))
        _step_of_eight(
            _layer(net.theta, net, l), factors, velocity, sums, below, eight.turned,
            own_rate * factor, decay_rate * factor * step.penalty[l], step.momentum,
            step.nesterov, constants[ZERO], constants[ONE],
        )  # fmt: skip
        below = _rows_of(units, VALUES, here, net.sizes[l + 1] + 1)


@_compile
def descend_in_batches(net: Any, shown: Any, step: Any, eight: Any) -> None:
    """Show one batch after another, with a step after each."""
    n = shown.order.shape[0]
    for start in range(0, n, step.batch_size):
        stop = min(start + step.batch_size, n)
        for first in range(start, stop, LANES):
            n_rows = min(LANES, stop - first)
            _pass_of_eight(net, eight, shown, first, n_rows, True, False)
            if first + LANES < stop:
                _collect(net, eight, step.gradient, step.bends, first == start)
            else:
                _learn_of_eight(net, eight, step, stop - start, first == start)


@_inline
def _collect_one(net: Any, step: Any, units: Array, x: Array) -> None:
    """Write the gradient of one example, and its curvature if wanted."""
    for l in range(net.sizes.shape[0] - 1):
        here, n_columns = net.unit_starts[l], net.columns[l]
        deltas = _units(units, DELTAS, here, n_columns)
        _outer(_layer(step.gradient, net, l), x, deltas)
        if step.bends.shape[0] > 0:
            bends = _units(units, BENDS, here, n_columns)
            _outer_of_squares(_layer(step.bends, net, l), x, bends)
        x = _units(units, VALUES, here, net.sizes[l + 1] + 1)


@_compile
def descend_and_adapt(
    net: Any, shown: Any, step: Any, eight: Any, units: Array
) -> None:
    """Likewise, where the gradient of a batch has a say in its rates."""
    inputs, targets, weights, order, losses = shown
    n, rate = order.shape[0], step.rate
    is_running = step.h.shape[0] > 0
    for start in range(0, n, step.batch_size):
        stop = min(start + step.batch_size, n)
        if step.batch_size == 1:
            p = order[start]
            x, y = _row(inputs, p), _row(targets, p)
            losses[start] = _pass(net, units, x, y, weights[p], is_running, False)
            _collect_one(net, step, units, x)
        else:
            for first in range(start, stop, LANES):
                n_rows = min(LANES, stop - first)
                _pass_of_eight(net, eight, shown, first, n_rows, True, is_running)
                _collect(net, eight, step.gradient, step.bends, first == start)
        if step.flow.shape[0] > 0:
            rate = _flow(net, step, stop - start)
        _learn(net, step, units, _row(inputs, order[start]), rate, stop - start)


@_compile
def pass_up(net: Any, shown: Any, eight: Any) -> None:
    """Write the loss of each example."""
    n = shown.order.shape[0]
    for first in range(0, n, LANES):
        n_rows = min(LANES, n - first)
        _pass_of_eight(net, eight, shown, first, n_rows, False, False)


@_compile
def pass_up_and_down(net: Any, shown: Any, eight: Any, gradient: Array) -> None:
    """Write the loss of each example, and the sum of their gradients."""
    n = shown.order.shape[0]
    for first in range(0, n, LANES):
        n_rows = min(LANES, n - first)
        _pass_of_eight(net, eight, shown, first, n_rows, True, False)
        _collect(net, eight, gradient, gradient[:0], first == 0)


def constants_of(dtype: Any) -> Array:
    """What the loops need in the precision of the data; see where they unpack it."""
    limit = 19.0
    tanh = (*_EXPM1, 1.0, 2.0, limit, 2.0 / 64.0)
    rational = (_SATURATION, 1.0 / 8.0, 1.0 / 128.0, 1.0 / 3072.0)
    return np.array([*tanh, *rational, 0.0, 0.0, HIGHEST_GAIN], dtype=dtype)
