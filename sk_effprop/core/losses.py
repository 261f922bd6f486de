"""Losses as functions of the raw network outputs.

A loss gives its value for every example, its gradient and its Hessian with respect to
the outputs, whatever the output activation: the network contributes its own slope.  So
no canonical pair of loss and output is assumed, and Gauss-Newton needs nothing else.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.special import expit, softmax

from sk_effprop.core.activations import Array


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


class SquaredError(NamedTuple):
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


class LogLoss(NamedTuple):
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
        identity = np.eye(outputs.shape[1], dtype=outputs.dtype)
        if self.exclusive:
            # diag(p) - p p' = S S' for S = diag(sqrt p) - p sqrt(p)'
            root = np.sqrt(p)
            return np.asarray(
                root[:, :, None] * identity - p[:, :, None] * root[:, None]
            )
        return np.asarray(np.sqrt(p * (1.0 - p))[:, :, None] * identity)

    def probabilities(self, outputs: Array) -> Array:
        """The distribution(s) that the logits stand for."""
        return np.asarray(
            softmax(outputs, axis=1) if self.exclusive else expit(outputs)
        )


LOSSES: dict[str, Any] = {"squared_error": SquaredError, "log_loss": LogLoss}
