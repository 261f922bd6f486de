"""Ablation of the paper's tricks: switch them off one at a time and compare scores."""

from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import indexable

from sk_effprop._sklearn import safe_indexing
from sk_effprop.estimators._checks import is_value


class AblationRow(NamedTuple):
    """Cross-validation of one setting.

    Attributes
    ----------
    trick : str
        Name of the hyperparameter, or "full recipe".
    section : str
        Section of the paper.
    setting : object
        Value of the hyperparameter, with which the trick is off.
    score, score_std : float
        Mean and standard deviation of the accuracy or R2 over the folds.
    epochs : float
        Mean number of iterations of a fit.
    seconds : float
        Mean duration of a fit.
    """

    trick: str
    section: str
    setting: Any
    score: float
    score_std: float
    epochs: float
    seconds: float


class AblationResult:
    """Result of :func:`ablate_tricks`.

    Attributes
    ----------
    results_ : list of AblationRow
        One row for each setting, the full recipe first.
    """

    def __init__(self, rows: list[AblationRow], score_name: str) -> None:
        self.results_ = rows
        self.score_name = score_name

    def to_frame(self) -> Any:
        """Return the rows as a pandas DataFrame."""
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_frame needs pandas: pip install pandas") from error
        return pd.DataFrame(self.results_)

    def plot(self, ax: Any = None) -> Any:
        """Plot the score of each setting with matplotlib (extra "plot").

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to plot on.  By default a new figure is created.

        Returns
        -------
        matplotlib.axes.Axes
        """
        if ax is None:
            try:
                import matplotlib.pyplot as plt
            except ImportError as error:
                raise ImportError(
                    "Plotting needs matplotlib: pip install sk_effprop[plot]"
                ) from error
            _, ax = plt.subplots(
                figsize=(7, 0.4 * len(self.results_) + 1.2), layout="constrained"
            )
        names = [
            row.trick if i == 0 else f"{row.trick} = {row.setting!r}"
            for i, row in enumerate(self.results_)
        ]
        scores = [row.score for row in self.results_]
        errors = [row.score_std for row in self.results_]
        colors = ["C0"] + ["C1"] * (len(names) - 1)
        places = np.arange(len(names))[::-1]
        ax.errorbar(scores, places, xerr=errors, fmt="none", ecolor="0.6", capsize=2)
        ax.scatter(scores, places, c=colors, zorder=3)
        ax.axvline(scores[0], color="C0", linewidth=0.8, linestyle=":")
        ax.set_yticks(places, names)
        ax.set_xlabel(f"{self.score_name}, cross-validated")
        ax.set_title("Full recipe, and each trick switched off")
        return ax


def ablate_tricks(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    cv: Any = 5,
    tricks: dict[str, Any] | None = None,
    n_jobs: int | None = None,
    on_row: Callable[[AblationRow], None] | None = None,
) -> AblationResult:
    """Cross-validate an estimator as it is, and with each trick switched off.

    Parameters
    ----------
    estimator : EffPropClassifier or EffPropRegressor
        Estimator with the full recipe.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    cv : int, splitter or iterable, default=5
        Cross-validation, as in scikit-learn.
    tricks : dict, optional
        For each hyperparameter, the value with which its trick is off.  By default
        these are all tricks of the paper that the estimator uses.
    n_jobs : int, optional
        Number of parallel workers, as in joblib.
    on_row : callable, optional
        Called with each row when it is complete.

    Returns
    -------
    AblationResult

    Raises
    ------
    TypeError
        If ``estimator`` is not an estimator of this package.
    ValueError
        If a fit or the splits of ``cv`` raise it.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.model_selection import ablate_tricks
    >>> X, y = load_wine(return_X_y=True)
    >>> recipe = EffPropClassifier(solver="sgd", max_iter=5, tol=0, random_state=0)
    >>> result = ablate_tricks(recipe, X, y, cv=3, tricks={"normalize": None})
    >>> [row.trick for row in result.results_]
    ['full recipe', 'normalize']
    >>> result.results_[0].score > result.results_[1].score
    True
    """
    if not hasattr(estimator, "_registry"):
        raise TypeError(
            "estimator must be an EffPropClassifier or EffPropRegressor, got "
            f"{type(estimator).__name__}. For a pipeline, pass its last step and the "
            "X that reaches it."
        )
    X, y = indexable(X, y)
    splits = list(check_cv(cv, y, classifier=is_classifier(estimator)).split(X, y))
    if tricks is None:
        tricks = default_tricks(estimator)
    settings: list[dict[str, Any]] = [{}, *({name: v} for name, v in tricks.items())]
    jobs = (
        delayed(_fit_and_score)(estimator, setting, X, y, train, test)
        for setting in settings
        for train, test in splits
    )
    finished = Parallel(n_jobs=n_jobs, return_as="generator")(jobs)
    rows = []
    for setting in settings:
        folds = np.array([next(finished) for _ in splits])
        rows.append(_summarize(estimator, setting, folds))
        if on_row is not None:
            on_row(rows[-1])
    return AblationResult(rows, "accuracy" if is_classifier(estimator) else "R2")


def default_tricks(estimator: Any) -> dict[str, Any]:
    """For each trick that the estimator uses, the value with which it is off."""
    # log loss does not use target_values
    ignored = {"target_values"} if estimator.loss == "log_loss" else set()
    return {
        name: entry.without
        for name, entry in estimator._registry.items()
        if entry.is_trick and not is_value(getattr(estimator, name), entry.without)
        if name not in ignored
    }


def _fit_and_score(
    estimator: Any, setting: dict[str, Any], X: Any, y: Any, train: Any, test: Any
) -> tuple[float, float, float]:
    model = clone(estimator).set_params(**setting)
    start = perf_counter()
    model.fit(safe_indexing(X, train), safe_indexing(y, train))
    seconds = perf_counter() - start
    score = model.score(safe_indexing(X, test), safe_indexing(y, test))
    return score, model.n_iter_, seconds


def _summarize(estimator: Any, setting: dict[str, Any], folds: Any) -> AblationRow:
    ((trick, value),) = setting.items() or [("full recipe", "")]
    entry = estimator._registry.get(trick)
    scores, epochs, seconds = folds.T
    return AblationRow(
        trick,
        "" if entry is None else entry.section,
        value,
        float(scores.mean()),
        float(scores.std()),
        float(epochs.mean()),
        float(seconds.mean()),
    )
