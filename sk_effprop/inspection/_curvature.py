"""Hessian and Gauss-Newton matrix of a fitted estimator (sections 7 and 8)."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator
from sklearn.utils import Bunch

from sk_effprop._containers import fitted_problem
from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.spectrum import PRODUCTS, leading_eigenpairs
from sk_effprop.core.spectrum import curvature_operator as operator_of

# Largest number of weights for which the whole matrix is computed.
MAX_DENSE = 5000
# Eigenvalues below this share of the largest are zero up to rounding.
ZERO_SHARE = 1e-12


def curvature_operator(
    estimator: Any,
    X: Any,
    y: Any,
    kind: str = "hessian",
    *,
    sample_weight: ArrayLike | None = None,
) -> LinearOperator:
    """Hessian or Gauss-Newton matrix at the fitted weights, as a SciPy operator.

    Parameters
    ----------
    estimator : estimator
        Fitted EffPropClassifier or EffPropRegressor, or a pipeline, a search or a
        TransformedTargetRegressor that contains one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    kind : {"hessian", "gauss_newton"}, default="hessian"
        "hessian" is the exact Hessian of the objective, by the R-operator of section
        7.5.  "gauss_newton" is the matrix ``J' H_L J`` of section 7.2, where J is the
        Jacobian of the outputs and H_L the Hessian of the loss with respect to them; it
        is positive semi-definite for every convex loss.  Both contain the penalty.
    sample_weight : array-like of shape (n_samples,), optional

    Returns
    -------
    scipy.sparse.linalg.LinearOperator of shape (n_weights, n_weights)
        Symmetric operator in float64 on vectors with the layout of ``theta_``.  A
        product costs about as much as two or three gradients.

    Raises
    ------
    NotFittedError, TypeError
        If ``estimator`` is not a fitted estimator of this package, nor contains one.
    ValueError
        For an unknown ``kind``, or data that do not match the fitted estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.inspection import curvature_operator
    >>> X, y = load_iris(return_X_y=True)
    >>> net = EffPropClassifier(5, tol=0, max_iter=20, random_state=0).fit(X, y)
    >>> G = curvature_operator(net, X, y, kind="gauss_newton")
    >>> v = np.ones(len(net.theta_))
    >>> bool(v @ (G @ v) >= 0)
    True
    """
    _check_kind(kind)
    return operator_of(_linearize(estimator, X, y, sample_weight), kind)


def diagonal_curvature(
    estimator: Any,
    X: Any,
    y: Any,
    kind: str = "gauss_newton",
    *,
    sample_weight: ArrayLike | None = None,
) -> Array:
    """Exact diagonal of the Hessian or the Gauss-Newton matrix.

    Parameters
    ----------
    estimator : estimator
        Fitted EffPropClassifier or EffPropRegressor, or a pipeline, a search or a
        TransformedTargetRegressor that contains one.
    X, y, sample_weight
        As for :func:`curvature_operator`.
    kind : {"gauss_newton", "hessian"}, default="gauss_newton"
        The matrix, as for :func:`curvature_operator`.

    Returns
    -------
    ndarray of shape (n_weights,)
        The diagonal in the layout of ``theta_``.  It is never negative for
        "gauss_newton".  ``estimator.network_.layers(d)`` are views of each layer; lower
        layers have smaller values (section 8).

    Raises
    ------
    NotFittedError, TypeError
        If ``estimator`` is not a fitted estimator of this package, nor contains one.
    ValueError
        For an unknown ``kind``, or data that do not match the fitted estimator.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.inspection import diagonal_curvature
    >>> X, y = load_iris(return_X_y=True)
    >>> net = EffPropClassifier(5, tol=0, max_iter=20, random_state=0).fit(X, y)
    >>> [d.shape for d in net.network_.layers(diagonal_curvature(net, X, y))]
    [(5, 5), (6, 3)]
    """
    _check_kind(kind)
    return _diagonal(_linearize(estimator, X, y, sample_weight), kind)


def hessian_spectrum(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    kind: str = "hessian",
    k: int | None = None,
    sample_weight: ArrayLike | None = None,
    random_state: int = 0,
) -> Bunch:
    """Eigenvalues and eigenvectors of the Hessian or the Gauss-Newton matrix.

    A few large eigenvalues among many small ones make learning slow (section 8).

    Parameters
    ----------
    estimator : estimator
        Fitted EffPropClassifier or EffPropRegressor, or a pipeline, a search or a
        TransformedTargetRegressor that contains one.
    X, y, sample_weight
        As for :func:`curvature_operator`.
    kind : {"hessian", "gauss_newton"}, default="hessian"
        The matrix, as for :func:`curvature_operator`.
    k : int or None, default=None
        Number of largest eigenvalues to compute by Lanczos' method.  None computes all
        of them from the whole matrix, which is allowed for up to 5,000 weights.
    random_state : int, default=0
        Seed of the vector that Lanczos' method starts with.

    Returns
    -------
    Bunch
        - ``eigenvalues`` : ndarray, in descending order.  Those of the Hessian may be
          negative.
        - ``eigenvectors`` : ndarray of shape (n_weights, n_eigenvalues).
        - ``trace`` : float, the trace of the whole matrix.
        - ``condition_number`` : float or None.  Ratio of the largest to the smallest
          absolute eigenvalue that is not zero up to rounding.  The time to convergence
          is proportional to it (section 5.1).  None if ``k`` is given, as the smallest
          is then unknown.

    Raises
    ------
    NotFittedError, TypeError
        If ``estimator`` is not a fitted estimator of this package, nor contains one.
    ValueError
        For an unknown ``kind``, a ``k`` that is not a positive int, too many weights,
        or data that do not match the fitted estimator.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.inspection import hessian_spectrum
    >>> X, y = load_iris(return_X_y=True)
    >>> net = EffPropClassifier(5, tol=0, max_iter=20, random_state=0).fit(X, y)
    >>> spectrum = hessian_spectrum(net, X, y, k=3)
    >>> spectrum.eigenvalues.shape
    (3,)
    """
    _check_kind(kind)
    is_int = isinstance(k, int | np.integer) and not isinstance(k, bool)
    if k is not None and not (is_int and k >= 1):
        raise ValueError(f"k must be a positive int or None, got {k!r}.")
    linearization = _linearize(estimator, X, y, sample_weight)
    values, vectors = _eigenpairs(linearization, kind, k, random_state)
    is_whole = len(values) == len(linearization.theta)
    return Bunch(
        eigenvalues=values,
        eigenvectors=vectors,
        trace=float(np.sum(_diagonal(linearization, kind))),
        condition_number=_condition(values) if is_whole else None,
    )


def _eigenpairs(
    linearization: Linearization, kind: str, k: int | None, random_state: int
) -> tuple[Array, Array]:
    """The k largest eigenvalues in descending order, and their eigenvectors."""
    n_weights = len(linearization.theta)
    if k is None and n_weights > MAX_DENSE:
        raise ValueError(
            f"k must be given for more than {MAX_DENSE:,} weights, got k=None for "
            f"{n_weights:,} weights. k=20 finds the 20 largest eigenvalues."
        )
    operator = operator_of(linearization, kind)
    if k is None or k >= n_weights:
        matrix = operator @ np.eye(n_weights)
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
        return values[::-1], vectors[:, ::-1]
    start = np.random.default_rng(random_state).normal(size=n_weights)
    return leading_eigenpairs(operator, k, start)


def _linearize(estimator: Any, X: Any, y: Any, sample_weight: Any) -> Linearization:
    network, X, y = fitted_problem(estimator, X, y)
    objective = network._fitted_objective(X, y, sample_weight).as_float64()
    return Linearization(objective, network.theta_.astype(np.float64))


def _diagonal(linearization: Linearization, kind: str) -> Array:
    if kind == "hessian":
        return linearization.hessian_diagonal()
    return linearization.gauss_newton_diagonal()


def _condition(values: Array) -> float:
    sizes = np.abs(values)
    largest = np.max(sizes)
    return float(largest / np.min(sizes[sizes > ZERO_SHARE * largest], initial=largest))


def _check_kind(kind: Any) -> None:
    if kind not in PRODUCTS:
        raise ValueError(f"kind must be one of {sorted(PRODUCTS)}, got {kind!r}.")
