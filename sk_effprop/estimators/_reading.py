"""Validation of the user's data, and their encoding as network inputs and targets.

Data go a short way: ``validate`` and ``weighted_examples`` make :class:`Examples`,
``encode_table`` turns categories and missing values into numbers, ``encode`` normalises
them and codes the targets, and ``_build`` makes an objective of the result.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_X_y, validate_data

from sk_effprop._input_statistics import ColumnStatistics
from sk_effprop._sklearn import check_sample_weight
from sk_effprop.core.arrays import Array
from sk_effprop.core.inputs import with_ones
from sk_effprop.core.network import Network
from sk_effprop.core.normalization import follow_inputs, identity
from sk_effprop.estimators._coding import Coding
from sk_effprop.estimators._data import Counts, Examples
from sk_effprop.estimators._masks import check_masks
from sk_effprop.estimators._normalizing import (
    columns_begun_anew,
    fit_normalizer,
    normalizer_with,
    updated,
)
from sk_effprop.estimators._refusals import about_types
from sk_effprop.estimators._tables import copy_names, read_table, settled
from sk_effprop.preprocessing import InputNormalizer, without_duplicates

DTYPES = [np.float64, np.float32]
# infinity is looked for together with missing values
NOT_FINITE = {"dtype": DTYPES, "accept_sparse": "csr", "ensure_all_finite": False}
# Weights whose largest is beyond these bounds are scaled, as only proportions matter.
SMALLEST_WEIGHT, LARGEST_WEIGHT = 1e-100, 1e100


@contextmanager
def about_validation_data() -> Iterator[None]:
    """Context that adds to each error that it is about the validation data."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Validation data X_val, y_val: {error}") from error


# --------------------------------------------------------------------------- validating


def validate(
    estimator: Any, X: Any, y: Any, *, reset: bool, y_numeric: bool
) -> tuple[Any, Any]:
    """Validate X and y as scikit-learn does; ``reset`` sets the number of features.

    X becomes a Table if it has categories, dates or missing values.
    """
    _check_sparse_targets(y, y_numeric)
    check_masks(X=X, y=y)
    check = {"multi_output": True, "y_numeric": y_numeric}
    encoder = None if reset else estimator.table_encoder_
    table = read_table(estimator, X, reset=reset)
    with about_types(X, y, y_numeric=y_numeric):
        if table is None:
            X, y = validate_data(estimator, X, y, reset=reset, **NOT_FINITE, **check)
            return settled(without_duplicates(X), encoder), y
        if y is None:
            # raises the ValueError for estimators that need targets
            validate_data(estimator, X, y, reset=reset, skip_check_array=True)
        numbers, y = check_X_y(
            table.numbers, y, ensure_min_features=0, **NOT_FINITE, **check
        )
    return settled(replace(table, numbers=numbers), encoder), y


def validate_inputs(estimator: Any, X: Any) -> Any:
    """Validate X of a prediction."""
    if _is_sound(estimator, X):
        return X
    check_masks(X=X)
    encoder = estimator.table_encoder_
    table = read_table(estimator, X, reset=False)
    if table is not None:
        return settled(table, encoder)
    with about_types(X):
        X = validate_data(estimator, X, reset=False, **NOT_FINITE)
    return settled(without_duplicates(X), encoder)


def _check_sparse_targets(y: Any, y_numeric: bool) -> None:
    if sparse.issparse(y) and (y_numeric or y.ndim == 1 or y.shape[1] == 1):
        way_out = (
            "y.toarray()" if y.ndim == 2 and y.shape[1] > 1 else "y.toarray().ravel()"
        )
        raise ValueError(
            "y is sparse, which is only possible for an indicator matrix of several "
            f"labels. Use {way_out}."
        )


def _is_sound(estimator: Any, X: Any) -> bool:
    """True if X is a valid float array that needs none of scikit-learn's checks.

    scikit-learn's validation takes longer than the prediction for a row.
    """
    return (
        type(X) is np.ndarray
        and X.dtype in DTYPES
        and X.ndim == 2
        and X.shape[0] > 0
        and X.shape[1] == estimator.n_features_in_
        and estimator.table_encoder_ is None
        and not hasattr(estimator, "feature_names_in_")
        and bool(np.isfinite(X).all())
    )


def validate_weight(sample_weight: Any, X: Any) -> Array:
    """Validate sample weights, by default 1, as float64."""
    check_masks(sample_weight=sample_weight)
    weight = check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    return in_range(np.asarray(weight))


def in_range(weight: Array) -> Array:
    """Scale weights so that their products neither overflow nor vanish."""
    largest = np.max(weight, initial=0.0)
    if largest == 0.0 or SMALLEST_WEIGHT <= largest <= LARGEST_WEIGHT:
        return weight
    # a power of 2 leaves all bits of the fractions
    return np.ldexp(weight, -np.frexp(largest)[1])


def weighted_examples(X: Any, y: Array, weight: Array) -> Examples:
    """Drop rows of weight 0; ``all_y`` keeps their targets.

    Raises
    ------
    ValueError
        If there are no others.
    """
    is_used = weight > 0
    if not is_used.any():
        raise ValueError(
            "sample_weight must have a positive entry: all examples have weight 0 "
            "(times class_weight, if given), so there is nothing to train on."
        )
    examples = Examples(X, y, weight)
    return examples if is_used.all() else examples[is_used]


# ----------------------------------------------------------------------------- encoding


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Encoded examples: normalised inputs, coded targets and weights.

    Attributes
    ----------
    inputs : ndarray or FoldedSparse of shape (n_samples, n_in + 1)
        Normalised, with a last column of ones.
    targets : ndarray of shape (n_samples, n_outputs)
        Coded, as precise as the inputs.
    labels : ndarray of shape (n_samples,) or None
        Class numbers.
    weight : ndarray of shape (n_samples,) or None
        Of mean 1; None if all are equal.
    counts : Counts
        Rows and examples that these stand for.
    """

    inputs: Any
    targets: Array
    labels: Array | None
    weight: Array | None
    counts: Counts


def encode(
    examples: Examples,
    normalizer: InputNormalizer | None,
    coding: Coding,
    dtype: Any = None,
    mean_weight: float | None = None,
) -> TrainingData:
    """Normalise the inputs and code the targets of validated examples.

    Parameters
    ----------
    examples : Examples
    normalizer : InputNormalizer or None
    coding : ClassCoding or ValueCoding
    dtype : dtype, optional
        Precision of the result; by default that of X.
    mean_weight : float, optional
        Mean of the weights of all examples, if these are a part of them and not all
        weights are equal.
    """
    inputs = _normalize_as(examples.X, normalizer, dtype or examples.X.dtype)
    targets, labels = coding.code(examples.y, inputs.dtype)
    weight = None
    if np.ptp(examples.weight) > 0.0 or mean_weight is not None:
        mean = examples.weight.mean() if mean_weight is None else mean_weight
        weight = (examples.weight / mean).astype(inputs.dtype)
    return TrainingData(inputs, targets, labels, weight, examples.counts)


# ------------------------------------------------------------------------ normalisation


def normalizer_for(
    estimator: Any, examples: Examples, *, is_stream: bool
) -> InputNormalizer | None:
    """Fit the normaliser that ``normalize`` and ``input_clip`` ask for, if any.

    The statistics of a stream change, which the first layer can compensate for only if
    there is no clip.
    """
    clip = None if is_stream else estimator.input_clip
    normalizer = _unfitted_normalizer(estimator, clip)
    if normalizer is None:
        return None
    return fit_normalizer(normalizer, examples.X, examples.weight, is_stream=is_stream)


def normalizer_of(
    estimator: Any, statistics: ColumnStatistics, *, is_sparse: bool
) -> InputNormalizer | None:
    """Make the normaliser that ``normalize`` and ``input_clip`` ask for, if any."""
    normalizer = _unfitted_normalizer(estimator, estimator.input_clip)
    if normalizer is None:
        return None
    return normalizer_with(normalizer, statistics, is_sparse=is_sparse)


def _unfitted_normalizer(estimator: Any, clip: float | None) -> InputNormalizer | None:
    if estimator.normalize is None and clip is None:
        return None
    normalizer = InputNormalizer(estimator.normalize, clip=clip)
    copy_names(estimator, normalizer)
    if estimator.table_encoder_ is not None:
        names = estimator.table_encoder_.get_feature_names_out()
        normalizer.n_features_in_, normalizer.feature_names_in_ = len(names), names
    return normalizer


def normalize(X: Any, normalizer: InputNormalizer | None) -> Any:
    """Normalised rows with a column of ones; sparse X stays sparse."""
    record = None if normalizer is None else normalizer.normalization_
    if sparse.issparse(X):
        return (record or identity(X.shape[1])).fold(X)
    return with_ones(X) if record is None else record.apply_with_ones(X)


def _normalize_as(X: Any, normalizer: InputNormalizer | None, dtype: Any) -> Any:
    """Normalise in the higher of two precisions, as rounded rows could not be centred.

    Sparse rows are not centred, but the products that replace this have one precision.
    """
    if sparse.issparse(X) or np.can_cast(X.dtype, dtype):
        X = X.astype(dtype, copy=False)
    inputs = normalize(X, normalizer)
    return inputs if inputs.dtype == dtype else inputs.astype(dtype)


def keep_normalizing(
    normalizer: InputNormalizer, examples: Examples, network: Network, theta: Array
) -> tuple[InputNormalizer, Array, bool]:
    """Update the statistics of the inputs, and weights that compensate for the change.

    Returns
    -------
    normalizer : InputNormalizer
        A copy that includes the examples.
    theta : ndarray of shape (n_weights,)
        A copy with which the network computes what it did before, except from columns
        that have begun anew.
    begins_anew : bool
        Whether there are such columns.
    """
    theta, after = theta.copy(), updated(normalizer, examples.X, examples.weight)
    before, now = normalizer.normalization_, after.normalization_
    is_new = columns_begun_anew(normalizer, after)
    begins_anew = bool(is_new.any())
    if begins_anew:
        before = before.taking(is_new, now)
    follow_inputs(network.layers(theta)[0], before, now)
    return after, theta, begins_anew
