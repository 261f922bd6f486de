"""Losses as functions of the raw network outputs.

A loss gives its value for every example, its gradient and its Hessian with respect to
the outputs, whatever the output activation: the network contributes its own slope.  So
no canonical pair of loss and output is assumed, and Gauss-Newton needs nothing else.

The losses with a name are a type and a few numbers, which is all that compiled code
needs to know; :class:`CustomLoss` makes one of what a user wrote.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy.special import expit, softmax, xlogy

from sk_effprop.core.activations import (
    read_only,
)
from sk_effprop.core.arrays import Array

# How far from its corner, in units of the targets, a smooth absolute value is rounded.
ROUNDING = 0.02


class Loss(Protocol):
    """What the objective asks of a loss; outputs and targets are (n_samples, k)."""

    def value(self, outputs: Array, targets: Array) -> Array:
        """Loss of every example, (n_samples,)."""

    def gradient(self, outputs: Array, targets: Array, out: Array) -> None:
        """Write the derivatives with respect to the outputs, (n_samples, k)."""

    def hessian_product(self, outputs: Array, targets: Array, v: Array) -> Array:
        """Second derivatives with respect to the outputs times v, (n_samples, k)."""

    def hessian_diagonal(self, outputs: Array, targets: Array) -> Array:
        """Second derivatives with respect to each output, (n_samples, k)."""

    def hessian_root(self, outputs: Array, targets: Array) -> Array:
        """S with Hessian = S S', (n_samples, k, k)."""


@dataclass(frozen=True)
class SquaredError:
    """1/2 * sum_k (output_k - target_k)^2, the paper's (28) before averaging."""

    def value(self, outputs: Array, targets: Array) -> Array:
        error = outputs - targets
        return np.asarray(0.5 * np.vecdot(error, error))

    def gradient(self, outputs: Array, targets: Array, out: Array) -> None:
        np.subtract(outputs, targets, out=out)

    def hessian_product(self, outputs: Array, targets: Array, v: Array) -> Array:
        return v

    def hessian_diagonal(self, outputs: Array, targets: Array) -> Array:
        return np.ones_like(outputs)

    def hessian_root(self, outputs: Array, targets: Array) -> Array:
        n, k = outputs.shape
        return np.broadcast_to(np.eye(k, dtype=outputs.dtype), (n, k, k))


@dataclass(frozen=True)
class LogLoss:
    """Cross-entropy on logits.

    ``exclusive`` outputs are one distribution over classes (softmax); otherwise each
    output is a yes or no of its own (logistic), as for two classes and multilabel.
    """

    exclusive: bool

    def value(self, outputs: Array, targets: Array) -> Array:
        if self.exclusive:
            below_top = outputs - np.max(outputs, axis=1, keepdims=True)
            at_target = np.vecdot(below_top, targets)
            return np.asarray(np.log(np.sum(np.exp(below_top), axis=1)) - at_target)
        losses = np.logaddexp(0.0, outputs) - targets * outputs
        return np.asarray(np.sum(losses, axis=1))

    def gradient(self, outputs: Array, targets: Array, out: Array) -> None:
        if self.exclusive:
            np.subtract(outputs, np.max(outputs, axis=1, keepdims=True), out=out)
            np.exp(out, out=out)
            np.divide(out, np.sum(out, axis=1, keepdims=True), out=out)
        else:
            expit(outputs, out=out)
        np.subtract(out, targets, out=out)

    def hessian_product(self, outputs: Array, targets: Array, v: Array) -> Array:
        p = self.probabilities(outputs)
        if self.exclusive:
            return np.asarray(p * (v - np.vecdot(p, v)[:, None]))
        return np.asarray(p * (1.0 - p) * v)

    def hessian_diagonal(self, outputs: Array, targets: Array) -> Array:
        p = self.probabilities(outputs)
        return np.asarray(p * (1.0 - p))

    def hessian_root(self, outputs: Array, targets: Array) -> Array:
        p = self.probabilities(outputs)
        if self.exclusive:
            # diag(p) - p p' = S S' for S = diag(sqrt p) - p sqrt(p)'
            root = np.sqrt(p)
            return _as_diagonals(root) - p[:, :, None] * root[:, None]
        return _as_diagonals(np.sqrt(p * (1.0 - p)))

    def probabilities(self, outputs: Array) -> Array:
        """The distribution(s) that the logits stand for."""
        return np.asarray(
            softmax(outputs, axis=1) if self.exclusive else expit(outputs)
        )


def _as_diagonals(entries: Array) -> Array:
    """Diagonal matrices, (n, k, k), with these entries, (n, k)."""
    return np.asarray(
        entries[:, :, None] * np.eye(entries.shape[1], dtype=entries.dtype)
    )


class Separable:
    """A convex loss with a term for each output, so that its Hessian is diagonal."""

    def terms(self, outputs: Array, targets: Array) -> Array:
        """What each output adds to the loss, (n_samples, k)."""
        raise NotImplementedError

    def hessian_diagonal(self, outputs: Array, targets: Array) -> Array:
        raise NotImplementedError

    def value(self, outputs: Array, targets: Array) -> Array:
        return np.asarray(np.sum(self.terms(outputs, targets), axis=1))

    def hessian_product(self, outputs: Array, targets: Array, v: Array) -> Array:
        return np.asarray(self.hessian_diagonal(outputs, targets) * v)

    def hessian_root(self, outputs: Array, targets: Array) -> Array:
        return _as_diagonals(np.sqrt(self.hessian_diagonal(outputs, targets)))


@dataclass(frozen=True)
class Huber(Separable):
    """``e^2 / 2`` of an error up to delta, ``delta (|e| - delta / 2)`` beyond."""

    delta: float = 1.35

    def terms(self, outputs: Array, targets: Array) -> Array:
        error = outputs - targets
        near = np.clip(error, -self.delta, self.delta)
        return np.asarray(near * (error - 0.5 * near))

    def gradient(self, outputs: Array, targets: Array, out: Array) -> None:
        np.subtract(outputs, targets, out=out)
        np.clip(out, -self.delta, self.delta, out=out)

    def hessian_diagonal(self, outputs: Array, targets: Array) -> Array:
        return np.asarray(np.abs(outputs - targets) <= self.delta, dtype=outputs.dtype)


@dataclass(frozen=True)
class AbsoluteError(Separable):
    """The absolute error, or one with a price of its own on either side, made smooth.

    With e = output - target, r = sqrt(e^2 + rounding^2) in place of its absolute value,
    and a constant that makes the smallest value 0::

        (over + under) / 2 * r + (over - under) / 2 * e - rounding * sqrt(over * under)

    Attributes
    ----------
    under, over : float
        Price of a unit by which the output is too low, or too high. The level of a
        quantile and its complement make the outputs that quantile.
    rounding : float
        The curvature is largest, ``(over + under) / (2 rounding)``, where e is 0.
    """

    under: float = 1.0
    over: float = 1.0
    rounding: float = ROUNDING

    def _error_and_length(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        error = outputs - targets
        return error, np.hypot(error, self.rounding, dtype=error.dtype)

    def terms(self, outputs: Array, targets: Array) -> Array:
        error, length = self._error_and_length(outputs, targets)
        steep, tilt = (self.over + self.under) / 2.0, (self.over - self.under) / 2.0
        least = self.rounding * (self.over * self.under) ** 0.5
        return np.asarray(steep * length + tilt * error - least)

    def gradient(self, outputs: Array, targets: Array, out: Array) -> None:
        error, length = self._error_and_length(outputs, targets)
        np.divide(error, length, out=out)
        np.multiply(out, (self.over + self.under) / 2.0, out=out)
        np.add(out, (self.over - self.under) / 2.0, out=out)

    def hessian_diagonal(self, outputs: Array, targets: Array) -> Array:
        _, length = self._error_and_length(outputs, targets)
        steep = (self.over + self.under) / 2.0
        return np.asarray(steep * self.rounding**2 / length**3)


def quantile(level: float = 0.5) -> AbsoluteError:
    """The pinball loss, made smooth: half the absolute error for a level of 1/2."""
    return AbsoluteError(under=level, over=1.0 - level)


class LogLink(Separable):
    """A loss whose outputs are logarithms of the mean."""

    rule: ClassVar[str]

    def accepts(self, targets: Array) -> bool:
        """Whether all targets follow the rule."""
        raise NotImplementedError

    @staticmethod
    def mean(outputs: Array) -> Array:
        """What outputs are the logarithm of: positive and finite."""
        numbers = np.finfo(outputs.dtype)
        with np.errstate(over="ignore", under="ignore"):
            return np.clip(np.exp(outputs), numbers.tiny, numbers.max)


@dataclass(frozen=True)
class Poisson(LogLink):
    """Half the deviance of counts y, ``y log(y / m) - y + m`` for m = exp(output).

    It is 0 where m = y; the negative log-likelihood has constants of its own.
    """

    rule = "y >= 0"

    def accepts(self, targets: Array) -> bool:
        return bool((targets >= 0).all())

    def terms(self, outputs: Array, targets: Array) -> Array:
        constant = xlogy(targets, targets) - targets
        return np.asarray(np.exp(outputs) - targets * outputs + constant)

    def gradient(self, outputs: Array, targets: Array, out: Array) -> None:
        np.exp(outputs, out=out)
        np.subtract(out, targets, out=out)

    def hessian_diagonal(self, outputs: Array, targets: Array) -> Array:
        return np.asarray(np.exp(outputs))


@dataclass(frozen=True)
class Gamma(LogLink):
    """Half the deviance of sizes y, ``log(m / y) + y / m - 1`` for m = exp(output).

    It is 0 where m = y; the negative log-likelihood has constants of its own.
    """

    rule = "y > 0"

    def accepts(self, targets: Array) -> bool:
        return bool((targets > 0).all())

    def terms(self, outputs: Array, targets: Array) -> Array:
        ratio = np.log(targets) - outputs
        return np.asarray(np.exp(ratio) - ratio - 1.0)

    def gradient(self, outputs: Array, targets: Array, out: Array) -> None:
        np.exp(-outputs, out=out)
        np.multiply(out, targets, out=out)
        np.subtract(1.0, out, out=out)

    def hessian_diagonal(self, outputs: Array, targets: Array) -> Array:
        return np.asarray(targets * np.exp(-outputs))


@dataclass(frozen=True)
class CustomLoss:
    """What a user wrote, as a :class:`Loss`: three functions in place of five.

    Attributes
    ----------
    written : object
        Has ``value(outputs, targets)`` of shape (n_samples,), ``gradient(outputs,
        targets)`` of shape (n_samples, k), and ``hessian(outputs, targets)`` of the
        same shape (each output by itself) or of shape (n_samples, k, k).  The arrays
        that it is given are read-only.

    Notes
    -----
    Where the Hessian is not positive semi-definite, its diagonal and its root are those
    of the nearest matrix that is: rates and Gauss-Newton steps need one.
    """

    written: Any

    def value(self, outputs: Array, targets: Array) -> Array:
        return self._ask("value", outputs, targets, outputs.shape[:1])

    def gradient(self, outputs: Array, targets: Array, out: Array) -> None:
        np.copyto(out, self._ask("gradient", outputs, targets, outputs.shape))

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
            return _as_diagonals(np.sqrt(np.maximum(hessian, 0.0)))
        values, vectors = np.linalg.eigh(hessian)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :])

    def complaint(self, outputs: Array, targets: Array) -> str:
        """Whether differences of the value disagree with the gradient; "" if not.

        Most of them must: a loss may have corners.
        """
        expected, step = np.empty_like(outputs), 1e-5
        for k in range(outputs.shape[1]):
            away = np.zeros_like(outputs)
            away[:, k] = step
            change = self.value(outputs + away, targets)
            change = change - self.value(outputs - away, targets)
            expected[:, k] = change / (2.0 * step)
        got = self._ask("gradient", outputs, targets, outputs.shape)
        differs = ~(np.abs(got - expected) <= 1e-4 * (1.0 + np.abs(expected)))
        if 2 * np.count_nonzero(differs) <= differs.size:
            return ""
        first = np.unravel_index(np.argmax(differs), differs.shape)
        return (
            f"For output {outputs[first]:.4g} and target {targets[first]:.4g} it is "
            f"{got[first]:.6g}, and differences of the value give "
            f"{expected[first]:.6g}."
        )

    def _hessian(self, outputs: Array, targets: Array) -> Array:
        n, k = outputs.shape
        return self._ask("hessian", outputs, targets, (n, k), (n, k, k))

    def _ask(
        self, name: str, outputs: Array, targets: Array, *shapes: tuple[int, ...]
    ) -> Array:
        """Call a function of the user's; its result must have one of the shapes."""
        function = getattr(self.written, name)
        result = np.asarray(
            function(read_only(outputs), read_only(targets)), dtype=outputs.dtype
        )
        if result.shape not in shapes:
            allowed = " or ".join(map(str, shapes))
            raise ValueError(
                f"{type(self.written).__name__}.{name} must return an array of shape "
                f"{allowed} for outputs and targets of shape {outputs.shape}, got "
                f"{result.shape}. Losses and derivatives are one for each example, "
                "neither summed nor averaged over them."
            )
        return result


# How each loss is made; what is not given has its default.
CLASSIFICATION_LOSSES: dict[str, Callable[..., Loss]] = {
    "squared_error": SquaredError,
    "log_loss": LogLoss,
}
REGRESSION_LOSSES: dict[str, Callable[..., Loss]] = {
    "squared_error": SquaredError,
    "huber": Huber,
    "absolute_error": AbsoluteError,
    "quantile": quantile,
    "poisson": Poisson,
    "gamma": Gamma,
}
LOSSES = CLASSIFICATION_LOSSES | REGRESSION_LOSSES
# What core/compiled.py has a branch for; others stay with NumPy.
COMPILED_LOSSES = (SquaredError, LogLoss, Huber, AbsoluteError, Poisson, Gamma)
# the output function that a loss has in it, so that the network has none
OWN_OUTPUTS = {"log_loss": "softmax", "poisson": "exp", "gamma": "exp"}


def make_loss(loss: Any, **settings: Any) -> Loss:
    """The loss of this name with these settings, or what a user wrote."""
    return LOSSES[loss](**settings) if isinstance(loss, str) else CustomLoss(loss)
