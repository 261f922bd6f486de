"""Pipeline steps of scikit-learn that replace TableEncoder, up to scale factors.

OneHotEncoder knows no input for rare levels as ours does, and takes None and NaN for
different levels.  So every level gets an input of its own, with the weights of the
input that it switches on here; those of unknown levels become a part of the biases.
"""

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from sk_effprop._columns import DATE, DURATION
from sk_effprop.core.arrays import Array
from sk_effprop.export._table import (
    holds_text,
    indicator_columns,
    number_columns,
)


def check_plain_columns(est: Any) -> None:
    """Raise a ValueError if scikit-learn has no transformer for a column."""
    encoder = est.table_encoder_
    names = getattr(est, "feature_names_in_", range(est.n_features_in_))
    found = [
        name
        for name, kind in zip(names, encoder.kinds_, strict=True)
        if kind in (DATE, DURATION)
    ]
    if found:
        raise ValueError(
            f"to_sklearn cannot convert dates, as in the columns {found}, because no "
            "transformer of scikit-learn turns them into days. Turn them into numbers "
            "before fit, or use sk_effprop.export.to_onnx()."
        )


def with_table(est: Any, model: Any) -> Pipeline:
    """Put steps that read the table in front of an MLP of encoded rows.

    Parameters
    ----------
    est : EffPropClassifier or EffPropRegressor
        The estimator, fitted to a table.
    model : MLPClassifier or MLPRegressor
        The same for encoded rows; it is changed.
    """
    _split_levels(model, est.table_encoder_)
    rows = _two_rows(est)
    steps = ColumnTransformer(_transformers(est), sparse_threshold=0.0).fit(rows)
    result = Pipeline([("table", steps), ("mlp", model)])
    if hasattr(model, "largest_difference_"):
        result.largest_difference_ = model.largest_difference_
    return result


def _transformers(est: Any) -> list[tuple[str, Any, list[Any]]]:
    encoder = est.table_encoder_
    names = getattr(est, "feature_names_in_", np.arange(est.n_features_in_)).tolist()
    result: list[tuple[str, Any, list[Any]]] = []
    columns = number_columns(encoder)
    if len(columns):
        imputer = SimpleImputer(strategy="median", add_indicator=True)
        result.append(("numbers", imputer, [names[j] for j in columns]))
    for j, levels in encoder.levels_.items():
        one_hot = OneHotEncoder(
            categories=[_categories(levels)],
            handle_unknown="ignore",
            sparse_output=False,
        )
        result.append((f"category_{j}", one_hot, [names[j]]))
    return result


def _categories(levels: Any) -> Array:
    if not levels.is_text:
        return np.array([*np.sort(levels.values), np.nan])
    return np.array([*levels.values.tolist(), None, np.nan], dtype=object)


def _two_rows(est: Any) -> Any:
    """Make two rows from which the steps learn the encoder's levels and medians.

    The medians, and once more with missing values where there are indicators.
    """
    encoder = est.table_encoder_
    medians, holes = encoder.medians_.copy(), encoder.medians_.copy()
    holes[indicator_columns(encoder)] = np.nan
    has_text = any(holds_text(encoder, j) for j in encoder.levels_)
    rows = np.array([medians, holes], dtype=object if has_text else np.float64)
    for j, levels in encoder.levels_.items():
        rows[:, j] = _categories(levels)[0]
    if not hasattr(est, "feature_names_in_"):
        return rows
    import pandas as pd

    frame = pd.DataFrame(rows, columns=est.feature_names_in_)
    numbers = [name for j, name in enumerate(frame) if not holds_text(encoder, j)]
    return frame.astype(dict.fromkeys(numbers, np.float64))


def _split_levels(model: Any, encoder: Any) -> None:
    """Give the MLP an input for each level, with the weights of the one it had."""
    W, b = model.coefs_[0], model.intercepts_[0].copy()
    n_numbers = len(number_columns(encoder)) + len(indicator_columns(encoder))
    parts, start = [W[:n_numbers]], n_numbers
    for levels in encoder.levels_.values():
        # the last row is that of no input
        own = np.vstack([W[start : start + levels.n_inputs], np.zeros_like(b)])
        unknown = own[levels.unknown_input]
        parts.append(own[_inputs_of_categories(levels)] - unknown)
        b += unknown
        start += levels.n_inputs
    model.coefs_[0], model.intercepts_[0] = np.vstack(parts), b
    model.n_features_in_ = len(model.coefs_[0])
    if hasattr(model, "_best_coefs"):
        model._best_coefs[0] = model.coefs_[0].copy()
        model._best_intercepts[0] = b.copy()


def _inputs_of_categories(levels: Any) -> Array:
    *known, missing = levels.inputs.tolist()
    if levels.is_text:
        return np.array([*known, missing, missing])
    return np.array([*np.array(known)[np.argsort(levels.values)], missing])
