"""Fitted attributes that exports read, as arrays in double precision.

Exports use public fitted attributes only and do not import the estimators, so that the
estimators can offer exports as methods.
"""

from copy import copy
from typing import Any, TypeGuard

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sk_effprop.core.activations import Activation
from sk_effprop.core.arrays import Array
from sk_effprop.core.network import Network


def fitted_network(est: Any, caller: str) -> Network:
    """The network of a fitted estimator of this package.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is not an estimator of this package.
    """
    check_is_fitted(est)
    if not isinstance(getattr(est, "network_", None), Network):
        raise TypeError(
            f"{caller} takes a fitted EffPropClassifier or EffPropRegressor, got "
            f"{type(est).__name__}. For a Pipeline or a search, pass the fitted "
            "network inside it, such as pipeline[-1] or search.best_estimator_."
        )
    return est.network_


def exported_network(est: Any, caller: str) -> Network:
    """Network of an estimator, if other software can compute its layers.

    Raises
    ------
    ValueError
        If it has radial basis functions.
    """
    network = fitted_network(est, caller)
    if "radial" in network.kinds:
        raise ValueError(
            f"{caller} cannot convert radial basis functions. Fit with rbf_units=None "
            "and another hidden layer, or pickle the estimator."
        )
    return network


def has_several_columns(est: Any) -> bool:
    """True if it is a classifier of several columns of classes."""
    return isinstance(getattr(est, "classes_", None), list)


def check_one_column(est: Any, caller: str) -> None:
    """Raise a ValueError for a classifier of several columns of classes."""
    if has_several_columns(est):
        raise ValueError(
            f"{caller} cannot convert a classifier for several columns of classes. Fit "
            "one EffPropClassifier for each column of y."
        )


def layers_of(est: Any) -> list[Array]:
    """Copies of the weights, (n_in + 1, n_out) each, biases last."""
    return [W.astype(np.float64) for W in est.network_.layers(est.theta_)]


def affine_of(est: Any) -> tuple[Array, Array]:
    """Shift and A of the normalised inputs (x - shift) A; a vector is a diagonal A."""
    if est.normalizer_ is None:
        return np.zeros(est.n_features_in_), np.ones(est.n_features_in_)
    record = est.normalizer_.normalization_
    # the rounding of the passes is kept
    return record.shift, record.A.astype(est.theta_.dtype).astype(np.float64)


def clip_of(est: Any) -> float | None:
    """Bound of the normalised inputs, or None."""
    return None if est.normalizer_ is None else est.normalizer_.clip


def without_names(est: Any) -> Any:
    """Copy of an estimator that does not ask for the names of columns."""
    est = copy(est)
    vars(est).pop("feature_names_in_", None)
    return est


def of_inputs(est: Any) -> Any:
    """Copy of an estimator that takes an array of encoded rows."""
    est = without_names(est)
    est.table_encoder_, est.n_features_in_ = None, est.network_.sizes[0]
    return est


def is_formula(activation: Any) -> TypeGuard[Activation]:
    """True if it is an :class:`Activation`, not a user-defined one."""
    return isinstance(activation, Activation)
