"""Losses as functions of the raw network outputs.

A loss gives its value for every example, and its gradient and Hessian with respect to
the outputs.  The derivative of the output activation belongs to the network, so no
canonical pair of loss and output is assumed, and Gauss-Newton needs nothing else.

A built-in loss is a type and a few numbers, which is all that compiled code needs to
know.  :class:`~sk_effprop.core.custom.CustomLoss` wraps a user-defined one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy.special import expit, softmax, xlogy

from sk_effprop.core.arrays import Array, diagonal_matrices
from sk_effprop.core.custom import CustomLoss

# Width, in units of the targets, over which the corner of an absolute value is rounded.
ROUNDING = 0.02


class Loss(Protocol):
    """Interface of a loss; outputs and targets have shape (n_samples, k)."""

    def value(self, outputs: Array, targets: Array) -> Array:
        """Return the loss of every example, of shape (n_samples,)."""

    def gradient(self, outputs: Array, targets: Array, out: Array) -> None:
        """Write the first derivatives with respect to the outputs, (n_samples, k)."""

    def hessian_product(self, outputs: Array, targets: Array, v: Array) -> Array:
        """Return the Hessian with respect to the outputs times v, (n_samples, k)."""

    def hessian_diagonal(self, outputs: Array, targets: Array) -> Array:
        """Return the second derivative for each output, (n_samples, k)."""

    def hessian_root(self, outputs: Array, targets: Array) -> Array:
        """Return S with Hessian = S S', (n_samples, k, k)."""


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
    """Cross-entropy of logits.

    Attributes
    ----------
    exclusive : bool
        Whether the outputs are one distribution over the classes (softmax).  Otherwise
        each output is the logit of a label of its own (logistic), as for two classes
        and for multilabel targets.
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
            return diagonal_matrices(root) - p[:, :, None] * root[:, None]
        return diagonal_matrices(np.sqrt(p * (1.0 - p)))

    def probabilities(self, outputs: Array) -> Array:
        """Probabilities that belong to the logits."""
        return np.asarray(
            softmax(outputs, axis=1) if self.exclusive else expit(outputs)
        )

    def logits(self, p: Array) -> Array:
        """Finite logits of probabilities, also of 0 and 1."""
        least = np.finfo(p.dtype).tiny
        logits = np.log(np.maximum(p, least))
        return logits if self.exclusive else logits - np.log(np.maximum(1.0 - p, least))


@dataclass(frozen=True)
class JointLogLoss(LogLoss):
    """Sum of the log losses of several targets, whose outputs are side by side.

    Attributes
    ----------
    sizes : tuple of int
        Number of outputs of each target: a softmax over several, or the logit of one.
    """

    sizes: tuple[int, ...] = ()

    @property
    def _parts(self) -> Iterator[tuple[LogLoss, slice]]:
        start = 0
        for size in self.sizes:
            yield LogLoss(size > 1), slice(start, start + size)
            start += size

    def _joined(self, name: str, *arrays: Array) -> Array:
        """Apply a method to each target and concatenate the results."""
        return np.concatenate(
            [
                getattr(loss, name)(*(array[..., at] for array in arrays))
                for loss, at in self._parts
            ],
            axis=-1,
        )

    def value(self, outputs: Array, targets: Array) -> Array:
        losses = [
            loss.value(outputs[:, at], targets[:, at]) for loss, at in self._parts
        ]
        return np.asarray(np.sum(losses, axis=0, dtype=outputs.dtype))

    def gradient(self, outputs: Array, targets: Array, out: Array) -> None:
        for loss, at in self._parts:
            loss.gradient(outputs[:, at], targets[:, at], out[:, at])

    def hessian_product(self, outputs: Array, targets: Array, v: Array) -> Array:
        return self._joined("hessian_product", outputs, targets, v)

    def hessian_diagonal(self, outputs: Array, targets: Array) -> Array:
        return self._joined("hessian_diagonal", outputs, targets)

    def hessian_root(self, outputs: Array, targets: Array) -> Array:
        n, k = outputs.shape
        root = np.zeros((n, k, k), dtype=outputs.dtype)
        for loss, at in self._parts:
            root[:, at, at] = loss.hessian_root(outputs[:, at], targets[:, at])
        return root

    def probabilities(self, outputs: Array) -> Array:
        return self._joined("probabilities", outputs)

    def logits(self, p: Array) -> Array:
        return self._joined("logits", p)


class Separable(ABC):
    """Convex loss that is a sum over the outputs, so that its Hessian is diagonal."""

    @abstractmethod
    def terms(self, outputs: Array, targets: Array) -> Array:
        """Return the contribution of each output to the loss, (n_samples, k)."""

    @abstractmethod
    def hessian_diagonal(self, outputs: Array, targets: Array) -> Array:
        """Return the second derivative for each output, (n_samples, k)."""

    def value(self, outputs: Array, targets: Array) -> Array:
        return np.asarray(np.sum(self.terms(outputs, targets), axis=1))

    def hessian_product(self, outputs: Array, targets: Array, v: Array) -> Array:
        return np.asarray(self.hessian_diagonal(outputs, targets) * v)

    def hessian_root(self, outputs: Array, targets: Array) -> Array:
        return diagonal_matrices(np.sqrt(self.hessian_diagonal(outputs, targets)))


@dataclass(frozen=True)
class Huber(Separable):
    """``e^2 / 2`` for errors up to delta, ``delta (|e| - delta / 2)`` beyond."""

    delta: float = 1.35

    def terms(self, outputs: Array, targets: Array) -> Array:
        error = outputs - targets
        clipped = np.clip(error, -self.delta, self.delta)
        return np.asarray(clipped * (error - 0.5 * clipped))

    def gradient(self, outputs: Array, targets: Array, out: Array) -> None:
        np.subtract(outputs, targets, out=out)
        np.clip(out, -self.delta, self.delta, out=out)

    def hessian_diagonal(self, outputs: Array, targets: Array) -> Array:
        return np.asarray(np.abs(outputs - targets) <= self.delta, dtype=outputs.dtype)

    def secant(self, outputs: Array, targets: Array) -> Array:
        size = np.maximum(np.abs(outputs - targets), self.delta)
        return np.asarray(self.delta / size, dtype=outputs.dtype)


@dataclass(frozen=True)
class AbsoluteError(Separable):
    """Smooth absolute error, with a cost of its own for either sign of the error.

    With e = output - target, ``r = sqrt(e^2 + rounding^2)`` takes the place of |e|, and
    a constant makes the smallest value 0::

        (over + under) / 2 * r + (over - under) / 2 * e - rounding * sqrt(over * under)

    Attributes
    ----------
    under, over : float
        Cost per unit of an output that is too low, or too high.  With the level of a
        quantile and its complement, the outputs estimate that quantile.
    rounding : float
        Width over which the corner is rounded.  Without it the curvature would be zero
        wherever it exists; with it the curvature is largest at e = 0, where it is
        ``(over + under) / (2 rounding)``.
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

    def secant(self, outputs: Array, targets: Array) -> Array:
        _, length = self._error_and_length(outputs, targets)
        return np.asarray((self.over + self.under) / 2.0 / length)


def quantile(level: float = 0.5) -> AbsoluteError:
    """Smooth pinball loss, which is half the absolute error for a level of 1/2."""
    return AbsoluteError(under=level, over=1.0 - level)


@dataclass(frozen=True)
class Majorant(Separable):
    """A loss with the curvature of the parabola that touches it from above.

    The loss grows like ``|e|`` for large errors e, so that its curvature vanishes there
    and tells nothing about a step that makes them small.  The parabola with the same
    slope at ``e`` and ``-e`` has the curvature "slope / e" and is never below the loss.
    """

    loss: Huber | AbsoluteError

    def terms(self, outputs: Array, targets: Array) -> Array:
        return self.loss.terms(outputs, targets)

    def gradient(self, outputs: Array, targets: Array, out: Array) -> None:
        self.loss.gradient(outputs, targets, out)

    def hessian_diagonal(self, outputs: Array, targets: Array) -> Array:
        return self.loss.secant(outputs, targets)


def majorant(loss: Loss) -> Loss:
    """Replace a loss by one whose curvature bounds it for steps of any length."""
    return Majorant(loss) if isinstance(loss, Huber | AbsoluteError) else loss


class LogLink(Separable):
    """Loss whose outputs are logarithms of the mean."""

    rule: ClassVar[str]

    @abstractmethod
    def accepts(self, targets: Array) -> bool:
        """True if all targets satisfy ``rule``."""

    @staticmethod
    def mean(outputs: Array) -> Array:
        """Mean for these outputs, positive and finite."""
        numbers = np.finfo(outputs.dtype)
        with np.errstate(over="ignore", under="ignore"):
            return np.clip(np.exp(outputs), numbers.tiny, numbers.max)


@dataclass(frozen=True)
class Poisson(LogLink):
    """Half the deviance of counts y, ``y log(y / m) - y + m`` with m = exp(output).

    It is 0 for m = y and differs from the negative log-likelihood by a constant.
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
    """Half the deviance of y > 0, ``log(m / y) + y / m - 1`` with m = exp(output).

    It is 0 for m = y and differs from the negative log-likelihood by a constant.
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


# Constructors of the losses by name.
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
# Losses that the compiled loops have a branch for; others use NumPy.  The compiled
# loops number them in this order.
COMPILED_LOSSES = (SquaredError, LogLoss, Huber, AbsoluteError, Poisson, Gamma)
# Output functions that are part of a loss, so that the network itself has none.
OWN_OUTPUTS = {"log_loss": "softmax", "poisson": "exp", "gamma": "exp"}


def make_loss(loss: Any, **settings: Any) -> Loss:
    """Loss of this name with these settings, or a wrapped user-defined loss."""
    return LOSSES[loss](**settings) if isinstance(loss, str) else CustomLoss(loss)
