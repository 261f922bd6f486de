"""An activation is a shape and a few numbers (section 4.4).

All of them are one formula around a shape ``s``::

    f(z) = amplitude * s(slope * z) + twist * z + offset

With ``s = tanh``, LeCun's sigmoid is (1.7159, 2/3, 0, 0), the logistic function is
(1/2, 1/2, 0, 1/2), and the paper's twisting term is a small positive ``twist``.  The
derivatives follow from those of the shape, the target values of section 4.5 from where
``|f''|`` peaks, so nothing about an activation has to be tabulated::

    >>> from sk_effprop.core.activations import ACTIVATIONS
    >>> sigmoid = ACTIVATIONS["lecun_tanh"]
    >>> round(float(sigmoid.f(1.0)), 5), round(sigmoid.curvature_peak, 3)
    (1.0, 0.988)
    >>> sigmoid.twisted(0.01).twist
    0.01

Compiled code needs no more than these numbers.  Three functions of a user's are
wrapped to look the same, see :class:`CustomActivation`, and stay with NumPy.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, sqrt
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
from scipy.special import expit

from sk_effprop.core.arrays import Array


class Linear:
    """s(u) = 0: what is left of the formula is ``twist * z + offset``."""

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
    """tanh as the ratio (y - 1) / (y + 1), where y = P(|u|)^16 is close to e^2|u|.

    The authors' own substitute for a library tanh: P is a cubic, its 16th power takes
    four squarings.  The derivatives are those of the ratio itself, not of the tanh it
    stands for, so that gradients are exact.
    """

    curvature_peak = Tanh.curvature_peak
    limits = (-1.0, 1.0)
    # the authors return exactly +-1 for |z| >= 13, where u = 2z/3
    saturation = 13.0 * 2.0 / 3.0

    @staticmethod
    def _cubic(a: Array) -> Array:
        return 1.0 + a * (1.0 / 8.0 + a * (1.0 / 128.0 + a * (1.0 / 3072.0)))

    @classmethod
    def value(cls, u: Array, out: Array) -> None:
        a = np.abs(u)
        is_far = a >= cls.saturation
        y = cls._cubic(np.minimum(a, cls.saturation))
        for _ in range(4):
            y *= y
        np.divide(y - 1.0, y + 1.0, out=out)
        np.copyto(out, 1.0, where=is_far)
        np.copysign(out, u, out=out)

    @classmethod
    def _correction(cls, u: Array) -> tuple[Array, Array, Array]:
        """Q in s' = (1 - s^2) q, with |u| and P(|u|)."""
        a = np.minimum(np.abs(u), cls.saturation)
        p = cls._cubic(a)
        return 1.0 - a * a * a / (3072.0 * p), a, p

    @classmethod
    def first(cls, u: Array, s: Array, out: Array) -> None:
        q, _, _ = cls._correction(u)
        np.multiply(1.0 - s * s, q, out=out)

    @classmethod
    def second(cls, u: Array, s: Array) -> Array:
        q, a, p = cls._correction(u)
        p_slope = 1.0 / 8.0 + a / 64.0 + a * a / 1024.0
        q_slope = -a * a * (3.0 * p - a * p_slope) / (3072.0 * p * p)
        return (1.0 - s * s) * (-2.0 * s * q * q + np.sign(u) * q_slope)


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


SHAPES: tuple[Any, ...] = (Linear, Tanh, RationalTanh, Relu, Softplus)


class Activation(NamedTuple):
    """f(z) = amplitude * s(slope * z) + twist * z + offset, ``s = SHAPES[kind]``.

    Being a tuple of numbers, it can be hashed, pickled, cloned, put in a parameter
    grid, and handed to compiled code.

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
        """Write f(z), and f'(z) / gain if wanted, given ``u = slope * z``, kept.

        Both constants are free where a product with weights comes before and after:
        it takes ``slope`` and ``gain`` as its factor.
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
        """With ``twist * z`` added to it."""
        return self._replace(twist=self.twist + twist)

    @property
    def gain(self) -> float:
        """The constant factor of f'; 1 where the twisting term leaves none."""
        return 1.0 if self.twist else self.amplitude * self.slope

    def f(self, z: Any) -> Array:
        """f(z)."""
        return self._value_and_derivative(z)[0]

    def df(self, z: Any) -> Array:
        """f'(z)."""
        return self._value_and_derivative(z)[1]

    def d2f(self, z: Any) -> Array:
        """f''(z)."""
        return self.second(self.slope * _floating(z))

    def second(self, u: Array) -> Array:
        """f''(z), given ``u = slope * z``."""
        s = np.empty_like(u)
        SHAPES[self.kind].value(u, s)
        out = np.asarray(SHAPES[self.kind].second(u, s))
        np.multiply(out, self.amplitude * self.slope**2, out=out)
        return out

    def _value_and_derivative(self, z: Any) -> tuple[Array, Array]:
        u = np.asarray(self.slope * _floating(z))
        value, derivative = np.empty_like(u), np.empty_like(u)
        self.evaluate(u, value, derivative)
        return value, self.gain * derivative

    @property
    def is_identity(self) -> bool:
        """Whether f(z) = z."""
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
        """Whether f never falls."""
        return self.amplitude >= 0.0 and self.twist >= 0.0

    @property
    def is_sigmoid(self) -> bool:
        """Whether f rises between two horizontal asymptotes."""
        return _is_sigmoid(self)


@dataclass(frozen=True)
class CustomActivation:
    """A user's f, f' and f'', with the interface of an :class:`Activation`.

    Attributes
    ----------
    functions : (callable, callable, callable)
        f and its first and second derivatives, of arrays that are read-only and for
        which they return arrays of the same shape.  Functions of a module can be
        pickled, lambdas cannot.
    twist : float
        As of an :class:`Activation`.

    Notes
    -----
    Limits, direction and the peak of ``|f''|`` are found by looking at f on a grid,
    from which narrow features far out may be missing.
    """

    functions: tuple[Callable[[Array], Any], ...]
    twist: float = 0.0
    # there is no factor that a product could take over
    slope: ClassVar[float] = 1.0
    gain: ClassVar[float] = 1.0
    is_identity: ClassVar[bool] = False

    def evaluate(self, u: Array, value: Array, derivative: Array | None) -> None:
        """Write f(z), and f'(z) if wanted, given z, which is kept."""
        np.copyto(value, self.f(u))
        if derivative is not None:
            np.copyto(derivative, self.df(u))

    def f(self, z: Any) -> Array:
        """f(z)."""
        return self._ask(0, z) + self.twist * _floating(z)

    def df(self, z: Any) -> Array:
        """f'(z)."""
        return self._ask(1, z) + self.twist

    def d2f(self, z: Any) -> Array:
        """f''(z)."""
        return self._ask(2, z)

    def second(self, u: Array) -> Array:
        """f''(z), given z."""
        return self.d2f(u)

    def _ask(self, order: int, z: Any) -> Array:
        """Call one of the user's functions."""
        z = _floating(z)
        result = np.array(self.functions[order](read_only(z)), dtype=z.dtype)
        if result.shape != z.shape:
            raise ValueError(
                f"{FUNCTION_NAMES[order]} of an activation must return an array of the "
                f"shape of its argument, {z.shape}, got {result.shape}. Use functions "
                "that work element by element."
            )
        return result

    def twisted(self, twist: float) -> "CustomActivation":
        """With ``twist * z`` added to it."""
        return replace(self, twist=self.twist + twist)

    def complaint(self) -> str:
        """Where a derivative is not one, by differences; "" if none are found."""
        z, step = CHECKED_POINTS, 1e-5
        for order in (1, 2):
            ahead, behind = (self._ask(order - 1, z + s) for s in (step, -step))
            expected = (ahead - behind) / (2.0 * step)
            got = self._ask(order, z)
            agrees = np.abs(got - expected) <= 1e-4 * (1.0 + np.abs(expected))
            if not agrees.all():
                first = int(np.argmin(agrees))
                below, name = FUNCTION_NAMES[order - 1 : order + 1]
                return (
                    f"At z = {z[first]:.3f} {name} is {got[first]:.6g}, and "
                    f"differences of {below} give {expected[first]:.6g}."
                )
        return ""

    @cached_property
    def curvature_peak(self) -> float | None:
        """The ``|z|`` at which ``|f''|`` is largest; None for a piecewise linear f."""
        bend = np.abs(self._look(self.d2f, GRID))
        return abs(float(GRID[np.argmax(bend)])) if bend.any() else None

    @cached_property
    def limits(self) -> tuple[float, float]:
        """Infimum and supremum of f."""
        near, ends = self._look(self.f, GRID), self._look(self.f, FAR_OUT)
        low, high = float(np.min(near)), float(np.max(near))
        bottom, top = float(np.min(ends)), float(np.max(ends))
        # what still grows by so much has no asymptote
        slack = 0.01 * (high - low)
        return (
            min(low, bottom) if bottom > low - slack else -inf,
            max(high, top) if top < high + slack else inf,
        )

    @cached_property
    def rises(self) -> bool:
        """Whether f never falls."""
        return bool((self._look(self.df, GRID) >= 0.0).all())

    @staticmethod
    def _look(function: Callable[[Array], Array], z: Array) -> Array:
        """What a function gives, 0 in place of what is not a number far out."""
        with np.errstate(all="ignore"):
            return np.nan_to_num(function(z))

    @property
    def is_sigmoid(self) -> bool:
        """Whether f rises between two horizontal asymptotes."""
        return _is_sigmoid(self)


AnyActivation: TypeAlias = Activation | CustomActivation

FUNCTION_NAMES = "f", "f'", "f''"
# where a user's functions are looked at: derivatives are checked away from round
# numbers, at which functions in pieces have their corners
CHECKED_POINTS = np.linspace(-3.0, 3.0, 30) + 0.00314
GRID = np.sort(
    np.r_[np.linspace(-20, 20, 4001), np.outer([-1, 1], [50, 200, 1e3, 1e4]).ravel()]
)
FAR_OUT = np.array([-1e8, 1e8])


def _is_sigmoid(activation: AnyActivation) -> bool:
    low, high = activation.limits
    return activation.rises and -inf < low < high < inf


def read_only(array: Array) -> Array:
    """A view that cannot be written to, for functions that we do not know."""
    view = array.view()
    view.flags.writeable = False
    return view


def _floating(z: Any) -> Array:
    z = np.asarray(z)
    return z if np.issubdtype(z.dtype, np.floating) else z.astype(float)


LINEAR, TANH, RATIONAL, RELU, SOFTPLUS = range(len(SHAPES))
# what core/compiled.py has a branch for; others stay with NumPy
COMPILED_SHAPES = (LINEAR, TANH, RATIONAL, RELU, SOFTPLUS)
IDENTITY = Activation(LINEAR, amplitude=0.0, twist=1.0)

ACTIVATIONS: dict[str, Activation] = {
    "lecun_tanh": Activation(TANH, amplitude=1.7159, slope=2.0 / 3.0),
    # the amplitude is the authors': f(1) = 1 for their rational tanh
    "rational_tanh": Activation(RATIONAL, amplitude=1.71593428, slope=2.0 / 3.0),
    "tanh": Activation(TANH),
    "logistic": Activation(TANH, amplitude=0.5, slope=0.5, offset=0.5),
    "relu": Activation(RELU),
    "softplus": Activation(SOFTPLUS),
    "identity": IDENTITY,
}
