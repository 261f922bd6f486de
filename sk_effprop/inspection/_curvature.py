"""Hessian and Gauss-Newton matrix of a fitted estimator (sections 7 and 8)."""

import numpy as np
from sklearn.utils import Bunch

from sk_effprop.core.curvature import Linearization
from sk_effprop.core.spectrum import PRODUCTS, leading_eigenpairs
from sk_effprop.core.spectrum import curvature_operator as operator_of

# weights of a network whose whole matrix is computed
MAX_DENSE = 5000
# eigenvalues below this share of the largest are zero but for rounding
ZERO_SHARE = 1e-12


def curvature_operator(estimator, X, y, kind="hessian", *, sample_weight=None):
    """Second derivatives of the objective at the fitted weights, as an operator.

    Parameters
    ----------
    estimator : EffPropClassifier or EffPropRegressor
        Fitted.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    kind : {"hessian", "gauss_newton"}, default="hessian"
        The exact Hessian, by the R-operator of section 7.5, or the Gauss-Newton matrix
        of section 7.2, ``J' H_L J`` with the Hessian of the loss at the outputs in its
        middle: positive semi-definite for every convex loss.  Either contains the
        penalty.
    sample_weight : array-like of shape (n_samples,), optional

    Returns
    -------
    scipy.sparse.linalg.LinearOperator of shape (n_weights, n_weights)
        Symmetric, float64, on vectors laid out as ``theta_``.  A product costs about as
        much as two or three gradients.

    Raises
    ------
    NotFittedError, TypeError
        If ``estimator`` is not a fitted estimator of this package.
    ValueError
        For another ``kind``, or data that do not suit the estimator.

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


def diagonal_curvature(estimator, X, y, kind="gauss_newton", *, sample_weight=None):
    """Second derivative of the objective with respect to each weight, exactly.

    Parameters
    ----------
    estimator : EffPropClassifier or EffPropRegressor
        Fitted.
    X, y, sample_weight
        As for :func:`curvature_operator`.
    kind : {"gauss_newton", "hessian"}, default="gauss_newton"

    Returns
    -------
    ndarray of shape (n_weights,)
        In the layout of ``theta_``; never negative for "gauss_newton".
        ``estimator.network_.layers(d)`` shows it layer by layer: smaller in lower
        layers, as section 8 says.

    Raises
    ------
    NotFittedError, TypeError
        If ``estimator`` is not a fitted estimator of this package.
    ValueError
        For another ``kind``, or data that do not suit the estimator.

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
    estimator, X, y, *, kind="hessian", k=None, sample_weight=None, random_state=0
):
    """Eigenvalues of the curvature: few large ones make learning slow (section 8).

    Parameters
    ----------
    estimator : EffPropClassifier or EffPropRegressor
        Fitted.
    X, y, sample_weight
        As for :func:`curvature_operator`.
    kind : {"hessian", "gauss_newton"}, default="hessian"
    k : int or None, default=None
        Only the k largest, by Lanczos' method.  None for all, from the whole matrix,
        which is refused for more than 5,000 weights.
    random_state : int, default=0
        Of the vector that Lanczos' method starts with.

    Returns
    -------
    Bunch
        ``eigenvalues`` : ndarray, falling; the Hessian's may be negative.
        ``eigenvectors`` : ndarray of shape (n_weights, n_eigenvalues).
        ``trace`` : float, of the whole matrix.
        ``condition_number`` : float or None
            Largest over smallest absolute value, zeros (up to rounding) left out; it
            is what the time to convergence is proportional to (section 5.1).  None
            with ``k``, which does not know the smallest.

    Raises
    ------
    NotFittedError, TypeError
        If ``estimator`` is not a fitted estimator of this package.
    ValueError
        For another ``kind``, a ``k`` that is no positive int, or too many weights.

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
    near = _linearize(estimator, X, y, sample_weight)
    n_weights = len(near.theta)
    if k is None and n_weights > MAX_DENSE:
        raise ValueError(
            f"k must be given for more than {MAX_DENSE:,} weights, got k=None for "
            f"{n_weights:,}. k=20 finds the twenty largest eigenvalues."
        )
    operator = operator_of(near, kind)
    if k is None or k >= n_weights:
        matrix = operator @ np.eye(n_weights)
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
        values, vectors = values[::-1], vectors[:, ::-1]
    else:
        start = np.random.default_rng(random_state).normal(size=n_weights)
        values, vectors = leading_eigenpairs(operator, k, start)
    return Bunch(
        eigenvalues=values,
        eigenvectors=vectors,
        trace=float(np.sum(_diagonal(near, kind))),
        condition_number=_condition(values) if len(values) == n_weights else None,
    )


def _linearize(estimator, X, y, sample_weight):
    if not hasattr(estimator, "_fitted_objective"):
        raise TypeError(
            "estimator must be an EffPropClassifier or EffPropRegressor, got "
            f"{type(estimator).__name__}. Of a pipeline, take the last step and "
            "transform X before."
        )
    objective = estimator._fitted_objective(X, y, sample_weight).as_float64()
    return Linearization(objective, estimator.theta_.astype(np.float64))


def _diagonal(near, kind):
    exact = near.hessian_diagonal if kind == "hessian" else near.gauss_newton_diagonal
    return exact()


def _condition(values):
    sizes = np.abs(values)
    largest = np.max(sizes)
    return float(largest / np.min(sizes[sizes > ZERO_SHARE * largest], initial=largest))


def _check_kind(kind):
    if kind not in PRODUCTS:
        raise ValueError(f"kind must be one of {sorted(PRODUCTS)}, got {kind!r}.")
