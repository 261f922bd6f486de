"""Activation functions, each a standard shape with scale factors (section 4.4).

All activations are one formula around a shape ``s``::

    f(z) = amplitude * s(slope * z) + twist * z + offset

With ``s = tanh``, LeCun's sigmoid is (1.7159, 2/3, 0, 0), the logistic function is
(1/2, 1/2, 0, 1/2), and the paper's twisting term is a small positive ``twist``.  The
derivatives follow from those of the shape, and the target values of section 4.5 follow
from the peak of ``|f''|``, so nothing about an activation is tabulated::

    >>> from sk_effprop.core.activations import ACTIVATIONS
    >>> sigmoid = ACTIVATIONS["lecun_tanh"]
    >>> round(float(sigmoid.f(1.0)), 5), round(sigmoid.curvature_peak, 3)
    (1.0, 0.988)
    >>> sigmoid.twisted(0.01).twist
    0.01

Compiled code needs no more than these numbers.  User-defined functions are wrapped to
have the same interface, see :class:`~sk_effprop.core.custom.CustomActivation`.
"""

from math import inf, sqrt
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy.special import expit

from sk_effprop.core.arrays import Array, as_floating
from sk_effprop.core.custom import CustomActivation, is_sigmoid


class Linear:
    """s(u) = 0, which leaves ``twist * z + offset`` of the formula."""

    curvature_peak = None
    limits = (0.0, 0.0)

    @staticmethod
    def value(u: Array, out: Array) -> None:
        out.fill(0.0)

    @staticmethod
    def first(u: Array, s: Array, out: Array) -> None:
        out.fill(0.0)

    @staticmethod
    def second(u: Array, s: Array) -> Array:
        return np.zeros_like(s)


class Tanh:
    """s(u) = tanh(u)."""

    # s'' = -2 s (1 - s^2) is extremal where s^2 = 1/3
    curvature_peak: float | None = float(np.arctanh(1 / sqrt(3)))
    limits = (-1.0, 1.0)

    @staticmethod
    def value(u: Array, out: Array) -> None:
        np.tanh(u, out=out)

    @staticmethod
    def first(u: Array, s: Array, out: Array) -> None:
        np.multiply(s, s, out=out)
        np.subtract(1.0, out, out=out)

    @staticmethod
    def second(u: Array, s: Array) -> Array:
        out = np.empty_like(s)
        Tanh.first(u, s, out)
        np.multiply(out, s, out=out)
        return np.asarray(np.multiply(out, -2.0, out=out))


class RationalTanh:
    """Ratio (y - 1) / (y + 1) close to tanh, as y = P(|u|)^16 is close to e^2|u|.

    It is the authors' substitute for a library tanh: P is a cubic, and its 16th power
    takes four squarings.  The derivatives are those of the ratio itself and not of the
    tanh that it approximates, so that gradients are exact.  The powers are taken of
    ``d = P - 1``, with ``(1 + d)^2 - 1 = d (2 + d)``, which is precise near 0.
    """

    curvature_peak = Tanh.curvature_peak
    limits = (-1.0, 1.0)
    # the authors return exactly +-1 for |z| >= 13, where u = 2z/3
    saturation = 13.0 * 2.0 / 3.0

    @staticmethod
    def _excess(a: Array) -> Array:
        """Return P(a) - 1."""
        return a * (1.0 / 8.0 + a * (1.0 / 128.0 + a * (1.0 / 3072.0)))

    @classmethod
    def value(cls, u: Array, out: Array) -> None:
        a = np.abs(u)
        is_far = a >= cls.saturation
        d = np.asarray(cls._excess(np.minimum(a, cls.saturation)))
        for _ in range(4):
            d *= 2.0 + d
        np.divide(d, 2.0 + d, out=out)
        np.copyto(out, 1.0, where=is_far)
        np.copysign(out, u, out=out)

    @classmethod
    def _correction(cls, u: Array) -> tuple[Array, Array, Array]:
        """Return q of s' = (1 - s^2) q, with |u| and P(|u|)."""
        a = np.minimum(np.abs(u), cls.saturation)
        p = 1.0 + cls._excess(a)
        return 1.0 - a * a * a / (3072.0 * p), a, p

    @classmethod
    def first(cls, u: Array, s: Array, out: Array) -> None:
        q, _, _ = cls._correction(u)
        np.multiply(1.0 - s * s, q, out=out)

    @classmethod
    def second(cls, u: Array, s: Array) -> Array:
        q, a, p = cls._correction(u)
        # derivatives of P and of q with respect to |u|
        dp = 1.0 / 8.0 + a / 64.0 + a * a / 1024.0
        dq = -a * a * (3.0 * p - a * dp) / (3072.0 * p * p)
        return (1.0 - s * s) * (-2.0 * s * q * q + np.sign(u) * dq)


class Relu:
    """s(u) = max(u, 0)."""

    curvature_peak = None
    limits = (0.0, inf)

    @staticmethod
    def value(u: Array, out: Array) -> None:
        np.maximum(u, 0.0, out=out)

    @staticmethod
    def first(u: Array, s: Array, out: Array) -> None:
        np.greater(s, 0.0, out=out, casting="unsafe")

    @staticmethod
    def second(u: Array, s: Array) -> Array:
        return np.zeros_like(s)


class Softplus:
    """s(u) = log(1 + exp(u))."""

    curvature_peak: float | None = 0.0
    limits = (0.0, inf)

    @staticmethod
    def value(u: Array, out: Array) -> None:
        np.logaddexp(u, 0.0, out=out)

    @staticmethod
    def first(u: Array, s: Array, out: Array) -> None:
        expit(u, out=out)

    @staticmethod
    def second(u: Array, s: Array) -> Array:
        p = expit(u)
        return p * (1.0 - p)


class Exponential:
    """s(u) = exp(u), which makes Gaussians of squared distances."""

    curvature_peak = None
    limits = (0.0, inf)

    @staticmethod
    def value(u: Array, out: Array) -> None:
        np.exp(u, out=out)

    @staticmethod
    def first(u: Array, s: Array, out: Array) -> None:
        np.copyto(out, s)

    @staticmethod
    def second(u: Array, s: Array) -> Array:
        return s


# The kind of an activation is a number, as compiled code needs one.
LINEAR, TANH, RATIONAL, RELU, SOFTPLUS, EXPONENTIAL = range(6)
SHAPES: dict[int, Any] = {
    LINEAR: Linear,
    TANH: Tanh,
    RATIONAL: RationalTanh,
    RELU: Relu,
    SOFTPLUS: Softplus,
    EXPONENTIAL: Exponential,
}
# Shapes that the compiled loops have a branch for; networks with others use NumPy.
COMPILED_SHAPES = (LINEAR, TANH, RATIONAL, RELU, SOFTPLUS)


class Activation(NamedTuple):
    """f(z) = amplitude * s(slope * z) + twist * z + offset, ``s = SHAPES[kind]``.

    A tuple of numbers can be hashed, pickled, cloned, searched in a parameter grid, and
    passed to compiled code.

    Attributes
    ----------
    kind : int
        LINEAR, TANH, RATIONAL, RELU or SOFTPLUS.
    amplitude, slope : float
        Factors of the shape and of its argument.
    twist : float
        Factor of the linear term (section 4.4), which keeps units from saturating.
    offset : float
        Constant added to f.

    Examples
    --------
    >>> from sk_effprop.core.activations import TANH, Activation
    >>> exact = Activation(TANH, amplitude=3**0.5, slope=0.65847894846)
    >>> round(float(exact.f(1.0)), 9), round(exact.curvature_peak, 9)
    (1.0, 1.0)
    """

    kind: int
    amplitude: float = 1.0
    slope: float = 1.0
    twist: float = 0.0
    offset: float = 0.0

    def evaluate(self, u: Array, value: Array, derivative: Array | None) -> None:
        """Write f(z), and f'(z) / derivative_scale unless ``derivative`` is None.

        The argument is ``u = slope * z``, which is not changed.  Neither ``slope`` nor
        ``derivative_scale`` costs an operation here: the matrix products before and
        after take them as their scalar factor, which BLAS applies at no cost.
        """
        kind, amplitude, slope, twist, offset = self
        shape = SHAPES[kind]
        shape.value(u, value)
        if derivative is not None:
            shape.first(u, value, derivative)
            if twist:
                np.multiply(derivative, amplitude * slope, out=derivative)
                derivative += twist
        if amplitude != 1.0:
            np.multiply(value, amplitude, out=value)
        if twist:
            value += (twist / slope) * u
        if offset:
            value += offset

    def twisted(self, twist: float) -> "Activation":
        """Return f with ``twist * z`` added to it."""
        return self._replace(twist=self.twist + twist)

    @property
    def derivative_scale(self) -> float:
        """Constant factor of f'; 1 if a twisting term leaves no common factor."""
        return 1.0 if self.twist else self.amplitude * self.slope

    def f(self, z: Any) -> Array:
        """Return f(z)."""
        return self._value_and_derivative(z)[0]

    def df(self, z: Any) -> Array:
        """Return f'(z)."""
        return self._value_and_derivative(z)[1]

    def d2f(self, z: Any) -> Array:
        """Return f''(z)."""
        return self.second(self.slope * as_floating(z))

    def second(self, u: Array) -> Array:
        """Return f''(z), given ``u = slope * z``."""
        s = np.empty_like(u)
        SHAPES[self.kind].value(u, s)
        out = np.asarray(SHAPES[self.kind].second(u, s))
        # The square of a large slope may overflow where its product does not.
        np.multiply(out, (self.amplitude * self.slope) * self.slope, out=out)
        return out

    def _value_and_derivative(self, z: Any) -> tuple[Array, Array]:
        u = np.asarray(self.slope * as_floating(z))
        value, derivative = np.empty_like(u), np.empty_like(u)
        self.evaluate(u, value, derivative)
        return value, self.derivative_scale * derivative

    @property
    def is_identity(self) -> bool:
        """True if f(z) = z."""
        return self == IDENTITY

    @property
    def curvature_peak(self) -> float | None:
        """The z >= 0 at which ``|f''|`` is largest; None for a piecewise linear f."""
        peak = SHAPES[self.kind].curvature_peak
        return None if peak is None else peak / abs(self.slope)

    @property
    def limits(self) -> tuple[float, float]:
        """Infimum and supremum of f."""
        if self.twist:
            return -inf, inf
        ends = [self.offset + self.amplitude * s for s in SHAPES[self.kind].limits]
        return min(ends), max(ends)

    @property
    def rises(self) -> bool:
        """True if f never falls."""
        return self.amplitude >= 0.0 and self.twist >= 0.0

    @property
    def is_sigmoid(self) -> bool:
        """True if f rises between two horizontal asymptotes."""
        return is_sigmoid(self)


AnyActivation: TypeAlias = Activation | CustomActivation

IDENTITY = Activation(LINEAR, amplitude=0.0, twist=1.0)
# The radial basis function of section 4.8, given minus half a squared distance.
GAUSSIAN = Activation(EXPONENTIAL)

ACTIVATIONS: dict[str, Activation] = {
    "lecun_tanh": Activation(TANH, amplitude=1.7159, slope=2.0 / 3.0),
    # the authors' amplitude, which makes f(1) = 1 for their rational tanh
    "rational_tanh": Activation(RATIONAL, amplitude=1.71593428, slope=2.0 / 3.0),
    "tanh": Activation(TANH),
    "logistic": Activation(TANH, amplitude=0.5, slope=0.5, offset=0.5),
    "relu": Activation(RELU),
    "softplus": Activation(SOFTPLUS),
    "identity": IDENTITY,
}
