"""Histogram of the errors of a regression."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sk_effprop.core.arrays import Array
from sk_effprop.inspection.displays._base import GREY, ORANGE, PALETTE, Display
from sk_effprop.inspection.displays.regression import as_columns, check_is_regressor

HATCHES = ("", "//", "..", "xx")


class ErrorHistogramDisplay(Display):
    """Histogram of the errors, target minus output, stacked over sets of data.

    It corresponds to ``ploterrhist`` of MATLAB.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one.

    Parameters
    ----------
    errors : dict of array-like
        For the name of each set of data, its errors.  All outputs count alike.
    bins : int, default=20
        Number of bins between the smallest and the largest error.

    Attributes
    ----------
    errors : dict of ndarray
        The errors of each set, in one dimension.
    edges : ndarray of shape (bins + 1,)
        Limits of the bins.
    counts : dict of ndarray of shape (bins,)
        Number of errors of each set in each bin.
    ax_ : matplotlib.axes.Axes
        Axes of the last drawing.
    figure_ : matplotlib.figure.Figure
        Figure of these axes.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sk_effprop import EffPropRegressor
    >>> from sk_effprop.inspection import ErrorHistogramDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = EffPropRegressor((5,), random_state=0).fit(X[:300], y[:300])
    >>> display = ErrorHistogramDisplay.from_estimator(
    ...     net, X[:300], y[:300], X_test=X[300:], y_test=y[300:]
    ... )
    >>> int(display.counts["test"].sum())
    142
    """

    def __init__(self, errors: Mapping[str, ArrayLike], *, bins: int = 20) -> None:
        if not isinstance(bins, int | np.integer) or bins < 1:
            raise ValueError(f"bins must be a positive int, got {bins!r}.")
        self.errors = {
            name: np.asarray(values, dtype=float).ravel()
            for name, values in errors.items()
        }
        everything = np.concatenate(list(self.errors.values()))
        self.edges = np.histogram_bin_edges(everything, bins)
        self.counts = {
            name: np.histogram(values, self.edges)[0]
            for name, values in self.errors.items()
        }

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        X_test: Any = None,
        y_test: ArrayLike | None = None,
        bins: int = 20,
        ax: Any = None,
    ) -> Self:
        """Predict, and draw a histogram of the errors.

        Parameters
        ----------
        estimator : estimator
            Any fitted regressor of scikit-learn.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        X_test, y_test : array-like, default=None
            Data that were not used in training; their errors are stacked on those of X
            and y.
        bins : int, default=20
            Number of bins.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on.  By default a new figure is created.

        Returns
        -------
        ErrorHistogramDisplay

        Raises
        ------
        NotFittedError
            If ``estimator`` is not fitted.
        TypeError
            If ``estimator`` is not a regressor.
        ValueError
            If the data do not match the fitted estimator, only one of ``X_test`` and
            ``y_test`` is given, or ``bins`` is not a positive int.
        ImportError
            If matplotlib, the extra "plot", is not installed.
        """
        check_is_regressor(estimator)
        if (X_test is None) != (y_test is None):
            raise ValueError("X_test and y_test must be given together.")
        if X_test is None or y_test is None:
            return cls({"data": _errors(y, estimator.predict(X))}, bins=bins).plot(ax)
        errors = {
            "training": _errors(y, estimator.predict(X)),
            "test": _errors(y_test, estimator.predict(X_test)),
        }
        return cls(errors, bins=bins).plot(ax)

    @classmethod
    def from_predictions(
        cls, y_true: ArrayLike, y_pred: ArrayLike, *, bins: int = 20, ax: Any = None
    ) -> Self:
        """Draw a histogram of true minus predicted values.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_outputs)
        bins, ax
            As for :meth:`from_estimator`.

        Returns
        -------
        ErrorHistogramDisplay

        Raises
        ------
        ValueError
            If the shapes differ, or ``bins`` is not a positive int.
        ImportError
            If matplotlib, the extra "plot", is not installed.
        """
        return cls({"data": _errors(y_true, y_pred)}, bins=bins).plot(ax)

    def _draw(self, ax: Any) -> None:
        width = np.diff(self.edges)
        below = np.zeros(len(width))
        for k, (name, counts) in enumerate(self.counts.items()):
            ax.bar(
                self.edges[:-1], counts, width, below, align="edge", label=name,
                color=PALETTE[k % len(PALETTE)], hatch=HATCHES[k % len(HATCHES)],
                edgecolor="white", linewidth=0.5,
            )  # fmt: skip
            below += counts
        ax.axvline(0.0, color=ORANGE, linewidth=2, label="zero error")
        ax.set_xlabel("error = target - output")
        ax.set_ylabel("number of examples")
        ax.set_title(self._title(), fontsize="medium")
        ax.grid(color=GREY, alpha=0.2)
        ax.legend()

    def _title(self) -> str:
        parts = [
            f"{name}: mean {np.mean(values):.3g}, RMS {np.sqrt(np.mean(values**2)):.3g}"
            for name, values in self.errors.items()
        ]
        return "; ".join(parts)


def _errors(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    target, output = as_columns(y_true, y_pred)
    return target - output
