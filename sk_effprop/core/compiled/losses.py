"""Losses of an example and their derivatives, see ``core/losses.py``.

Each is a C function of its own, see ``functions.py``.  It takes the constants of the
loss, the outputs, the targets, where to write the first and second derivatives, how
many outputs there are, and how far one is from the next: outputs of other examples may
lie between them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from sk_effprop.core.compiled.pointers import number
from sk_effprop.core.losses import (
    AbsoluteError,
    Gamma,
    Huber,
    LogLoss,
    Poisson,
    SquaredError,
)


def squared_error(
    c: Any, values: Any, targets: Any, deltas: Any, curvatures: Any, n: int, step: int
) -> Any:
    """Return half the squared error."""
    one, total = number(values, 1.0), number(values, 0.0)
    for k in range(n):
        error = values[k * step] - targets[k]
        deltas[k * step] = error
        curvatures[k * step] = one
        total += error * error
    return total / number(values, 2.0)


def binary_log_loss(
    c: Any, values: Any, targets: Any, deltas: Any, curvatures: Any, n: int, step: int
) -> Any:
    """Return the log loss of independent logistic outputs."""
    one, zero = number(values, 1.0), number(values, 0.0)
    total = zero
    for k in range(n):
        u = values[k * step]
        e = np.exp(-abs(u))
        p = one / (one + e)
        p = p if u > 0 else e * p
        deltas[k * step] = p - targets[k]
        curvatures[k * step] = p * (one - p)
        total += max(u, zero) + np.log1p(e) - targets[k] * u
    return total


def softmax_log_loss(
    c: Any, values: Any, targets: Any, deltas: Any, curvatures: Any, n: int, step: int
) -> Any:
    """Return the log loss of outputs that are one distribution over the classes."""
    one, zero = number(values, 1.0), number(values, 0.0)
    largest = values[0]
    for k in range(1, n):
        largest = max(largest, values[k * step])
    total, loss = zero, zero
    for k in range(n):
        u = values[k * step] - largest
        e = np.exp(u)
        total += e
        curvatures[k * step] = e
        loss -= targets[k] * u
    for k in range(n):
        p = curvatures[k * step] / total
        deltas[k * step] = p - targets[k]
        curvatures[k * step] = p * (one - p)
    return loss + np.log(total)


def huber(
    c: Any, values: Any, targets: Any, deltas: Any, curvatures: Any, n: int, step: int
) -> Any:
    """Return the Huber loss, which is quadratic up to an error of ``c[0]``."""
    one, zero, two = number(values, 1.0), number(values, 0.0), number(values, 2.0)
    limit, total = c[0], zero
    for k in range(n):
        error = values[k * step] - targets[k]
        clipped = max(-limit, min(limit, error))
        deltas[k * step] = clipped
        curvatures[k * step] = one if abs(error) <= limit else zero
        total += clipped * (error - clipped / two)
    return total


def absolute_error(
    c: Any, values: Any, targets: Any, deltas: Any, curvatures: Any, n: int, step: int
) -> Any:
    """Return the smoothed absolute error for the prices of both sides."""
    two, total = number(values, 2.0), number(values, 0.0)
    under, over, rounding = c[0], c[1], c[2]
    steep, tilt = (over + under) / two, (over - under) / two
    least = rounding * np.sqrt(over * under)
    for k in range(n):
        error = values[k * step] - targets[k]
        length = np.sqrt(error * error + rounding * rounding)
        deltas[k * step] = steep * error / length + tilt
        curvatures[k * step] = steep * rounding * rounding / (length * length * length)
        total += steep * length + tilt * error - least
    return total


def poisson(
    c: Any, values: Any, targets: Any, deltas: Any, curvatures: Any, n: int, step: int
) -> Any:
    """Return half the Poisson deviance of outputs that are logarithms."""
    zero = number(values, 0.0)
    total = zero
    for k in range(n):
        u, y = values[k * step], targets[k]
        mean = np.exp(u)
        deltas[k * step] = mean - y
        curvatures[k * step] = mean
        total += mean - y
        if y > zero:
            total += y * (np.log(y) - u)
    return total


def gamma(
    c: Any, values: Any, targets: Any, deltas: Any, curvatures: Any, n: int, step: int
) -> Any:
    """Return half the gamma deviance of outputs that are logarithms."""
    one, total = number(values, 1.0), number(values, 0.0)
    for k in range(n):
        u, y = values[k * step], targets[k]
        ratio = y * np.exp(-u)
        curvatures[k * step] = ratio
        deltas[k * step] = one - ratio
        total += ratio + u - np.log(y) - one
    return total


# loss -> the function that computes it, and the constants that it takes
LOSSES: dict[type, Callable[[Any], tuple[Callable[..., Any], tuple[float, ...]]]] = {
    SquaredError: lambda loss: (squared_error, ()),
    LogLoss: lambda loss: (
        softmax_log_loss if loss.exclusive else binary_log_loss,
        (),
    ),
    Huber: lambda loss: (huber, (loss.delta,)),
    AbsoluteError: lambda loss: (
        absolute_error,
        (loss.under, loss.over, loss.rounding),
    ),
    Poisson: lambda loss: (poisson, ()),
    Gamma: lambda loss: (gamma, ()),
}
