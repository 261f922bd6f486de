"""Checks before training and conclusions after it."""

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import linearize
from sk_effprop.core.custom import CustomLoss
from sk_effprop.core.gauss_newton import (
    Laplace,
    count_determined,
    laplace,
    make_system,
    weigh_evidence,
)
from sk_effprop.core.network import forward
from sk_effprop.core.objective import Objective
from sk_effprop.estimators._causes import cause_of_overflow
from sk_effprop.estimators._parameters import Hyperparameters

# Rows on which a user-defined loss is differentiated.
CHECKED_ROWS = 10


def check_loss(objective: Objective, theta: Array) -> None:
    """Raise a ValueError if a user-defined loss has a wrong gradient on some rows."""
    if not isinstance(objective.loss, CustomLoss):
        return
    some = objective.sampled
    some = some.subset(np.arange(min(some.n_samples, CHECKED_ROWS)))
    some, theta = some.as_float64(), theta.astype(np.float64)
    outputs = forward(some.network, theta, some.inputs).outputs
    if message := objective.loss.error_message(outputs, some.targets):
        raise ValueError(
            "The gradient of the given loss must be the derivative of its value with "
            f"respect to the outputs, example by example. {message}"
        )


def initial_value(
    objective: Objective, theta: Array, given: Hyperparameters, *, is_new: bool
) -> float:
    """Objective before training; a ValueError that names the cause if not finite."""
    value = objective.value(theta)
    if not np.isfinite(value):
        raise ValueError(cause_of_overflow(objective, theta, given, is_new=is_new))
    return value


def posterior_of(objective: Objective, theta: Array) -> Laplace:
    """Gaussian approximation of the posterior of the weights, with squared error."""
    return laplace(linearize(objective.as_float64(), theta.astype(np.float64)))


def evidence_attributes(objective: Objective, theta: Array) -> dict[str, float]:
    """Number of parameters that the data determine, and the log evidence.

    MacKay (1992), eqs. for gamma and for the evidence of the penalty; terms of the log
    evidence that depend neither on weights nor on penalties are left out.
    """
    near = linearize(objective.as_float64(), theta.astype(np.float64))
    evidence = weigh_evidence(near, make_system(near))
    n_residuals = objective.count * objective.network.sizes[-1]
    return {
        "n_effective_parameters_": count_determined(near),
        "log_evidence_": -evidence.criterion * n_residuals,
    }
