"""Conditioning of the inputs of each layer (sections 4.3 and 5.3)."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.utils import check_array

from sk_effprop._containers import fitted_problem
from sk_effprop.core.arrays import Array
from sk_effprop.core.inputs import FoldedSparse, with_ones
from sk_effprop.core.network import forward
from sk_effprop.inspection._curvature import MAX_DENSE, ZERO_SHARE
from sk_effprop.inspection.displays._base import (
    DASHES,
    GREY,
    MARKERS,
    PALETTE,
    Display,
)

RAW, NORMALIZED = "raw inputs", "normalised inputs"


class ConditioningDisplay(Display):
    """Eigenvalues of the second moments of what each layer receives.

    The second moments of the inputs, with a constant input for the bias, are the
    Hessian of a linear unit under squared error.  Gradient descent takes a time that is
    proportional to the condition number, the ratio of the largest to the smallest
    eigenvalue (section 5.1).  Inputs with a mean have one very large eigenvalue, and
    inputs of unequal scales or correlated ones have very small ones (section 5.3).

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    eigenvalues : dict of array-like
        For the name of each set of inputs, the eigenvalues of its second moments.

    Attributes
    ----------
    eigenvalues : dict of ndarray
        In descending order.
    condition_numbers : dict of float
        Ratio of the largest eigenvalue to the smallest that is not zero up to rounding.
    ax_ : matplotlib.axes.Axes
        Axes of the last drawing.
    figure_ : matplotlib.figure.Figure
        Figure of these axes.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.inspection import ConditioningDisplay
    >>> X, y = load_wine(return_X_y=True)
    >>> net = EffPropClassifier(5, random_state=0).fit(X, y)
    >>> display = ConditioningDisplay.from_estimator(net, X, y)
    >>> condition = display.condition_numbers
    >>> condition["raw inputs"] > 1000 * condition["normalised inputs"]
    True
    """

    def __init__(self, eigenvalues: dict[str, ArrayLike]) -> None:
        self.eigenvalues = {
            name: np.sort(np.asarray(values, dtype=float))[::-1]
            for name, values in eigenvalues.items()
        }
        self.condition_numbers = {
            name: _condition(values) for name, values in self.eigenvalues.items()
        }

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: ArrayLike | None = None,
        ax: Any = None,
    ) -> Self:
        """Compute the second moments of the inputs of each layer, and draw them.

        Parameters
        ----------
        estimator : estimator
            Fitted EffPropClassifier or EffPropRegressor, or a pipeline, a search or a
            TransformedTargetRegressor that contains one.
        X, y, sample_weight
            As for ``fit``.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on.  By default a new figure is created.

        Returns
        -------
        ConditioningDisplay

        Raises
        ------
        NotFittedError, TypeError
            If ``estimator`` is no fitted estimator of this package, nor contains one.
        ValueError
            If X does not match the fitted estimator, or a layer has more than 5,000
            inputs.
        ImportError
            If matplotlib, the extra "plot", is not installed.
        """
        network, X, y = fitted_problem(estimator, X, y)
        moments = _inputs_of_layers(network, X, y, sample_weight)
        return cls({name: np.linalg.eigvalsh(A) for name, A in moments}).plot(ax)

    def _draw(self, ax: Any) -> None:
        for k, (name, values) in enumerate(self.eigenvalues.items()):
            values = values[values > ZERO_SHARE * values[0]]
            ax.plot(
                np.linspace(0.0, 1.0, len(values)) if len(values) > 1 else [0.0],
                values, DASHES[k % len(DASHES)], color=PALETTE[k % len(PALETTE)],
                marker=MARKERS[k % len(MARKERS)], markersize=4, label=self._label(name),
            )  # fmt: skip
        ax.set_yscale("log")
        ax.set_xlabel("order of the eigenvalue, from the largest to the smallest")
        ax.set_xticks([])
        ax.set_ylabel("eigenvalue of the second moments")
        ax.set_title("Conditioning of what each layer receives", fontsize="medium")
        ax.grid(color=GREY, alpha=0.2)
        ax.legend(fontsize="small")

    def _label(self, name: str) -> str:
        values = self.eigenvalues[name]
        n_zero = int(np.sum(values <= ZERO_SHARE * values[0]))
        label = f"{name}: condition number {self.condition_numbers[name]:.3g}"
        return f"{label}, {n_zero} zero" if n_zero else label


def _inputs_of_layers(
    network: Any, X: Any, y: Any, sample_weight: Any
) -> Iterator[tuple[str, Array]]:
    """Name and second moments of the inputs of each layer, the raw ones first."""
    objective = network._fitted_objective(X, y, sample_weight)
    encoder = network.table_encoder_
    raw = X if encoder is None else encoder.transform(X)
    raw = _with_constant(check_array(raw, accept_sparse="csr", dtype=np.float64))
    weight = None if sample_weight is None else np.asarray(sample_weight, dtype=float)
    yield RAW, _second_moments(raw, weight)
    passes = forward(objective.network, network.theta_, objective.inputs)
    for l, inputs in enumerate(passes.inputs):
        name = NORMALIZED if l == 0 else f"outputs of hidden layer {l}"
        yield name, _second_moments(inputs, objective.sample_weight)


def _with_constant(X: Any) -> Any:
    """Inputs with a last column of ones, which the bias multiplies."""
    if sparse.issparse(X):
        return sparse.hstack([X, np.ones((X.shape[0], 1))], format="csr")
    return with_ones(X)


def _second_moments(inputs: Any, weight: Array | None) -> Array:
    """Mean of x x' over the rows, (n_inputs + 1, n_inputs + 1)."""
    n_rows, n_inputs = inputs.shape
    if n_inputs > MAX_DENSE:
        raise ValueError(
            f"A layer must have at most {MAX_DENSE:,} inputs for all eigenvalues to be "
            f"computed, got {n_inputs:,}. Use fewer columns of X."
        )
    if isinstance(inputs, FoldedSparse):
        inputs = inputs.filled()
    weight = np.ones(n_rows) if weight is None else weight
    if sparse.issparse(inputs):
        weighted = inputs.multiply(weight[:, None]).tocsr()
        return np.asarray((inputs.T @ weighted).todense()) / np.sum(weight)
    inputs = np.asarray(inputs, dtype=np.float64)
    return np.asarray(inputs.T @ (weight[:, None] * inputs) / np.sum(weight))


def _condition(values: Array) -> float:
    return float(values[0] / np.min(values[values > ZERO_SHARE * values[0]]))
