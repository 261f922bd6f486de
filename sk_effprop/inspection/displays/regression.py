"""Outputs of a regression against its targets, and a histogram of the errors."""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import linregress
from sklearn.base import is_regressor
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sk_effprop.core.arrays import Array
from sk_effprop.inspection.displays._base import (
    GREY,
    MARKERS,
    PALETTE,
    VERMILION,
    Display,
)


class Line(NamedTuple):
    """Least-squares line of outputs against targets.

    Attributes
    ----------
    slope, intercept : float
        Of ``output = slope * target + intercept``.
    r : float
        Correlation of outputs and targets.
    """

    slope: float
    intercept: float
    r: float


class RegressionDisplay(Display):
    """Outputs against targets, with the least-squares line and the correlation R.

    It corresponds to ``plotregression`` of MATLAB.  A perfect fit lies on the diagonal.

    Use :meth:`from_estimator` or :meth:`from_predictions` to make one.

    Parameters
    ----------
    target, output : array-like of shape (n_samples,) or (n_samples, n_outputs)
        True and predicted values.  The columns of a data frame name the outputs.
    name : str, default=""
        Name of the data, for the title.

    Attributes
    ----------
    target, output : ndarray of shape (n_samples, n_outputs)
        True and predicted values.
    lines : list of Line
        For each output, slope, intercept and correlation R.
    output_names : list of str
        Names of the outputs.
    name : str
        As given.
    ax_ : matplotlib.axes.Axes
        Axes of the last drawing.
    figure_ : matplotlib.figure.Figure
        Figure of these axes.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sk_effprop import EffPropRegressor
    >>> from sk_effprop.inspection import RegressionDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = EffPropRegressor((5,), random_state=0).fit(X[:300], y[:300])
    >>> display = RegressionDisplay.from_estimator(net, X[300:], y[300:], name="test")
    >>> 0.5 < display.lines[0].r < 1
    True
    """

    _size = (5.2, 5.2)

    def __init__(self, target: ArrayLike, output: ArrayLike, *, name: str = "") -> None:
        self.target, self.output = as_columns(target, output)
        self.name = name
        self.output_names = _output_names(target, self.target.shape[1])
        self.lines = [
            _fit_line(t, o) for t, o in zip(self.target.T, self.output.T, strict=True)
        ]

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: ArrayLike, *, name: str = "", ax: Any = None
    ) -> Self:
        """Predict, and draw the predictions against y.

        Parameters
        ----------
        estimator : estimator
            Any fitted regressor of scikit-learn.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        name : str, default=""
            Name of the data, such as "training" or "test".
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on.  By default a new figure is created.

        Returns
        -------
        RegressionDisplay

        Raises
        ------
        NotFittedError
            If ``estimator`` is not fitted.
        TypeError
            If ``estimator`` is not a regressor.
        ValueError
            If the data do not match the fitted estimator.
        ImportError
            If matplotlib, the extra "plot", is not installed.
        """
        check_is_regressor(estimator)
        return cls.from_predictions(y, estimator.predict(X), name=name, ax=ax)

    @classmethod
    def from_predictions(
        cls, y_true: ArrayLike, y_pred: ArrayLike, *, name: str = "", ax: Any = None
    ) -> Self:
        """Draw predictions against the true values.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_outputs)
        name, ax
            As for :meth:`from_estimator`.

        Returns
        -------
        RegressionDisplay

        Raises
        ------
        ValueError
            If the shapes differ.
        ImportError
            If matplotlib, the extra "plot", is not installed.
        """
        return cls(y_true, y_pred, name=name).plot(ax)

    def _draw(self, ax: Any) -> None:
        ends = _ends(self.target, self.output)
        ax.plot(ends, ends, ":", color=GREY, label="output = target")
        n_outputs = len(self.lines)
        for k, (line, output) in enumerate(
            zip(self.lines, self.output_names, strict=True)
        ):
            color = PALETTE[k % len(PALETTE)]
            label = "data" if n_outputs == 1 else f"{output}, R = {line.r:.3f}"
            ax.plot(
                self.target[:, k], self.output[:, k], MARKERS[k % len(MARKERS)],
                color=color, label=label, markersize=4, alpha=0.6, fillstyle="none",
            )  # fmt: skip
            ax.plot(
                ends, line.slope * ends + line.intercept, label=_equation(line),
                color=VERMILION if n_outputs == 1 else color,
            )  # fmt: skip
        ax.set_xlim(ends)
        ax.set_ylim(ends)
        ax.set_aspect("equal")
        ax.set_xlabel("target")
        ax.set_ylabel("output")
        title = f"R = {self.lines[0].r:.5f}" if n_outputs == 1 else ""
        ax.set_title(": ".join(filter(None, (self.name, title))), fontsize="medium")
        ax.grid(color=GREY, alpha=0.2)
        ax.legend(loc="upper left", fontsize="small")


def as_columns(target: ArrayLike, output: ArrayLike) -> tuple[Array, Array]:
    """True and predicted values, (n_samples, n_outputs); a ValueError if they differ.

    A prediction that is not finite has no place in a picture.
    """
    columns = []
    for name, values in (("y_true", target), ("y_pred", output)):
        array = np.asarray(values, dtype=float)
        array = array if array.ndim == 2 else column_or_1d(array)[:, None]
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite, but contains NaN or infinity.")
        columns.append(array)
    check_consistent_length(*columns)
    if columns[0].shape != columns[1].shape:
        shapes = [column.shape for column in columns]
        raise ValueError(
            "y_true and y_pred must have the same number of outputs, got the shapes "
            f"{shapes[0]} and {shapes[1]}."
        )
    return columns[0], columns[1]


def _output_names(target: Any, n_outputs: int) -> list[str]:
    """Names of the columns of a data frame, else numbers."""
    names = getattr(target, "columns", None)
    if names is None or len(names) != n_outputs:
        return [f"output {k}" for k in range(n_outputs)]
    return [str(name) for name in names]


def check_is_regressor(estimator: Any) -> None:
    """Raise a TypeError for an estimator that does not predict numbers."""
    if not is_regressor(estimator):
        raise TypeError(
            f"estimator must be a regressor, got {type(estimator).__name__}. For a "
            "classifier, use sklearn.metrics.ConfusionMatrixDisplay."
        )


def _fit_line(target: Array, output: Array) -> Line:
    """Least-squares line; nan for R where targets or outputs are constant."""
    if len(target) < 2 or np.ptp(target) == 0.0:
        return Line(0.0, float(np.mean(output)), np.nan)
    line = linregress(target, output)
    r = float(line.rvalue) if np.ptp(output) > 0.0 else np.nan
    return Line(float(line.slope), float(line.intercept), r)


def _equation(line: Line) -> str:
    sign = "+" if line.intercept >= 0 else "-"
    return f"output ≈ {line.slope:.3g} target {sign} {abs(line.intercept):.3g}"


def _ends(target: Array, output: Array) -> Array:
    """Limits of both axes."""
    low = min(np.min(target), np.min(output))
    high = max(np.max(target), np.max(output))
    margin = 0.05 * (high - low) or 1.0
    return np.array([low - margin, high + margin])
