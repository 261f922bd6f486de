"""Linear approximation of the clip of the inputs, and its effect on predictions."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_array

from sk_effprop.core.arrays import Array, dense
from sk_effprop.core.normalization import smooth_clip
from sk_effprop.export._fitted import affine_of, clip_of, without_names


def fold_clip(est: Any, W: Array, X: Array) -> None:
    """Let the first layer take inputs that are not clipped.

    For each of them, ``clip(z)`` is replaced by ``slope * z + start``, the least
    squares fit to the rows of X.
    """
    clip = clip_of(est)
    if clip is None:
        return
    shift, A = affine_of(est)
    Z = (X - shift) * A if A.ndim == 1 else (X - shift) @ A
    clipped = smooth_clip(Z, clip)
    centred = Z - Z.mean(axis=0)
    variance = np.mean(centred**2, axis=0)
    covariance = np.mean(centred * clipped, axis=0)
    varies = variance > 0.0
    slope = np.divide(covariance, variance, out=np.ones_like(variance), where=varies)
    W[-1] += (clipped.mean(axis=0) - slope * Z.mean(axis=0)) @ W[:-1]
    W[:-1] *= slope[:, None]


def checked_rows(est: Any, X: Any) -> Array:
    """Return typical inputs as an array, encoded if they are a table."""
    if X is None:
        raise ValueError(
            "approximate_clip=True needs X, typical inputs for which the clip is "
            "approximated and the difference is measured: "
            "to_sklearn(approximate_clip=True, X=X_train)."
        )
    if est.table_encoder_ is not None:
        return dense(est.table_encoder_.transform(X)).astype(np.float64)
    X = check_array(X, dtype=np.float64)
    if X.shape[1] != est.n_features_in_:
        raise ValueError(
            f"X has {X.shape[1]} columns, but the network was fitted on "
            f"{est.n_features_in_}."
        )
    return X


def largest_difference(model: Any, est: Any, X: Array) -> float:
    """Largest difference of the predictions of a plain model and an estimator."""
    est, model = without_names(est), without_names(model)
    if not is_classifier(est):
        return float(np.abs(model.predict(X) - est.predict(X)).max())
    if not hasattr(model, "predict_proba"):
        return float(np.mean(model.predict(X) != est.predict(X)))
    ours = est.predict_proba(X)
    # MLP has two columns for a single class
    theirs = model.predict_proba(X)[:, : ours.shape[1]]
    return float(np.abs(theirs - ours).max()) if len(est.classes_) > 1 else 0.0
