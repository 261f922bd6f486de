"""The objective and the validation loss over the epochs of a fit."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sk_effprop._containers import fitted_network
from sk_effprop.core.arrays import Array
from sk_effprop.inspection.displays._base import GREY, PALETTE, Display, scale_losses
from sk_effprop.solvers import STOCHASTIC


class LossCurveDisplay(Display):
    """Loss after each epoch or iteration, with the best weights marked.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    loss : array-like of shape (n_iter,)
        Objective of the training data.
    validation_loss : array-like of shape (n_iter,), default=None
        Loss of the validation data.
    best : int, default=None
        Number of the iteration whose weights were kept, from 1.
    unit : {"epoch", "iteration"}, default="epoch"
        What is counted on the horizontal axis.
    title : str, default=""
        Title of the axes.
    name : str, default=""
        Name of the curve in the legend.

    Attributes
    ----------
    loss, validation_loss : ndarray of shape (n_iter,)
        The curves; ``validation_loss`` is None without validation data.
    best, unit, title, name
        As given.
    ax_ : matplotlib.axes.Axes
        Axes of the last drawing.
    figure_ : matplotlib.figure.Figure
        Figure of these axes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.inspection import LossCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> net = EffPropClassifier(5, early_stopping=True, random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(net)
    >>> display.ax_.get_xlabel()
    'iteration'
    >>> len(display.loss) == net.n_iter_
    True
    """

    def __init__(
        self,
        loss: ArrayLike,
        *,
        validation_loss: ArrayLike | None = None,
        best: int | None = None,
        unit: str = "epoch",
        title: str = "",
        name: str = "",
    ) -> None:
        self.loss = np.asarray(loss, dtype=float)
        self.validation_loss = None
        if validation_loss is not None:
            self.validation_loss = np.asarray(validation_loss, dtype=float)
        self.best, self.unit, self.title, self.name = best, unit, title, name

    @classmethod
    def from_estimator(cls, estimator: Any, *, name: str = "", ax: Any = None) -> Self:
        """Draw the loss curves of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted EffPropClassifier or EffPropRegressor, or a pipeline, search or other
            container of one.
        name : str, default=""
            Name of the curve in the legend, to compare several fits on the same axes.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on.  By default a new figure is created.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        NotFittedError, TypeError
            If ``estimator`` is not fitted, or contains no estimator of this package.
        ImportError
            If matplotlib, the extra "plot", is not installed.
        """
        network = fitted_network(estimator)
        display = cls(
            network.loss_curve_,
            validation_loss=network.validation_loss_curve_,
            best=_best_iteration(network),
            unit="epoch" if network.solver_ in STOCHASTIC else "iteration",
            title=_title(network),
            name=name,
        )
        return display.plot(ax)

    def _draw(self, ax: Any) -> None:
        n_curves = len({line.get_color() for line in ax.get_lines()})
        color = PALETTE[n_curves % len(PALETTE)]
        prefix = f"{self.name}, " if self.name else ""
        numbers = np.arange(1, len(self.loss) + 1)
        style = {"color": color, "markersize": 4, "marker": _dot(numbers)}
        ax.plot(numbers, _drawable(self.loss), label=f"{prefix}training", **style)
        marked = self.loss
        if self.validation_loss is not None:
            marked, style = self.validation_loss, {**style, "linestyle": "--"}
            label = f"{prefix}validation"
            ax.plot(numbers, _drawable(marked), label=label, **style)
        if self.best is not None and np.isfinite(marked[self.best - 1]):
            ax.plot(
                self.best, marked[self.best - 1], "*", color=color, markersize=13,
                markeredgecolor="white", label=f"{prefix}best, {self.unit} {self.best}",
            )  # fmt: skip
        self._label(ax)

    def _label(self, ax: Any) -> None:
        if all((line.get_ydata() > 0).any() for line in ax.get_lines()):
            scale_losses(ax)
        ax.set_xlabel(self.unit)
        ax.set_ylabel("loss E, with penalty")
        ax.set_title(self.title, fontsize="medium")
        ax.grid(color=GREY, alpha=0.2)
        ax.legend()


def _best_iteration(network: Any) -> int | None:
    """Iteration with the best validation score; equal ones differ in their losses.

    Without validation data, the curve of a stochastic solver does not tell which
    weights were kept, as it consists of means over epochs.
    """
    scores = network.validation_scores_
    if scores is None:
        return None
    order = np.lexsort((network.validation_loss_curve_, -np.asarray(scores)))
    return int(order[0]) + 1


def _title(network: Any) -> str:
    convergence = network.convergence_
    title = f"solver={network.solver_!r}, ended by {convergence.reason!r}"
    if convergence.n_recoveries:
        title += f", recoveries from divergence: {convergence.n_recoveries}"
    return title


def _drawable(curve: Array) -> Array:
    """Curve with gaps where it is not finite."""
    return np.where(np.isfinite(curve), curve, np.nan)


def _dot(numbers: Array) -> str:
    """Marker for curves that are too short to be seen as lines."""
    return "o" if len(numbers) < 3 else ""
