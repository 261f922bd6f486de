"""Target values of classifiers (section 4.5), and probabilities from outputs.

Targets at the asymptotes of a sigmoid drive its weights to infinity, and outputs near
them do not tell confident predictions from others.  The paper puts targets where
``|f''|`` is largest, which is +-1 for the recommended sigmoid.
"""

from math import inf

import numpy as np
from scipy.optimize import brentq

from sk_effprop.core.activations import AnyActivation
from sk_effprop.core.arrays import Array

# Probabilities from a network with squared error stay this far from 0 and 1.
PROBABILITY_FLOOR = 1e-6
# Outputs beyond the targets are rounded to so many decimals before they are ranked, as
# logarithms of the probabilities would not show differences in the last digit.
DECIMALS = 8


def place_targets(
    target_values: str | tuple[float, float], activation: AnyActivation
) -> tuple[float, float]:
    """Low and high target value for an output activation.

    Parameters
    ----------
    target_values : {"max_curvature", "asymptote"} or (low, high)
    activation : Activation

    Returns
    -------
    (float, float)

    Raises
    ------
    ValueError
        If low is not below high, or a target lies outside the range of the activation.
    """
    bottom, top = activation.limits
    if not isinstance(target_values, str):
        low, high = (float(value) for value in target_values)
    elif not activation.is_sigmoid:
        # without asymptotes on both sides, any two values in the range will do
        low, high = (-1.0, 1.0) if bottom == -inf else (0.0, 1.0)
    elif target_values == "asymptote":
        low, high = bottom, top
    else:
        peak = activation.curvature_peak
        low, high = (float(activation.f(z)) for z in (-peak, peak))  # type: ignore[operator]
    if not low < high:
        raise ValueError(
            f"target_values must be (low, high) with low < high, got ({low}, {high})."
        )
    if low < bottom or high > top:
        raise ValueError(
            f"target_values ({low}, {high}) lie outside the range ({bottom:.6g}, "
            f"{top:.6g}) of the output activation, so that no weights reach them. "
            "Use target_values='max_curvature' or another output_activation."
        )
    return low, high


def place_values(
    low: Array, high: Array, mean: Array, deviation: Array, activation: AnyActivation
) -> tuple[Array, Array]:
    """Shift and scale that map real targets into the range of an output activation.

    Targets are coded as ``(y - shift) / scale``.  Outputs without limits get targets of
    mean 0 and deviation 1.  Between two limits, the smallest and the largest target go
    to the two points that :func:`place_targets` chooses for classes, for the same
    reasons.  With one limit, it goes one deviation beyond the outermost target, so that
    new values have room, but targets that are not negative stay above a limit of 0.

    Parameters
    ----------
    low, high, mean, deviation : ndarray of shape (n_outputs,)
        Statistics of y; deviations are positive, 1 for constant targets.
    activation : Activation or CustomActivation

    Returns
    -------
    shift, scale : ndarray of shape (n_outputs,)
    """
    bottom, top = activation.limits
    if bottom > -inf and top < inf:
        first, last = place_targets("max_curvature", activation)
        varies = high > low
        scale = np.where(varies, (high - low) / (last - first), deviation)
        middle = (low + high) / 2.0
        return middle - scale * (first + last) / 2.0, scale
    if bottom > -inf:
        limit = low - deviation
        limit = np.where((low >= 0.0) & (limit < 0.0), 0.0, limit)
        return limit - bottom * deviation, deviation
    if top < inf:
        limit = high + deviation
        limit = np.where((high <= 0.0) & (limit > 0.0), 0.0, limit)
        return limit - top * deviation, deviation
    return mean, deviation


def check_reachable(low: float, high: float, activation: AnyActivation) -> None:
    """Raise a ValueError if targets lie outside the range of an output activation."""
    bottom, top = activation.limits
    if low < bottom or high > top:
        raise ValueError(
            f"y lies between {low:.6g} and {high:.6g}, but the output activation only "
            f"reaches values from {bottom:.6g} to {top:.6g}. Use "
            "normalize_target=True, another output_activation, or scale y."
        )


def code_indicator(indicator: Array, low: float, high: float) -> Array:
    """Replace 0 by ``low`` and 1 by ``high``."""
    return np.asarray(low + (high - low) * indicator)


def decode_probabilities(outputs: Array, low: float, high: float) -> Array:
    """Map (low, high) linearly to (0, 1).

    Outputs beyond the targets are mapped to the first and the last millionth, in which
    a larger output is still a larger probability.
    """
    p = (outputs.astype(np.float64) - low) / (high - low)
    floor, top = PROBABILITY_FLOOR, 1.0 - PROBABILITY_FLOOR
    below, above = (
        np.round(np.maximum(beyond, 0.0), DECIMALS) for beyond in (floor - p, p - top)
    )
    squeezed = above / (1.0 + above) - below / (1.0 + below)
    return np.asarray(np.clip(p, floor, top) + floor * squeezed)


def midpoint_preactivation(low: float, high: float, activation: AnyActivation) -> float:
    """The z at which the output is half way between the targets."""
    return preactivation_at((low + high) / 2.0, activation)


def preactivation_at(value: float, activation: AnyActivation) -> float:
    """The z at which a rising activation has a value strictly between its limits."""

    def excess(z: float) -> float:
        return float(activation.f(z)) - value

    left, right = -1.0, 1.0
    if excess(0.0) == 0.0:
        return 0.0
    while excess(left) > 0.0:
        left *= 2.0
    while excess(right) < 0.0:
        right *= 2.0
    return float(brentq(excess, left, right))
