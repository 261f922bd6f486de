"""Losses as functions of the raw network outputs.

A loss gives its value for every example, its gradient and its Hessian with respect to
the outputs, whatever the output activation: the network contributes its own slope.  So
no canonical pair of loss and output is assumed, and Gauss-Newton needs nothing else.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.special import expit, logsumexp, softmax

from sk_effprop.core.activations import Array


class Loss(Protocol):
    """What the objective asks of a loss; outputs and targets are (n_samples, k)."""

    def evaluate(
        self, outputs: Array, targets: Array, value: Array, gradient: Array
    ) -> None:
        """Write each example's loss into ``value`` (n_samples,), dloss/doutputs too."""

    def hessian(self, outputs: Array, targets: Array) -> Array:
        """Second derivatives with respect to the outputs, (n_samples, k, k)."""


class SquaredError(NamedTuple):
    """1/2 * sum_k (output_k - target_k)^2, the paper's (28) before averaging."""

    def evaluate(
        self, outputs: Array, targets: Array, value: Array, gradient: Array
    ) -> None:
        np.subtract(outputs, targets, out=gradient)
        np.vecdot(gradient, gradient, out=value)
        np.multiply(value, 0.5, out=value)

    def hessian(self, outputs: Array, targets: Array) -> Array:
        n, k = outputs.shape
        return np.broadcast_to(np.eye(k, dtype=outputs.dtype), (n, k, k))


class LogLoss(NamedTuple):
    """Cross-entropy on logits.

    ``exclusive`` outputs are one distribution over classes (softmax); otherwise each
    output is a yes or no of its own (logistic), as for two classes and multilabel.
    """

    exclusive: bool

    def evaluate(
        self, outputs: Array, targets: Array, value: Array, gradient: Array
    ) -> None:
        if self.exclusive:
            log_normaliser = logsumexp(outputs, axis=1)
            np.subtract(outputs, log_normaliser[:, None], out=gradient)
            np.vecdot(gradient, targets, out=value)
            np.negative(value, out=value)
            np.exp(gradient, out=gradient)
        else:
            losses = np.logaddexp(0.0, outputs) - targets * outputs
            np.sum(losses, axis=1, out=value)
            expit(outputs, out=gradient)
        np.subtract(gradient, targets, out=gradient)

    def hessian(self, outputs: Array, targets: Array) -> Array:
        p = self.probabilities(outputs)
        identity = np.eye(outputs.shape[1], dtype=outputs.dtype)
        if self.exclusive:
            return np.asarray(p[:, :, None] * (identity - p[:, None, :]))
        return np.asarray((p * (1.0 - p))[:, :, None] * identity)

    def probabilities(self, outputs: Array) -> Array:
        """The distribution(s) that the logits stand for."""
        return np.asarray(softmax(outputs, axis=1) if self.exclusive else expit(outputs))


def value_and_gradient(
    loss: Loss, outputs: Array, targets: Array
) -> tuple[Array, Array]:
    """Loss of every example (n_samples,) and its gradient (n_samples, k)."""
    value = np.empty(len(outputs), dtype=outputs.dtype)
    gradient = np.empty_like(outputs)
    loss.evaluate(outputs, targets, value, gradient)
    return value, gradient


LOSSES: dict[str, Any] = {"squared_error": SquaredError, "log_loss": LogLoss}
