"""Importance of every column of X, from derivatives over the training data."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from sk_effprop.core.arrays import Array
from sk_effprop.core.inputs import FoldedSparse, squares_transposed_times
from sk_effprop.core.network import Network
from sk_effprop.core.normalization import clip_derivative
from sk_effprop.core.objective import Objective
from sk_effprop.core.sensitivity import (
    differences_from_mean,
    mean_slopes,
    with_linear_outputs,
)
from sk_effprop.estimators._coding import Coding, JointCoding, ValueCoding
from sk_effprop.preprocessing import InputNormalizer

# The mean over so many rows is as good as that over all of them; fewer rows are used
# if there are many outputs, each of which takes a backward pass, or many columns.
MAX_ROWS, FEWEST_ROWS = 500, 30
MAX_PASSES, MAX_NUMBERS = 5000, 10**7


def importances(estimator: Any, trained_on: Objective) -> Array:
    """Share of each column of X in the variation of the outputs, to first order.

    Parameters
    ----------
    estimator : EffPropClassifier or EffPropRegressor
        Fitted.
    trained_on : Objective
        With the training data.

    Returns
    -------
    ndarray of shape (n_features,)
        Not negative; the sum is 1, or 0 if the outputs are constant.
    """
    objective = replace(trained_on, network=estimator.network_)
    share = importances_of_inputs(
        objective, estimator.theta_, estimator.coding_, estimator.normalizer_
    )
    encoder = estimator.table_encoder_
    if encoder is None:
        return share
    return np.bincount(encoder.source_, share, minlength=estimator.n_features_in_)


def importances_of_inputs(
    objective: Objective,
    theta: Array,
    coding: Coding,
    normalizer: InputNormalizer | None,
) -> Array:
    """Share of each normalised column in the variation of the outputs.

    Parameters
    ----------
    objective : Objective
        With the training data.
    theta : ndarray of shape (n_weights,)
    coding : ClassCoding, JointCoding or ValueCoding
    normalizer : InputNormalizer or None

    Returns
    -------
    ndarray of shape (n_columns,)
        Not negative; the sum is 1, or 0 if the outputs are constant.
    """
    inputs, weight = _some_rows(objective)
    network, contrasts = _what_counts(objective.network, coding)
    chain, axes = _way_to_columns(inputs, normalizer)
    # overflow of extreme weights is noticed in the result
    with np.errstate(over="ignore", invalid="ignore"):
        slopes = mean_slopes(
            network, theta, inputs, weight,
            chain=chain, axes=axes, contrasts=contrasts,
        )  # fmt: skip
        share = np.square(slopes) * _variances(inputs, weight, normalizer)
        total = share.sum()
    if not np.isfinite(total):
        return np.full(len(share), np.nan)
    return np.asarray(share / total if total > 0.0 else share)


def _some_rows(objective: Objective) -> tuple[Any, Array]:
    """Inputs and weights of evenly spaced rows."""
    width, n_outputs = objective.inputs.shape[1], objective.network.sizes[-1]
    most = min(MAX_ROWS, MAX_PASSES // n_outputs, MAX_NUMBERS // width)
    count = min(objective.n_samples, max(most, FEWEST_ROWS))
    rows = np.linspace(0, objective.n_samples - 1, count).astype(np.intp)
    inputs = objective.inputs[rows]
    weight = objective.sample_weight
    return inputs, np.ones(count) if weight is None else weight[rows]


def _what_counts(network: Network, coding: Coding) -> tuple[Network, Array | None]:
    """Network whose outputs are decisions or coded values, and contrasts of these."""
    if isinstance(coding, ValueCoding):
        return network, None
    decision = with_linear_outputs(network)
    if isinstance(coding, JointCoding):
        blocks = [differences_from_mean(n) if n > 1 else [[1.0]] for n in coding.sizes]
        return decision, np.asarray(block_diag(*blocks))
    if not coding.is_exclusive:
        return decision, None
    return decision, differences_from_mean(network.sizes[-1])


def _way_to_columns(
    inputs: Any, normalizer: InputNormalizer | None
) -> tuple[Array | None, Array | None]:
    """Derivatives of the clip and the rotation; (None, None) without a rotation."""
    if normalizer is None or normalizer.components_ is None:
        return None, None
    # sparse inputs are not clipped after a rotation
    clip, axes = normalizer.clip, normalizer.components_
    return None if clip is None else clip_derivative(inputs[:, :-1], clip), axes


def _variances(inputs: Any, weight: Array, normalizer: InputNormalizer | None) -> Array:
    """Variances of the normalised columns, before a rotation."""
    if normalizer is not None and normalizer.components_ is not None:
        # standardised, unless the column is constant
        varies = np.abs(normalizer.components_).sum(axis=0) > 0.0
        return varies.astype(np.float64)
    if isinstance(inputs, FoldedSparse):
        share = (weight / weight.sum())[:, None].astype(inputs.dtype)
        mean = (inputs.T @ share)[:-1, 0]
        squares = squares_transposed_times(inputs, share)[:-1, 0]
        return np.asarray(np.maximum(squares - mean**2, 0.0))
    Z = inputs[:, :-1]
    mean = np.average(Z, axis=0, weights=weight)
    return np.asarray(np.average(np.square(Z - mean), axis=0, weights=weight))
