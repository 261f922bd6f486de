"""Loss of the best constant outputs, with which any trained network is compared."""

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.custom import CustomLoss
from sk_effprop.core.losses import LogLink, LogLoss, Loss, SquaredError
from sk_effprop.core.objective import Objective

# Constants of other losses are searched on so many rows, between these outputs.
SEARCHED_ROWS, FAR_OUT, N_BISECTIONS = 1000, 50.0, 30


def constant_value(objective: Objective) -> float:
    """Mean loss of the constant outputs that minimise it, without the penalty.

    For a user-defined loss, which need not be convex, the outputs are all zero.
    """
    return objective.value_of_constants(constant_outputs(objective))


def constant_outputs(objective: Objective) -> Array:
    """Constant outputs that minimise the mean loss, without the penalty."""
    loss = objective.loss
    if isinstance(loss, CustomLoss):
        return np.zeros(objective.network.sizes[-1])
    if isinstance(loss, SquaredError | LogLink | LogLoss):
        return outputs_for(loss, objective.mean_targets())
    some = objective.sampled
    return _bisected(loss, some.targets, some.sample_weight)


def outputs_for(loss: Loss, means: Array) -> Array:
    """Constant outputs that predict these means of the targets.

    They minimise squared errors, deviances and log losses.  Of other losses they are
    not the best ones.
    """
    # a class that does not occur has a loss of zero, up to the smallest number
    least = np.finfo(means.dtype).tiny
    if isinstance(loss, LogLink):
        return np.asarray(np.log(np.maximum(means, least)))
    return loss.logits(means) if isinstance(loss, LogLoss) else means


def _bisected(loss: Loss, targets: Array, weight: Array | None) -> Array:
    """Find the constants with zero mean gradient by bisection, for a separable loss."""
    rows = np.arange(len(targets))
    if len(rows) > SEARCHED_ROWS:
        rows = np.random.default_rng(0).choice(rows, SEARCHED_ROWS, replace=False)
    targets, gradient = targets[rows], np.empty_like(targets[rows])
    weight = None if weight is None else weight[rows]
    low, high = (np.full(targets.shape[1], far) for far in (-FAR_OUT, FAR_OUT))
    for _ in range(N_BISECTIONS):
        middle = (low + high) / 2.0
        outputs = np.broadcast_to(middle.astype(targets.dtype), targets.shape)
        loss.gradient(outputs, targets, gradient)
        is_above = np.average(gradient, axis=0, weights=weight) > 0.0
        low, high = np.where(is_above, low, middle), np.where(is_above, middle, high)
    return (low + high) / 2.0
