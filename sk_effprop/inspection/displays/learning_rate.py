"""The loss after a few epochs for many learning rates, as in Figs. 25 and 26."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from sk_effprop._containers import inner_problem
from sk_effprop.core.arrays import Array
from sk_effprop.core.baseline import constant_value
from sk_effprop.inspection._runs import Recorder, prepare
from sk_effprop.inspection.displays._base import (
    DASHES,
    GREY,
    MARKERS,
    PALETTE,
    VERMILION,
    Display,
    scale_losses,
)
from sk_effprop.solvers import STOCHASTIC

# From 1/16 of the automatic rate to 16 times it.
RATIOS = 2.0 ** np.arange(-4.0, 4.5, 0.5)
# Losses above so many times that of constant outputs are drawn at the upper edge.
WORST = 2.0
MAX_CURVES = 5


class LearningRateDisplay(Display):
    """Loss after some epochs of gradient descent, for multiples of the automatic rate.

    The rate that follows from the largest eigenvalue of the curvature should be close
    to the best one (section 9.2).

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    ratios : array-like of shape (n_ratios,)
        Learning rates, as multiples of the automatic one.
    losses : array-like of shape (n_epochs, n_ratios)
        Objective after each epoch.
    learning_rate : float
        The automatic rate.
    constant_loss : float
        Loss of the best constant outputs.

    Attributes
    ----------
    ratios : ndarray of shape (n_ratios,)
    losses : ndarray of shape (n_epochs, n_ratios)
        Infinite where training diverged.
    learning_rate, constant_loss : float
        As given.
    ax_ : matplotlib.axes.Axes
        Axes of the last drawing.
    figure_ : matplotlib.figure.Figure
        Figure of these axes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.inspection import LearningRateDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> net = EffPropClassifier(5, random_state=0)
    >>> display = LearningRateDisplay.from_estimator(net, X, y, ratios=(0.1, 1.0))
    >>> display.losses.shape
    (5, 2)
    >>> bool(display.losses[-1, 1] < display.losses[-1, 0])
    True
    """

    def __init__(
        self,
        ratios: ArrayLike,
        losses: ArrayLike,
        *,
        learning_rate: float,
        constant_loss: float,
    ) -> None:
        self.ratios = np.asarray(ratios, dtype=float)
        losses = np.asarray(losses, dtype=float)
        self.losses = np.where(np.isfinite(losses), losses, np.inf)
        self.learning_rate, self.constant_loss = learning_rate, constant_loss

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        ratios: ArrayLike = RATIOS,
        n_epochs: int = 5,
        sample_weight: ArrayLike | None = None,
        ax: Any = None,
    ) -> Self:
        """Train from the same start with each rate, and draw the losses.

        Copies of the estimator are trained with constant rates and without any rule
        that would lower a rate after divergence.  Batch solvers have no learning rate,
        so ``solver="sgd"`` takes their place.

        Parameters
        ----------
        estimator : estimator
            EffPropClassifier or EffPropRegressor, or a pipeline, a search or another
            estimator that contains one.  It need not be fitted, and is not changed.
        X, y, sample_weight
            As for ``fit``.
        ratios : array-like of shape (n_ratios,), default=1/16 to 16
            Learning rates to try, as multiples of the automatic one.
        n_epochs : int, default=5
            Number of epochs, and of curves.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on.  By default a new figure is created.

        Returns
        -------
        LearningRateDisplay

        Raises
        ------
        TypeError
            If ``estimator`` is no estimator of this package, nor contains one.
        ValueError
            If ``ratios`` are not positive, ``n_epochs`` is not a positive int, or
            ``fit`` would refuse the data.
        ImportError
            If matplotlib, the extra "plot", is not installed.
        """
        ratios = _check_ratios(ratios)
        if not isinstance(n_epochs, int | np.integer) or n_epochs < 1:
            raise ValueError(f"n_epochs must be a positive int, got {n_epochs!r}.")
        network, X, y = inner_problem(estimator, X, y)
        prepared = prepare(_at_constant_rate(network, n_epochs), X, y, sample_weight)
        losses = np.full((n_epochs, len(ratios)), np.inf)
        for column, ratio in zip(losses.T, ratios, strict=True):
            recorder = Recorder(n_epochs)
            prepared.train(recorder, rate_factor=ratio)
            column[: len(recorder.values)] = recorder.values
        rate = recorder.learning_rate / ratios[-1]
        constant = constant_value(prepared.objective)
        display = cls(ratios, losses, learning_rate=rate, constant_loss=constant)
        return display.plot(ax)

    def _draw(self, ax: Any) -> None:
        top = WORST * self.constant_loss
        for k, epoch in enumerate(self._drawn_epochs()):
            losses = self.losses[epoch]
            ax.plot(
                self.ratios, np.where(losses <= top, losses, np.nan),
                DASHES[k % len(DASHES)], color=PALETTE[k], markersize=4,
                marker=MARKERS[k], label=f"{epoch + 1} epoch{'s' if epoch else ''}",
            )  # fmt: skip
        self._draw_references(ax, top)
        ax.set_xscale("log", base=2)
        ax.set_xlabel(f"learning rate / automatic rate of {self.learning_rate:.3g}")
        ax.set_ylabel("loss E after training")
        ax.set_title(self._title(), fontsize="medium")
        ax.grid(color=GREY, alpha=0.2)
        ax.legend(fontsize="small")

    def _drawn_epochs(self) -> Array:
        """Numbers of the epochs that are drawn, if there are too many for a legend."""
        n_epochs = len(self.losses)
        drawn = np.linspace(0, n_epochs - 1, min(n_epochs, MAX_CURVES))
        return drawn.round().astype(int)

    def _draw_references(self, ax: Any, top: float) -> None:
        ax.axvline(1.0, color=GREY, linewidth=1)
        ax.axhline(
            self.constant_loss, color=GREY, linestyle=":", label="best constant outputs"
        )
        is_off = ~(self.losses[-1] <= top)
        if is_off.any():
            ax.plot(
                self.ratios[is_off], np.full(np.sum(is_off), top), "^",
                color=VERMILION, label="far above, or diverged", clip_on=False,
            )  # fmt: skip
        finite = self.losses[self.losses <= top]
        if len(finite) and np.min(finite) > 0.0:
            scale_losses(ax)

    def _title(self) -> str:
        last = self.losses[-1]
        if not np.isfinite(last).any():
            return "Training diverged at every rate"
        best = self.ratios[np.argmin(last)]
        n_epochs = len(self.losses)
        after = f"{n_epochs} epoch{'s' if n_epochs > 1 else ''}"
        return f"After {after}, the best ratio is {best:.3g}"


def _check_ratios(ratios: ArrayLike) -> Array:
    array = np.atleast_1d(np.asarray(ratios, dtype=float))
    if array.ndim != 1 or len(array) == 0 or not (array > 0).all():
        raise ValueError(f"ratios must be positive numbers, got {ratios!r}.")
    return np.sort(array)


def _at_constant_rate(estimator: Any, n_epochs: int) -> Any:
    """Copy of an estimator that trains at one rate for a number of epochs."""
    scaling = estimator.learning_rate_scaling
    if estimator.learning_rate_init != "auto" and scaling == "auto":
        # as with the rate that was given
        scaling = "none"
    solver = estimator.solver if estimator.solver in STOCHASTIC else "sgd"
    # only Levenberg-Marquardt finds the evidence
    is_evidence = isinstance(estimator.alpha, str) and estimator.alpha == "evidence"
    return clone(estimator).set_params(
        solver=solver,
        alpha="auto" if is_evidence else estimator.alpha,
        learning_rate_init="auto",
        learning_rate_scaling=scaling,
        learning_rate="constant",
        curvature_period=np.inf,
        max_iter=n_epochs,
        tol=0,
        goal=None,
        max_time=None,
        early_stopping=False,
    )
