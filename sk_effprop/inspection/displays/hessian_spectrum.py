"""Eigenvalues of the Hessian, as in Figs. 19 and 20 of the paper."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from sk_effprop.core.arrays import Array
from sk_effprop.inspection._curvature import (
    MAX_DENSE,
    ZERO_SHARE,
    curvature_operator,
    hessian_spectrum,
)
from sk_effprop.inspection.displays._base import BLUE, GREY, VERMILION, Display

NAMES = {"hessian": "Hessian", "gauss_newton": "Gauss-Newton matrix"}
STYLES = ("order", "histogram")
N_BINS = 40
# Eigenvalues at each end of a spectrum that is too large to be computed whole, how
# precise they are, and Lanczos iterations after which those that are known must do.
N_AT_EACH_END, TOLERANCE, MAX_RESTARTS = 20, 1e-2, 4
# few negative eigenvalues must be seen among many positive ones
FILLS = {"o": "none", "v": "full"}


class HessianSpectrumDisplay(Display):
    """Eigenvalues of the Hessian or the Gauss-Newton matrix on a logarithmic axis.

    A few large eigenvalues among many small ones make gradient descent slow, and the
    largest one limits its learning rate (section 8).  Negative eigenvalues have a
    marker of their own.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    eigenvalues : array-like of shape (n_eigenvalues,)
    n_weights : int
        Size of the matrix, which may have more eigenvalues than are known.
    kind : {"hessian", "gauss_newton"}, default="hessian"
        The matrix.
    style : {"order", "histogram"}, default="order"
        "order" draws the absolute eigenvalues in descending order (Fig. 19),
        "histogram" counts them (Fig. 20).

    Attributes
    ----------
    eigenvalues : ndarray of shape (n_eigenvalues,)
        With their signs, in descending order.
    n_weights, kind, style
        As given.
    ax_ : matplotlib.axes.Axes
        Axes of the last drawing.
    figure_ : matplotlib.figure.Figure
        Figure of these axes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.inspection import HessianSpectrumDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> net = EffPropClassifier(5, random_state=0).fit(X, y)
    >>> display = HessianSpectrumDisplay.from_estimator(net, X, y)
    >>> len(display.eigenvalues) == display.n_weights == len(net.theta_)
    True
    """

    def __init__(
        self,
        eigenvalues: ArrayLike,
        *,
        n_weights: int,
        kind: str = "hessian",
        style: str = "order",
    ) -> None:
        if style not in STYLES:
            raise ValueError(f"style must be one of {STYLES}, got {style!r}.")
        self.eigenvalues = np.sort(np.asarray(eigenvalues, dtype=float))[::-1]
        self.n_weights, self.kind, self.style = n_weights, kind, style

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        kind: str = "hessian",
        k: int | None = None,
        sample_weight: ArrayLike | None = None,
        style: str = "order",
        ax: Any = None,
    ) -> Self:
        """Compute the eigenvalues at the fitted weights, and draw them.

        Parameters
        ----------
        estimator : estimator
            Fitted EffPropClassifier or EffPropRegressor, or a pipeline, a search or a
            TransformedTargetRegressor that contains one.
        X, y, kind, sample_weight
            As for :func:`~sk_effprop.inspection.hessian_spectrum`.
        k : int or None, default=None
            Number of largest eigenvalues to compute.  None computes all of them, or the
            20 largest and up to 20 of the smallest for more than 5,000 weights.
        style : {"order", "histogram"}, default="order"
            As for the class.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on.  By default a new figure is created.

        Returns
        -------
        HessianSpectrumDisplay

        Raises
        ------
        NotFittedError, TypeError
            If ``estimator`` is no fitted estimator of this package, nor contains one.
        ValueError
            For an unknown ``kind`` or ``style``, a ``k`` that is not a positive int, or
            data that do not match the fitted estimator.
        ImportError
            If matplotlib, the extra "plot", is not installed.
        """
        operator = curvature_operator(
            estimator, X, y, kind, sample_weight=sample_weight
        )
        n_weights = operator.shape[0]
        if k is None and n_weights > MAX_DENSE:
            values = _both_ends(operator, kind)
        else:
            values = hessian_spectrum(
                estimator, X, y, kind=kind, k=k, sample_weight=sample_weight
            ).eigenvalues
        return cls(values, n_weights=n_weights, kind=kind, style=style).plot(ax)

    @property
    def is_zero(self) -> Array:
        """Mask of the eigenvalues that are zero up to rounding."""
        sizes = np.abs(self.eigenvalues)
        return np.asarray(sizes <= ZERO_SHARE * np.max(sizes, initial=0.0))

    def _draw(self, ax: Any) -> None:
        ax.set_yscale("log")
        if self.style == "order":
            self._draw_in_order(ax)
        else:
            self._draw_histogram(ax)
        ax.set_title(self._title(), fontsize="medium")
        ax.grid(color=GREY, alpha=0.2)
        ax.legend()

    def _draw_in_order(self, ax: Any) -> None:
        values = self.eigenvalues[~self.is_zero]
        values = values[np.argsort(-np.abs(values))]
        places = np.arange(1, len(values) + 1)
        for (label, is_drawn), color, marker in self._signs(values):
            ax.plot(
                places[is_drawn], np.abs(values[is_drawn]), marker, color=color,
                label=label, markersize=5, fillstyle=FILLS[marker],
            )  # fmt: skip
        ax.set_xlabel("order of the absolute eigenvalue")
        ax.set_ylabel("absolute eigenvalue")

    def _draw_histogram(self, ax: Any) -> None:
        values = self.eigenvalues[~self.is_zero]
        sizes = np.abs(values)
        largest = float(np.max(sizes, initial=0.0)) or 1.0
        smallest = float(np.min(sizes, initial=largest))
        bins = np.geomspace(0.9 * smallest, 1.1 * largest, N_BINS)
        for (label, is_drawn), color, _ in self._signs(values):
            ax.hist(
                sizes[is_drawn], bins, color=color, label=label, alpha=0.7,
                histtype="stepfilled" if color == BLUE else "step", linewidth=1.5,
            )  # fmt: skip
        ax.set_xscale("log")
        ax.set_xlabel("absolute eigenvalue")
        ax.set_ylabel("number of eigenvalues")

    def _signs(self, values: Array) -> Any:
        """Label, rows, colour and marker of positive and of negative eigenvalues."""
        for name, is_drawn, color, marker in (
            ("positive", values > 0, BLUE, "o"),
            ("negative", values < 0, VERMILION, "v"),
        ):
            if is_drawn.any():
                yield (f"{np.sum(is_drawn)} {name}", is_drawn), color, marker

    def _title(self) -> str:
        values, n_known = self.eigenvalues, len(self.eigenvalues)
        title = f"{NAMES[self.kind]}, λ_max = {values[0]:.3g}"
        if n_known < self.n_weights:
            return f"{title}, {n_known} of {self.n_weights:,} eigenvalues"
        sizes = np.abs(values[~self.is_zero])
        if len(sizes):
            title += f", condition number {np.max(sizes) / np.min(sizes):.3g}"
        n_zero = int(np.sum(self.is_zero))
        return f"{title}, {n_zero} zero" if n_zero else title


def _both_ends(operator: LinearOperator, kind: str) -> Array:
    """The largest and the smallest eigenvalues, as far as they are found in time.

    Small eigenvalues may lie so close to each other that Lanczos' method cannot tell
    them apart; those are of no interest.  The smallest ones of the Gauss-Newton matrix
    are never negative, so they are left out.
    """
    start = np.random.default_rng(0).normal(size=operator.shape[0])
    sides = ("LA",) if kind == "gauss_newton" else ("LA", "SA")
    ends = []
    for side in sides:
        try:
            values = eigsh(
                operator, N_AT_EACH_END, which=side, v0=start, tol=TOLERANCE,
                maxiter=MAX_RESTARTS, return_eigenvectors=False,
            )  # fmt: skip
        except ArpackNoConvergence as error:
            values = error.eigenvalues
        ends.append(values)
    return np.concatenate(ends)
