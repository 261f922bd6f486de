"""Prediction intervals of a committee, from the residuals of what each member left out.

``fit`` keeps a :class:`Calibration` with a regressor of several networks, and
``predict(X, interval=0.9)`` hands it to :func:`predict_interval`.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.calibration import Residuals
from sk_effprop.core.network import Network
from sk_effprop.estimators import _reading as reading

# A member leaves examples out if there are so many for each of them.
FEWEST_IN_FOLD = 2


@dataclass(frozen=True, eq=False)
class Calibration:
    """What intervals for new values are made of.

    Attributes
    ----------
    theta : ndarray
        Weights of the joint network for which it holds.
    network : Network
        Of each member.
    thetas : ndarray of shape (n_members, n_weights)
    residuals : Residuals
    """

    theta: Array
    network: Network
    thetas: Array
    residuals: Residuals


def predict_interval(estimator: Any, X: Any, level: float) -> tuple[Array, Array]:
    """Predictions of a fitted regressor, and an interval around each of them.

    Raises
    ------
    ValueError
        If ``level`` is not between 0 and 1, or the estimator has no calibration that
        holds for its weights.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(
            f"interval must be a share between 0 and 1, such as 0.9, got {level!r}."
        )
    calibration = _known_calibration(estimator)
    X = reading.validate_inputs(estimator, X)
    values = _predict(estimator, X)
    parts = np.stack([_predict(one, X) for one in _members(estimator, calibration)])
    parts = parts.reshape(len(parts), len(values), -1)
    bounds = calibration.residuals.bounds(parts, level).astype(values.dtype)
    return values, bounds.reshape(*values.shape, 2)


def _known_calibration(estimator: Any) -> Calibration:
    calibration: Calibration | None = estimator._calibration
    if calibration is None:
        raise ValueError(
            "interval needs a fit with n_estimators > 1 and at least "
            f"{FEWEST_IN_FOLD} different examples for each network, whose errors for "
            "the examples that it leaves out give the intervals. This model used "
            f"n_estimators={estimator.n_estimators}."
        )
    if not np.array_equal(calibration.theta, estimator.theta_):
        raise ValueError(
            "interval needs the weights that fit found, but other values have been "
            "assigned to theta_, coefs_ or intercepts_ since. Fit again."
        )
    return calibration


def _members(estimator: Any, calibration: Calibration) -> Iterator[Any]:
    """Copies of the estimator, each with one of the networks that it consists of."""
    for theta in calibration.thetas:
        member = copy(estimator)
        member.__dict__.update(network_=calibration.network, theta_=theta)
        yield member


def _predict(estimator: Any, X: Any) -> Array:
    """Values for validated X."""
    outputs = estimator._run_valid(X, lambda trace: trace.outputs)
    return np.asarray(estimator.coding_.decode(outputs))
