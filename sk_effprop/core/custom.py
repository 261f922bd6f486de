"""User-defined activations and losses.

A user gives three functions for an activation, or an object with three methods for a
loss.  The classes here wrap them so that they have the interface of the built-in ones.
They check the shapes of results, and can compare derivatives with finite differences::

    >>> import numpy as np
    >>> from sk_effprop.core.custom import CustomActivation
    >>> sine = CustomActivation((np.sin, np.cos, lambda z: -np.sin(z)))
    >>> sine.error_message()
    ''
    >>> CustomActivation((np.sin, np.sin, np.cos)).error_message()
    "At z = -2.997 f' is -0.144228, and differences of f give -0.989545."

Networks with user-defined parts are trained by NumPy, never by the compiled loops.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import Any, ClassVar

import numpy as np

from sk_effprop.core.arrays import Array, as_floating, diagonal_matrices, read_only

FUNCTION_NAMES = "f", "f'", "f''"
# Derivatives are checked away from round numbers, at which piecewise functions have
# their corners.
CHECKED_POINTS = np.linspace(-3.0, 3.0, 30) + 0.00314
# Limits, direction and curvature are read off this grid, and asymptotes off FAR_OUT.
GRID = np.sort(
    np.r_[np.linspace(-20, 20, 4001), np.outer([-1, 1], [50, 200, 1e3, 1e4]).ravel()]
)
FAR_OUT = np.array([-1e8, 1e8])
# An end that still grows by this share of the range on the grid has no asymptote.
ASYMPTOTE_SLACK = 0.01
# Central differences with this step are off by about 1e-10 for smooth functions in
# double precision; the tolerance leaves room for large third derivatives.
DIFFERENCE_STEP, DIFFERENCE_TOLERANCE = 1e-5, 1e-4


@dataclass(frozen=True)
class CustomActivation:
    """User-defined f, f' and f'', with the interface of an :class:`Activation`.

    Attributes
    ----------
    functions : (callable, callable, callable)
        f and its first and second derivatives.  Each is given a read-only array and
        returns an array of the same shape.  Functions of a module can be pickled,
        lambdas cannot.
    twist : float
        Factor of the linear term that is added to f.

    Notes
    -----
    Limits, direction and the peak of ``|f''|`` are found by evaluating f on a grid, so
    narrow features far from 0 may be missed.
    """

    functions: tuple[Callable[[Array], Any], ...]
    twist: float = 0.0
    # no constant factor of f is known that a matrix product could take over
    slope: ClassVar[float] = 1.0
    derivative_scale: ClassVar[float] = 1.0
    is_identity: ClassVar[bool] = False

    def evaluate(self, u: Array, value: Array, derivative: Array | None) -> None:
        """Write f(z), and f'(z) unless ``derivative`` is None; z stays as it is."""
        np.copyto(value, self.f(u))
        if derivative is not None:
            np.copyto(derivative, self.df(u))

    def f(self, z: Any) -> Array:
        """Return f(z)."""
        return self._call(0, z) + self.twist * as_floating(z)

    def df(self, z: Any) -> Array:
        """Return f'(z)."""
        return self._call(1, z) + self.twist

    def d2f(self, z: Any) -> Array:
        """Return f''(z)."""
        return self._call(2, z)

    def second(self, u: Array) -> Array:
        """Return f''(z)."""
        return self.d2f(u)

    def _call(self, order: int, z: Any) -> Array:
        """Evaluate the derivative of this order and check the shape of the result."""
        z = as_floating(z)
        result = np.array(self.functions[order](read_only(z)), dtype=z.dtype)
        if result.shape != z.shape:
            raise ValueError(
                f"{FUNCTION_NAMES[order]} of an activation must return an array of the "
                f"shape of its argument, {z.shape}, got {result.shape}. Use functions "
                "that work element by element."
            )
        return result

    def twisted(self, twist: float) -> "CustomActivation":
        """Return f with ``twist * z`` added to it."""
        return replace(self, twist=self.twist + twist)

    def error_message(self) -> str:
        """Describe a derivative that differs from finite differences; "" if none."""
        z, step = CHECKED_POINTS, DIFFERENCE_STEP
        for order in (1, 2):
            ahead, behind = (self._call(order - 1, z + s) for s in (step, -step))
            expected = (ahead - behind) / (2.0 * step)
            got = self._call(order, z)
            differs = _differs(got, expected)
            if differs.any():
                first = int(np.argmax(differs))
                return (
                    f"At z = {z[first]:.3f} {FUNCTION_NAMES[order]} is "
                    f"{got[first]:.6g}, and differences of {FUNCTION_NAMES[order - 1]} "
                    f"give {expected[first]:.6g}."
                )
        return ""

    @cached_property
    def curvature_peak(self) -> float | None:
        """The ``|z|`` at which ``|f''|`` is largest; None for a piecewise linear f."""
        curvature = np.abs(self._on_grid(self.d2f, GRID))
        return abs(float(GRID[np.argmax(curvature)])) if curvature.any() else None

    @cached_property
    def limits(self) -> tuple[float, float]:
        """Infimum and supremum of f."""
        inside, ends = self._on_grid(self.f, GRID), self._on_grid(self.f, FAR_OUT)
        low, high = float(np.min(inside)), float(np.max(inside))
        bottom, top = float(np.min(ends)), float(np.max(ends))
        slack = ASYMPTOTE_SLACK * (high - low)
        return (
            min(low, bottom) if bottom > low - slack else -inf,
            max(high, top) if top < high + slack else inf,
        )

    @cached_property
    def rises(self) -> bool:
        """True if f never falls."""
        return bool((self._on_grid(self.df, GRID) >= 0.0).all())

    @staticmethod
    def _on_grid(function: Callable[[Array], Array], z: Array) -> Array:
        """Evaluate a function on a grid of z, with 0 in place of nan."""
        with np.errstate(all="ignore"):
            return np.nan_to_num(function(z))

    @property
    def is_sigmoid(self) -> bool:
        """True if f rises between two horizontal asymptotes."""
        return is_sigmoid(self)


def is_sigmoid(activation: Any) -> bool:
    """True if an activation rises between two horizontal asymptotes."""
    low, high = activation.limits
    return bool(activation.rises and -inf < low < high < inf)


@dataclass(frozen=True)
class CustomLoss:
    """User-defined loss with three methods, as a :class:`~sk_effprop.core.losses.Loss`.

    Attributes
    ----------
    written : object
        Has ``value(outputs, targets)`` of shape (n_samples,), ``gradient(outputs,
        targets)`` of shape (n_samples, k), and ``hessian(outputs, targets)`` of the
        same shape (each output by itself) or of shape (n_samples, k, k).  The arrays
        that it is given are read-only.

    Notes
    -----
    Learning rates and Gauss-Newton steps need a positive semi-definite Hessian.  Where
    the user's is not, ``hessian_diagonal`` and ``hessian_root`` are those of the
    nearest matrix that is.
    """

    written: Any

    def value(self, outputs: Array, targets: Array) -> Array:
        return self._call("value", outputs, targets, outputs.shape[:1])

    def gradient(self, outputs: Array, targets: Array, out: Array) -> None:
        np.copyto(out, self._call("gradient", outputs, targets, outputs.shape))

    def hessian_product(self, outputs: Array, targets: Array, v: Array) -> Array:
        hessian = self._hessian(outputs, targets)
        if hessian.ndim == 2:
            return np.asarray(hessian * v)
        return np.asarray((hessian @ v[:, :, None])[:, :, 0])

    def hessian_diagonal(self, outputs: Array, targets: Array) -> Array:
        return np.asarray(np.sum(self.hessian_root(outputs, targets) ** 2, axis=2))

    def hessian_root(self, outputs: Array, targets: Array) -> Array:
        hessian = self._hessian(outputs, targets)
        if hessian.ndim == 2:
            return diagonal_matrices(np.sqrt(np.maximum(hessian, 0.0)))
        values, vectors = np.linalg.eigh(hessian)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :])

    def error_message(self, outputs: Array, targets: Array) -> str:
        """Describe a gradient entry that differs from finite differences; "" if valid.

        A loss may have corners, so that half of the entries may differ.
        """
        got = self._call("gradient", outputs, targets, outputs.shape)
        expected = self._difference_quotients(outputs, targets)
        differs = _differs(got, expected)
        if 2 * np.count_nonzero(differs) <= differs.size:
            return ""
        first = np.unravel_index(np.argmax(differs), differs.shape)
        return (
            f"For output {outputs[first]:.4g} and target {targets[first]:.4g} it is "
            f"{got[first]:.6g}, and differences of the value give "
            f"{expected[first]:.6g}."
        )

    def _difference_quotients(self, outputs: Array, targets: Array) -> Array:
        """Gradient by central differences of the value."""
        quotients, step = np.empty_like(outputs), DIFFERENCE_STEP
        for k in range(outputs.shape[1]):
            away = np.zeros_like(outputs)
            away[:, k] = step
            change = self.value(outputs + away, targets)
            change = change - self.value(outputs - away, targets)
            quotients[:, k] = change / (2.0 * step)
        return quotients

    def _hessian(self, outputs: Array, targets: Array) -> Array:
        n, k = outputs.shape
        return self._call("hessian", outputs, targets, (n, k), (n, k, k))

    def _call(
        self, name: str, outputs: Array, targets: Array, *shapes: tuple[int, ...]
    ) -> Array:
        """Call a method of the user's loss and check the shape of its result."""
        function = getattr(self.written, name)
        result = np.asarray(
            function(read_only(outputs), read_only(targets)), dtype=outputs.dtype
        )
        if result.shape not in shapes:
            allowed = " or ".join(map(str, shapes))
            raise ValueError(
                f"{type(self.written).__name__}.{name} must return an array of shape "
                f"{allowed} for outputs and targets of shape {outputs.shape}, got "
                f"{result.shape}. Losses and derivatives are returned for each "
                "example, neither summed nor averaged."
            )
        return result


def _differs(got: Array, expected: Array) -> Array:
    """Mask of derivatives that differ from difference quotients; nan always differs."""
    return ~(np.abs(got - expected) <= DIFFERENCE_TOLERANCE * (1.0 + np.abs(expected)))
