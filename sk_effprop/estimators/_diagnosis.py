"""Checks before training and conclusions after it."""

from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization
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

# Rows on which a user-defined loss is differentiated, and outputs are compared.
CHECKED_ROWS = 10
# Outputs that vary by less than this share of their targets do not follow them; output
# weights that are larger than this mean saturated units, not a penalty.
FLAT_SHARE, FLAT_WEIGHT = 0.01, 0.1
# A penalty this many times stronger than the automatic one may be the reason.
SUSPICIOUS = 10.0


def check_loss(objective: Objective, theta: Array) -> None:
    """Raise a ValueError if a user-defined loss has a wrong gradient on some rows."""
    if not isinstance(objective.loss, CustomLoss):
        return
    some = objective.subset(np.arange(min(len(objective.targets), CHECKED_ROWS)))
    some, theta = some.as_float64(), theta.astype(np.float64)
    outputs = forward(some.network, theta, some.inputs).outputs
    if message := objective.loss.error_message(outputs, some.targets):
        raise ValueError(
            "The gradient of the given loss must be the derivative of its value with "
            f"respect to the outputs, example by example. {message}"
        )


def initial_value(objective: Objective, theta: Array, normalize: Any) -> float:
    """Objective before training; a ValueError if it is not finite."""
    value = objective.value(theta)
    if not np.isfinite(value):
        # the first two sentences are those of MLPRegressor, word for word
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may "
            "contain large values and need to be preprocessed. With normalize="
            f"{normalize!r} the objective is {value} before any training. Scale X, or "
            "remove values that are no measurements."
        )
    return value


def is_flattened(
    objective: Objective, theta: Array, alpha: Any, usual_strength: float
) -> bool:
    """Whether a given penalty leaves outputs that hardly depend on the inputs.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_weights,)
    alpha : float or str
        The hyperparameter.
    usual_strength : float
        Strength of ``alpha="auto"``, per unit of fan-in and example.
    """
    if isinstance(alpha, str):
        return False
    usual = usual_strength * max(objective.network.sizes[:-1]) / objective.count
    if alpha < SUSPICIOUS * usual:
        return False
    # spread over all rows, as examples may be sorted
    rows = np.linspace(0, objective.n_samples - 1, CHECKED_ROWS).astype(int)
    some = objective.subset(rows)
    outputs = forward(some.network, theta, some.inputs).outputs
    # saturated units leave constant outputs as well, but with large weights
    if np.abs(some.network.layers(theta)[-1][:-1]).max(initial=0.0) > FLAT_WEIGHT:
        return False
    spread, wanted = np.ptp(outputs, axis=0), np.ptp(objective.targets, axis=0)
    varies = wanted > 0.0
    return bool(varies.any() and (spread < FLAT_SHARE * wanted)[varies].all())


def posterior_of(objective: Objective, theta: Array) -> Laplace:
    """Gaussian approximation of the posterior of the weights, with squared error."""
    return laplace(Linearization(objective.as_float64(), theta.astype(np.float64)))


def evidence_attributes(objective: Objective, theta: Array) -> dict[str, float]:
    """Number of parameters that the data determine, and the log evidence.

    MacKay (1992), eqs. for gamma and for the evidence of the penalty; terms of the log
    evidence that depend neither on weights nor on penalties are left out.
    """
    near = Linearization(objective.as_float64(), theta.astype(np.float64))
    evidence = weigh_evidence(near, make_system(near))
    n_residuals = objective.count * objective.targets.shape[1]
    return {
        "n_effective_parameters_": count_determined(near),
        "log_evidence_": -evidence.criterion * n_residuals,
    }
