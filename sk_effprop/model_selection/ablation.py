"""Ablation of the paper's tricks: switch them off, or add them one by one."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from warnings import warn

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import indexable

from sk_effprop.core.arrays import Array
from sk_effprop.inspection.displays._base import new_axes
from sk_effprop.model_selection import _settings as settings
from sk_effprop.model_selection._plots import draw_ablation
from sk_effprop.model_selection._scoring import (
    Difference,
    Fold,
    fit_and_score,
    paired_difference,
    score_name,
)
from sk_effprop.model_selection._settings import Candidate
from sk_effprop.model_selection._tables import Table, to_frame

DIRECTIONS = ("off", "on", "both")


class AblationRow(NamedTuple):
    """Cross-validation of one setting.

    Attributes
    ----------
    trick : str
        Name of the hyperparameter, of a baseline or of a step, or "full recipe".
    section : str
        Section of the paper.
    setting : object
        Value of the hyperparameter, with which the trick is off.  For a step, a dict of
        the hyperparameters that it changes; for "plain backpropagation", of all those
        that differ from the recipe.
    score, score_std : float
        Mean and standard deviation over the folds.
    difference : float
        Mean over the folds of the difference to the full recipe.  For a step, it is the
        difference to the row above: what the step has gained.
    difference_error, p_value : float
        Standard error of the difference, and the p-value of a paired t-test that allows
        for overlapping training sets.
    epochs : float
        Mean number of iterations of a fit; nan for baselines.
    seconds : float
        Mean duration of a fit.
    n_warnings : int
        Fits that have warned about their convergence.
    scores : tuple of float
        The score of each fold.
    kind : {"baseline", "step", "recipe", "off"}
        Kind of the setting.
    """

    trick: str
    section: str
    setting: Any
    score: float
    score_std: float
    difference: float
    difference_error: float
    p_value: float
    epochs: float
    seconds: float
    n_warnings: int
    scores: tuple[float, ...]
    kind: str


class AblationResult:
    """Result of :func:`ablate_tricks`, which is shown as a table.

    Attributes
    ----------
    results_ : list of AblationRow
        Baselines come first; steps come before the full recipe, and tricks that are off
        after it.
    score_name : str
        Name of the score.
    """

    def __init__(self, rows: list[AblationRow], score_name: str) -> None:
        self.results_ = rows
        self.score_name = score_name

    def __repr__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> Table:
        strong = [i for i, row in enumerate(self.results_) if row.kind == "recipe"]
        return Table(
            header_cells(self.score_name),
            [row_cells(row) for row in self.results_],
            n_text=3,
            strong=strong,
        )

    def to_frame(self) -> Any:
        """Return the rows as a pandas DataFrame."""
        return to_frame(self.results_)

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
            ax = new_axes((7.5, 0.36 * len(self.results_) + 1.4))
        draw_ablation(ax, self.results_, self.score_name)
        return ax


def header_cells(score_name: str) -> tuple[str, ...]:
    """Header of the table of an ablation."""
    return (
        "section", "trick", "set to", score_name, "difference", "p", "epochs",
        "seconds",
    )  # fmt: skip


def row_cells(row: AblationRow) -> tuple[str, ...]:
    """Cells of the table of an ablation."""
    setting = repr(row.setting) if row.kind == settings.OFF else ""
    difference, p = "", ""
    if np.isfinite(row.difference) and row.kind != settings.WHOLE:
        difference = f"{row.difference:+.3f} ± {row.difference_error:.3f}"
        p = "<0.001" if row.p_value < 0.001 else f"{row.p_value:.3f}"
    return (
        row.section,
        row.trick,
        setting,
        f"{row.score:.3f} ± {row.score_std:.3f}",
        difference,
        p,
        "" if np.isnan(row.epochs) else f"{row.epochs:.0f}",
        f"{row.seconds:.2f}",
    )


def ablate_tricks(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    cv: Any = 5,
    tricks: dict[str, Any] | None = None,
    direction: str = "off",
    baselines: bool = True,
    scoring: Any = None,
    n_jobs: int | None = None,
    on_row: Callable[[AblationRow], None] | None = None,
) -> AblationResult:
    """Cross-validate an estimator with and without the tricks of the paper.

    All settings are fitted on the same folds, so that they are compared in pairs.

    Parameters
    ----------
    estimator : estimator
        EffPropClassifier or EffPropRegressor with the full recipe, or a pipeline, a
        TransformedTargetRegressor, a search or any other container of one.
    X : array-like of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    cv : int, splitter or iterable, default=5
        Cross-validation, as in scikit-learn.
    tricks : dict, optional
        For each hyperparameter, the value with which its trick is off.  By default
        these are all tricks of the paper that the estimator uses, except for those that
        a search varies.
    direction : {"off", "on", "both"}, default="off"
        "off" switches off one trick at a time.  "on" begins with plain backpropagation
        as of 1986 (logistic units, 0 and 1 as targets, raw inputs, large initial
        weights, a fixed rate, full batches) and adds the tricks one by one, in the
        order of the paper.  "both" does both.
    baselines : bool, default=True
        Whether the first rows have a constant, a linear model and scikit-learn's MLP on
        scaled columns in the place of the network.
    scoring : str, callable or None, default=None
        Score as in scikit-learn; by default accuracy or R2.
    n_jobs : int, optional
        Number of parallel workers, as in joblib.
    on_row : callable, optional
        Called with each row when it and all rows above are complete.

    Returns
    -------
    AblationResult

    Raises
    ------
    TypeError
        If there is no estimator of this package in ``estimator``, or more than one.
    ValueError
        For an unknown ``direction`` or hyperparameter, or if the fits of the full
        recipe or the splits of ``cv`` raise it.  Other settings that cannot be fitted
        get the score nan, and a FitFailedWarning says why.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.model_selection import ablate_tricks
    >>> X, y = load_wine(return_X_y=True)
    >>> recipe = EffPropClassifier(solver="sgd", max_iter=5, tol=0, random_state=0)
    >>> result = ablate_tricks(
    ...     recipe, X, y, cv=3, tricks={"normalize": None}, baselines=False
    ... )
    >>> [row.trick for row in result.results_]
    ['full recipe', 'normalize']
    >>> result.results_[1].difference < 0
    True
    """
    if direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {DIRECTIONS}, got {direction!r}.")
    X, y = indexable(X, y)
    candidates = _candidates(estimator, X, y, tricks, direction, baselines)
    splits = list(check_cv(cv, y, classifier=is_classifier(estimator)).split(X, y))
    scorer = check_scoring(estimator, scoring)
    rows = []
    for row in _rows(candidates, X, y, splits, scorer, n_jobs):
        rows.append(row)
        if on_row is not None:
            on_row(row)
    return AblationResult(rows, score_name(estimator, scoring))


def _candidates(
    estimator: Any, X: Any, y: Any, tricks: Any, direction: str, baselines: bool
) -> list[Candidate]:
    """All settings, in the order of the rows."""
    if tricks is None:
        tricks = settings.default_tricks(estimator)
    candidates = list(settings.baselines(estimator, X, y)) if baselines else []
    if direction != "off":
        candidates += settings.climb(estimator)
    candidates.append(settings.recipe(estimator))
    if direction != "on":
        candidates += settings.without_tricks(estimator, tricks)
    return candidates


def _rows(
    candidates: list[Candidate],
    X: Any,
    y: Any,
    splits: list[tuple[Array, Array]],
    scorer: Any,
    n_jobs: int | None,
) -> Iterator[AblationRow]:
    """Fit everything, the recipe first as it is compared with all others."""
    place = [candidate.kind for candidate in candidates].index(settings.WHOLE)
    order = [place, *(i for i in range(len(candidates)) if i != place)]
    jobs = (
        delayed(fit_and_score)(candidates[i].estimator, X, y, train, test, scorer)
        for i in order
        for train, test in splits
    )
    finished = Parallel(n_jobs=n_jobs, return_as="generator")(jobs)
    sizes = [(len(train), len(test)) for train, test in splits]
    whole = [next(finished) for _ in splits]
    _check_recipe(whole)
    reference, above = _scores(whole), None
    for i, candidate in enumerate(candidates):
        folds = whole if i == place else [next(finished) for _ in splits]
        is_step = candidate.kind == settings.CLIMB or (i == place and above is not None)
        compared = above if is_step and above is not None else reference
        difference = paired_difference(_scores(folds), compared, sizes)
        _report(candidate, folds)
        yield _summarize(candidate, folds, difference)
        above = _scores(folds) if candidate.kind == settings.CLIMB else None


def _scores(folds: list[Fold]) -> Array:
    return np.array([fold.score for fold in folds])


def _check_recipe(folds: list[Fold]) -> None:
    """Raise the error of the recipe, without which there is nothing to compare with."""
    for fold in folds:
        if fold.error is not None:
            raise fold.error


def _report(candidate: Candidate, folds: list[Fold]) -> None:
    """Warn about fits that failed, and pass on warnings that are not about training."""
    errors = [fold.error for fold in folds if fold.error is not None]
    if errors:
        warn(
            f"{len(errors)} of {len(folds)} fits of {candidate.trick!r} failed, so its "
            f"score is nan. The first error: {errors[0]}",
            FitFailedWarning,
            stacklevel=4,
        )
    for message in sorted({text for fold in folds for text in fold.messages}):
        warn(f"{candidate.trick}: {message}", stacklevel=4)


def _summarize(
    candidate: Candidate, folds: list[Fold], difference: Difference
) -> AblationRow:
    scores = _scores(folds)
    return AblationRow(
        trick=candidate.trick,
        section=candidate.section,
        setting=candidate.setting,
        score=float(np.mean(scores)),
        score_std=float(np.std(scores)),
        difference=difference.mean,
        difference_error=difference.error,
        p_value=difference.p_value,
        epochs=float(np.mean([fold.epochs for fold in folds])),
        seconds=float(np.mean([fold.seconds for fold in folds])),
        n_warnings=sum(fold.has_warned for fold in folds),
        scores=tuple(float(score) for score in scores),
        kind=candidate.kind,
    )
