"""Cross-validation of one setting, and paired comparison of two."""

from time import perf_counter
from typing import Any, NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
from scipy import stats
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning

from sk_effprop._containers import fitted_networks
from sk_effprop._sklearn import safe_indexing
from sk_effprop.core.arrays import Array


class Fold(NamedTuple):
    """One fit and its score.

    Attributes
    ----------
    score : float
        nan if the fit failed.
    epochs : float
        Iterations of the network; nan if there is none.
    seconds : float
        Duration of the fit.
    has_warned : bool
        Whether the fit has issued a ConvergenceWarning.
    messages : tuple of str
        Other warnings.
    error : Exception or None
        Why the fit failed.
    """

    score: float
    epochs: float
    seconds: float
    has_warned: bool = False
    messages: tuple[str, ...] = ()
    error: Exception | None = None


class Difference(NamedTuple):
    """Paired difference of scores.

    Attributes
    ----------
    mean : float
    error : float
        Standard error of the mean.
    p_value : float
        Of the hypothesis that there is no difference.
    """

    mean: float
    error: float
    p_value: float


def fit_and_score(
    estimator: Any, X: Any, y: Any, train: Array, test: Array, scorer: Any
) -> Fold:
    """Fit a clone on some rows and score it on others; warnings are kept, not shown.

    Without a trick, many fits do not converge, and worker processes would print every
    warning.
    """
    model, start = clone(estimator), perf_counter()
    with catch_warnings(record=True) as caught:
        simplefilter("always")
        try:
            model.fit(safe_indexing(X, train), safe_indexing(y, train))
            seconds = perf_counter() - start
            score = scorer(model, safe_indexing(X, test), safe_indexing(y, test))
        except Exception as error:
            return Fold(np.nan, np.nan, perf_counter() - start, error=error)
    is_expected = [issubclass(w.category, ConvergenceWarning) for w in caught]
    messages = {
        str(w.message) for w, ok in zip(caught, is_expected, strict=True) if not ok
    }
    return Fold(
        float(score), _epochs(model), seconds, any(is_expected), tuple(sorted(messages))
    )


def _epochs(model: Any) -> float:
    epochs = [network.n_iter_ for network in fitted_networks(model)]
    return float(np.mean(epochs)) if epochs else np.nan


def paired_difference(
    scores: Array, reference: Array, sizes: list[tuple[int, int]]
) -> Difference:
    """Mean difference over folds, by the corrected t-test of Nadeau and Bengio (2003).

    The training sets of the folds overlap, so the variance of the mean is larger than
    that of independent differences: by ``n_test / n_train`` of that of a single one.

    Parameters
    ----------
    scores, reference : ndarray of shape (n_folds,)
    sizes : list of (int, int)
        Rows for training and testing of each fold.
    """
    differences = scores - reference
    n = len(differences)
    mean = float(np.mean(differences))
    if n < 2 or not np.isfinite(mean):
        return Difference(mean, np.nan, np.nan)
    overlap = float(np.mean([n_test / n_train for n_train, n_test in sizes]))
    error = float(np.sqrt((1.0 / n + overlap) * np.var(differences, ddof=1)))
    if error == 0.0:
        return Difference(mean, 0.0, 1.0 if mean == 0.0 else 0.0)
    return Difference(mean, error, float(2.0 * stats.t.sf(abs(mean) / error, n - 1)))


def score_name(estimator: Any, scoring: Any) -> str:
    """Name of a score for tables and axes."""
    if scoring is None:
        return "accuracy" if is_classifier(estimator) else "R2"
    return (
        scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "score")
    )
