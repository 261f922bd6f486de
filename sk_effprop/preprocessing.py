"""Normalisation of inputs (section 4.3): centred, of equal variance, uncorrelated.

:class:`InputNormalizer` is the transformation that the estimators apply to their inputs
through ``normalize=``.  It measures the columns of X and turns the statistics into a
record of :mod:`sk_effprop.core.normalization`, which does the arithmetic.
"""

from numbers import Real
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sk_effprop._input_statistics import (
    METHODS,
    ROTATIONS,
    ColumnStatistics,
    learn_columns,
    make_normalization,
    update_columns,
)
from sk_effprop._sklearn import (
    Interval,
    LinksToDocumentation,
    StrOptions,
    check_feature_names_in,
    check_sample_weight,
    fit_context,
)
from sk_effprop._version import SavesVersion

__all__ = [
    "ROTATIONS",
    "InputNormalizer",
    "without_duplicates",
]

Method: TypeAlias = Literal[
    "center", "scale", "standardize", "robust", "decorrelate", "whiten"
]


def without_duplicates(X: Any) -> Any:
    """Sparse X with duplicate entries summed; a copy if there are any."""
    if sparse.issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _check_weight(sample_weight: Any, X: Any) -> Any:
    return check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )


class InputNormalizer(
    TransformerMixin, LinksToDocumentation, SavesVersion, BaseEstimator
):
    """Normalise inputs as section 4.3 of the paper recommends.

    Parameters
    ----------
    method : {"center", "scale", "standardize", "robust", "decorrelate", "whiten"} or \
None, default="standardize"
        The transformation of the columns (Fig. 3 of the paper):

        - "center" subtracts the mean of every column, "scale" divides by its standard
          deviation, and "standardize" does both, as
          :class:`~sklearn.preprocessing.StandardScaler` does.
        - "robust" standardizes, but uses the median and the interquartile range for
          heavy-tailed columns.
        - "decorrelate" standardizes and then rotates to the principal axes
          (Karhunen-Loeve). "whiten" also gives them unit variance. Both set directions
          without variance to zero.
        - None leaves the columns as they are.
    clip : float or None, default=None
        Bound c of the result: values z become ``z / sqrt(1 + (z / c)^2)``, which lies
        in (-c, c). None does not bound them.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Mean of each column, or median if "robust" found it heavy-tailed. "scale" does
        not subtract it.
    var_ : ndarray of shape (n_features,)
        Population variance of each column.
    scale_ : ndarray of shape (n_features,)
        Divisor of each column; 1 for constant columns and for "center".
    components_ : ndarray of shape (n_features, n_features) or None
        Principal axes of the standardized columns as rows, largest variance first; for
        "whiten" divided by the standard deviation along them. None for other methods.
    normalization_ : Normalization
        The fitted transformation as a frozen record.
    n_samples_seen_ : float
        Number of rows seen, or the sum of their weights.
    n_features_in_ : int
        Number of columns seen during ``fit``.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if X had any.

    See Also
    --------
    EffPropClassifier, EffPropRegressor : Apply this transformation by ``normalize``.

    Notes
    -----
    Methods that centre turn constant columns into zeros (up to rounding).  Centring
    would make sparse data dense, so only "scale" and None accept it here; the
    estimators accept it with every method.

    References
    ----------
    LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998, section 4.3.
    Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_effprop import InputNormalizer
    >>> X = np.array([[0.0, 10.0], [2.0, 10.0]])
    >>> InputNormalizer().fit_transform(X)
    array([[-1.,  0.],
           [ 1.,  0.]])
    """

    _parameter_constraints = {  # noqa: RUF012 - scikit-learn declares it like this
        "method": [StrOptions(set(METHODS)), None],
        "clip": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self, method: Method | None = "standardize", *, clip: float | None = None
    ) -> None:
        self.method = method
        self.clip = clip

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Compute the statistics of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the rows.

        Returns
        -------
        InputNormalizer
            The fitted transformer.

        Raises
        ------
        ValueError
            If X is not finite, or is sparse and would have to be centred.
        """
        X = self._validate(X, reset=True)
        weight = _check_weight(sample_weight, X)
        return self._set_statistics(learn_columns(X, weight, self.method))

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Update the statistics with one batch of a stream.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the rows.

        Returns
        -------
        InputNormalizer
            The fitted transformer.

        Raises
        ------
        ValueError
            If X is not finite, or is sparse and would have to be centred, or if
            ``method`` has changed since the last call.
        """
        first = not hasattr(self, "n_samples_seen_")
        X = self._validate(X, reset=first)
        known = None if first else self._statistics
        weight = _check_weight(sample_weight, X)
        return self._set_statistics(update_columns(known, X, weight, self.method))

    def transform(self, X: Any) -> Any:
        """Normalise X, without changing it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.

        Returns
        -------
        {ndarray, sparse matrix} of shape (n_samples, n_features)
            The normalised data, in float32 if X is.

        Raises
        ------
        NotFittedError
            If called before ``fit``.
        ValueError
            If X is not finite, or is sparse and would have to be centred.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        if sparse.issparse(X):
            return self.normalization_.scale_stored(X)
        return self.normalization_.apply(X)

    def inverse_transform(self, X: Any) -> Any:
        """Invert :meth:`transform`, except for directions without variance.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The data.

        Returns
        -------
        {ndarray, sparse matrix} of shape (n_samples, n_features)
            Data in the original units.

        Raises
        ------
        NotFittedError
            If called before ``fit``.
        ValueError
            If X is not finite, or is sparse and would have to be centred.
        """
        check_is_fitted(self)
        Z = self._validate(X, reset=False)
        if sparse.issparse(Z):
            return self.normalization_.unscale_stored(Z)
        return self.normalization_.invert(Z)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Any:
        """Names of the output columns, which are new if the columns are rotated.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the input columns.

        Returns
        -------
        ndarray of str
            Names of the output columns.

        Raises
        ------
        NotFittedError
            If called before ``fit``.
        ValueError
            If ``input_features`` do not match the columns of ``fit``.
        """
        check_is_fitted(self)
        names = check_feature_names_in(self, input_features)
        if self.components_ is None:
            return names
        prefix = type(self).__name__.lower()
        return np.array([f"{prefix}{i}" for i in range(len(names))], dtype=object)

    # ------------------------------------------------------------------------- private

    def _validate(self, X: Any, *, reset: bool) -> Any:
        accepts_sparse = self.method in ("scale", None)
        if sparse.issparse(X) and not accepts_sparse:
            raise ValueError(
                f"InputNormalizer(method={self.method!r}) cannot centre sparse X, as "
                "the result would be dense. Use method='scale' or dense X. The "
                "estimators accept sparse X with every normalize=."
            )
        X = validate_data(
            self,
            X,
            reset=reset,
            accept_sparse=["csr", "csc"] if accepts_sparse else False,
            dtype=[np.float64, np.float32],
        )
        return without_duplicates(X)

    def _set_statistics(self, statistics: ColumnStatistics) -> Self:
        """Set the fitted attributes."""
        self._statistics = statistics
        self.normalization_, self.mean_ = make_normalization(statistics, self.clip)
        with np.errstate(over="ignore", under="ignore"):
            self.var_ = statistics.moments.variance * np.square(statistics.unit)
        self.n_samples_seen_ = statistics.moments.weight
        self.scale_ = self.normalization_.scale
        self.components_ = self.normalization_.components
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.method in ("scale", None)
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
