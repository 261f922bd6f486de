"""Search for the argument that makes the objective infinite or nan before training."""

from typing import Any

import numpy as np

from sk_effprop.core.activations import Activation
from sk_effprop.core.arrays import Array
from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.objective import Objective
from sk_effprop.estimators._parameters import Hyperparameters

# Training leaves no larger weights, unless it diverges.
SUSPICIOUS = 1e6


def cause_of_overflow(
    objective: Objective, theta: Array, given: Hyperparameters, *, is_new: bool
) -> str:
    """Describe the argument that causes the overflow, and how to change it.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_weights,)
        The initial weights.
    given : Hyperparameters
    is_new : bool
        Whether ``init`` and ``bias_init`` made the weights, not an earlier call.
    """
    precision = f"{objective.dtype} numbers"
    if not np.isfinite(objective.null_value()):
        return (
            f"y is too large: the loss overflows {precision}, even for outputs of 0. "
            "Scale y, or use normalize_target=True."
        )
    sizes = _sizes(objective, theta, given, is_new=is_new)
    largest = max(sizes, key=lambda name: sizes[name])
    is_heavy = not np.isfinite(objective.penalty_value(theta))
    if is_heavy and np.isfinite(np.dot(theta, theta)):
        largest = "alpha"
    if largest == "X":
        # these two sentences are those of MLPRegressor, word for word
        return (
            "Solver produced non-finite parameter weights. The input data may contain "
            f"large values and need to be preprocessed. With normalize="
            f"{given.normalize!r} the inputs of the network are as large as "
            f"{sizes['X']:.3g}. Scale X, or remove values that are no measurements."
        )
    if largest == "theta_":
        return (
            f"The weights that training should continue from are as large as "
            f"{sizes['theta_']:.3g}, or not finite. Assign others to theta_, or use a "
            "new estimator."
        )
    return (
        f"{largest}={getattr(given, largest)!r} is too large: the objective overflows "
        f"{precision} before any training. Decrease {largest}."
    )


def _sizes(
    objective: Objective, theta: Array, given: Hyperparameters, *, is_new: bool
) -> dict[str, float]:
    """Largest absolute value that each argument brings in; inf for nan."""
    layers = objective.network.layers(theta)
    weights = max(_largest(W[:-1]) for W in layers)
    sizes = {
        "X": _largest_input(objective.sampled.inputs),
        "twist": float(given.twist),
        "activation": _largest_factor(objective),
    }
    if not is_new:
        # trained weights are only a cause if they are unusually large
        largest = _largest(theta)
        return {"theta_": largest if largest > SUSPICIOUS else 0.0, **sizes}
    sizes["init"] = weights
    if not isinstance(given.bias_init, str):
        sizes["bias_init"] = abs(float(given.bias_init))
    return sizes


def _largest_factor(objective: Objective) -> float:
    """Largest factor of the hidden activations."""
    hidden = objective.network.activations[:-1]
    numbers = [one for one in hidden if isinstance(one, Activation)]
    return max((_largest([one.amplitude, one.slope]) for one in numbers), default=0.0)


def _largest_input(inputs: Any) -> float:
    if isinstance(inputs, FoldedSparse):
        stored = inputs.X.data
        return _largest(inputs.A) * max(_largest(stored), _largest(inputs.shift))
    return _largest(inputs)


def _largest(values: Any) -> float:
    largest = float(np.max(np.abs(values), initial=0.0))
    return largest if np.isfinite(largest) else np.inf
