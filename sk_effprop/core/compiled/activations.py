"""Activation functions and their derivatives, see ``core/activations.py``."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sk_effprop.core.activations import (
    LINEAR,
    RATIONAL,
    RELU,
    SHAPES,
    SOFTPLUS,
    TANH,
)
from sk_effprop.core.compiled._jit import compiled
from sk_effprop.core.compiled.arrays import AMPLITUDE, OFFSET, SLOPE, TWIST
from sk_effprop.core.compiled.pointers import number

SATURATION = SHAPES[RATIONAL].saturation
# tanh is 1 in double precision from here on
TANH_LIMIT = 19.0
# The argument of expm1 is halved so often, until its series converges in a few terms.
HALVINGS = 6
# coefficients of the series of expm1(y) / y, lowest power first: 1 / k!
E1, E2, E3, E4, E5, E6, E7, E8, E9, E10, E11, E12 = (
    float(1.0 / np.prod(np.arange(1.0, k + 1.0))) for k in range(1, 13)
)


@compiled
def tanh(u: Any, value: Any, n: int) -> None:
    """Write tanh(u) to the last bits: expm1(2u) from a series, doubled six times."""
    c1, c2, c3, c4 = number(u, E1), number(u, E2), number(u, E3), number(u, E4)
    c5, c6, c7, c8 = number(u, E5), number(u, E6), number(u, E7), number(u, E8)
    c9, c10, c11, c12 = number(u, E9), number(u, E10), number(u, E11), number(u, E12)
    two, limit = number(u, 2.0), number(u, TANH_LIMIT)
    share = number(u, 2.0 / 2.0**HALVINGS)
    for j in range(n):
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


def activate_linear(f: Any, z: Any, value: Any, derivative: Any, n: int) -> None:
    """Write f(z) and f'(z), where f is linear."""
    twist, offset = f[TWIST], f[OFFSET]
    for j in range(n):
        value[j] = twist * z[j] + offset
        derivative[j] = twist


def activate_tanh(f: Any, z: Any, value: Any, derivative: Any, n: int) -> None:
    """Write f(z) and f'(z), where f is made from tanh."""
    amplitude, slope, twist, offset = f[AMPLITUDE], f[SLOPE], f[TWIST], f[OFFSET]
    derivative_scale, one = amplitude * slope, number(z, 1.0)
    for j in range(n):
        derivative[j] = slope * z[j]
    tanh(derivative, value, n)
    for j in range(n):
        s = value[j]
        value[j] = amplitude * s + twist * z[j] + offset
        derivative[j] = derivative_scale * (one - s * s) + twist


def activate_rational(f: Any, z: Any, value: Any, derivative: Any, n: int) -> None:
    """Write f(z) and f'(z), where f is made from the rational tanh."""
    amplitude, slope, twist, offset = f[AMPLITUDE], f[SLOPE], f[TWIST], f[OFFSET]
    derivative_scale, one, two = amplitude * slope, number(z, 1.0), number(z, 2.0)
    saturation, eighth = number(z, SATURATION), number(z, 1.0 / 8.0)
    c128, c3072 = number(z, 1.0 / 128.0), number(z, 1.0 / 3072.0)
    for j in range(n):
        u = slope * z[j]
        a = abs(u)
        is_far = a >= saturation
        a = saturation if a > saturation else a
        d = a * (eighth + a * (c128 + a * c3072))
        q = one - a * a * a * c3072 / (one + d)
        d *= two + d
        d *= two + d
        d *= two + d
        d *= two + d
        t = d / (two + d)
        t = one if is_far else t
        s = -t if u < 0 else t
        value[j] = amplitude * s + twist * z[j] + offset
        derivative[j] = derivative_scale * (one - t * t) * q + twist


def activate_relu(f: Any, z: Any, value: Any, derivative: Any, n: int) -> None:
    """Write f(z) and f'(z), where f is made from relu."""
    amplitude, slope, twist, offset = f[AMPLITUDE], f[SLOPE], f[TWIST], f[OFFSET]
    derivative_scale, one, zero = amplitude * slope, number(z, 1.0), number(z, 0.0)
    for j in range(n):
        u = slope * z[j]
        is_on = u > 0
        # a product, so that what is no number stays none
        value[j] = amplitude * (u if is_on else u * zero) + twist * z[j] + offset
        derivative[j] = derivative_scale * (one if is_on else zero) + twist


def activate_softplus(f: Any, z: Any, value: Any, derivative: Any, n: int) -> None:
    """Write f(z) and f'(z), where f is made from softplus."""
    amplitude, slope, twist, offset = f[AMPLITUDE], f[SLOPE], f[TWIST], f[OFFSET]
    derivative_scale, one, zero = amplitude * slope, number(z, 1.0), number(z, 0.0)
    for j in range(n):
        u = slope * z[j]
        e = np.exp(-abs(u))
        larger = u if u > 0 else u * zero
        value[j] = amplitude * (larger + np.log1p(e)) + twist * z[j] + offset
        p = one / (one + e)
        derivative[j] = derivative_scale * (p if u > 0 else e * p) + twist


# by the kind of shape, see core/activations.py
ACTIVATIONS: dict[int, Callable[..., None]] = {
    LINEAR: activate_linear,
    TANH: activate_tanh,
    RATIONAL: activate_rational,
    RELU: activate_relu,
    SOFTPLUS: activate_softplus,
}
