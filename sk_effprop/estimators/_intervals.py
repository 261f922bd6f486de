"""Prediction intervals of a committee, from the out-of-fold residuals of its members.

``fit`` keeps a :class:`Calibration` with a regressor of several networks, and
``predict(X, interval=0.9)`` asks :func:`interval_widths` for it.
"""

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.calibration import Residuals

# A member leaves examples out if there are so many for each of them.
FEWEST_IN_FOLD = 2


@dataclass(frozen=True, eq=False)
class Calibration:
    """Calibration of prediction intervals: residuals, and the weights they belong to.

    Attributes
    ----------
    theta : ndarray
        Weights of the joint network for which it holds.
    residuals : Residuals
        In the units of y.
    """

    theta: Array
    residuals: Residuals


def interval_widths(estimator: Any, level: float) -> Array:
    """Compute half the width of the prediction intervals of each output.

    Raises
    ------
    ValueError
        If ``level`` is not between 0 and 1, or the estimator has no calibration that
        holds for its weights.
    """
    if not isinstance(level, Real) or not 0.0 < level < 1.0:
        raise ValueError(
            f"interval must be a share between 0 and 1, such as 0.9, got {level!r}."
        )
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
    return calibration.residuals.half_widths(level)
