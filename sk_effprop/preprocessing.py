"""Normalised inputs (section 4.3): centred, of equal variance, uncorrelated.

:class:`InputNormalizer` is the step that the estimators apply through ``normalize=``.
It learns from one array or from a stream of them, whose moments are merged as Chan,
Golub and LeVeque do, so that neither a large mean nor many batches cost accuracy.
"""

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sk_effprop._moments import column_moments, column_quantiles, dense
from sk_effprop._sklearn import (
    Interval,
    StrOptions,
    check_feature_names_in,
    check_sample_weight,
    fit_context,
)
from sk_effprop.core.arrays import row_blocks
from sk_effprop.core.inputs import FoldedSparse, empty_with_ones

METHODS = ("center", "scale", "standardize", "robust", "decorrelate", "whiten")
ROTATIONS = ("decorrelate", "whiten")

# A column is heavy-tailed, and "robust" replaces its mean and deviation by the median
# and the quartiles, if its deviation is this many times what the quartiles suggest.
HEAVY_TAIL = 3.0
# interquartile range of a normal distribution, in standard deviations
NORMAL_IQR = 1.349
# directions with a smaller share of the largest variance are made of rounding errors
NULL_VARIANCE = 1e-10
# points that stand for the distribution of a column between calls of partial_fit
SUMMARY_POINTS = 1000


def without_duplicates(X: Any) -> Any:
    """Sparse X with one stored value per place; a copy if that needs a change."""
    if sparse.issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _check_weight(sample_weight: Any, X: Any) -> Any:
    return check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )


def _orthogonal_pinv(A: Any) -> Any:
    """Pseudo-inverse of a matrix whose columns are orthogonal, some of them 0."""
    squares = (A**2).sum(axis=0)
    return A.T / np.where(squares > 0.0, squares, 1.0)[:, None]


def smooth_clip(z: Any, c: float) -> Any:
    """Z / sqrt(1 + (z / c)^2): z near 0, c far out."""
    return z / np.sqrt(1.0 + (z / c) ** 2)


def smooth_unclip(z: Any, c: float) -> Any:
    """Undo :func:`smooth_clip`; what was rounded to c comes back large but finite."""
    squared = np.minimum((z / c) ** 2, 1.0 - np.finfo(z.dtype).eps)
    return z / np.sqrt(1.0 - squared)


class InputNormalizer(TransformerMixin, BaseEstimator):
    """Transform inputs the way section 4.3 of the paper asks for.

    Parameters
    ----------
    method : {"center", "scale", "standardize", "robust", "decorrelate", "whiten"} or \
None, default="standardize"
        The steps of the paper's Fig. 3, one after the other:

        - "center" subtracts the mean of every column, "scale" divides by its standard
          deviation, "standardize" does both, as
          :class:`~sklearn.preprocessing.StandardScaler` does;
        - "robust" standardizes, but takes the median and the interquartile range of
          heavy-tailed columns;
        - "decorrelate" standardizes, then turns to the principal axes
          (Karhunen-Loeve); "whiten" gives these unit variance too; both set directions
          without variance to zero;
        - None passes the columns on.
    clip : float or None, default=None
        If c, values z then become ``z / sqrt(1 + (z / c)^2)``, which lie in (-c, c).

    Attributes
    ----------
    mean_ : ndarray of shape (n_features_in_,)
        Location of each column: its mean, or its median where "robust" chose that.
        Not subtracted by "scale".
    var_ : ndarray of shape (n_features_in_,)
        Population variance of each column.
    scale_ : ndarray of shape (n_features_in_,)
        What each column is divided by; 1 for constant columns and for "center".
    components_ : ndarray of shape (n_features_in_, n_features_in_) or None
        Rows are the principal axes, in standardized columns, largest variance first;
        divided by the standard deviation along them for "whiten".
    n_samples_seen_ : float
        Rows seen, or the sum of their weights.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)

    See Also
    --------
    EffPropClassifier, EffPropRegressor : Apply it through ``normalize``.

    Notes
    -----
    Constant columns become zeros (up to rounding), whatever the method.  Sparse data
    cannot be centred without filling it, so only "scale" and None accept it here; the
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

    def __init__(self, method="standardize", *, clip=None):
        self.method = method
        self.clip = clip

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Learn the moments of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        InputNormalizer

        Raises
        ------
        ValueError
            For X that is not finite, or sparse where columns would be centred.
        """
        X = self._validate(X, reset=True)
        return self.forget().learn(X, _check_weight(sample_weight, X))

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Learn from one batch of a stream.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        InputNormalizer

        Raises
        ------
        ValueError
            For X that is not finite, or sparse where columns would be centred.
        """
        first = not hasattr(self, "n_samples_seen_")
        X = self._validate(X, reset=first)
        return self.learn(X, _check_weight(sample_weight, X))

    def transform(self, X):
        """Normalise X, which is left as it is.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        {ndarray, sparse matrix} of shape (n_samples, n_features)
            float32 stays float32.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            For X that is not finite, or sparse where columns would be centred.
        """
        check_is_fitted(self)
        X = self._validate(X, reset=False)
        if sparse.issparse(X):
            return self._map_stored(X, self._scale_stored)
        return self.apply(X)

    def inverse_transform(self, X):
        """Undo :meth:`transform`, but for directions without variance.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        {ndarray, sparse matrix} of shape (n_samples, n_features)

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            For X that is not finite, or sparse where columns would be centred.
        """
        check_is_fitted(self)
        Z = self._validate(X, reset=False)
        if sparse.issparse(Z):
            return self._map_stored(Z, self._unscale_stored)
        if self.clip is not None:
            Z = smooth_unclip(Z, self.clip)
        shift, B = self.inverse_affine(Z.dtype)
        return ((Z * B if B.ndim == 1 else Z @ B) + shift).astype(Z.dtype)

    def get_feature_names_out(self, input_features=None):
        """Names of the output columns: those of the input, unless they are rotated.

        Parameters
        ----------
        input_features : array-like of str, optional

        Returns
        -------
        ndarray of str

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If ``input_features`` are not the names of the columns.
        """
        check_is_fitted(self)
        names = check_feature_names_in(self, input_features)
        if self.components_ is None:
            return names
        prefix = type(self).__name__.lower()
        return np.array([f"{prefix}{i}" for i in range(len(names))], dtype=object)

    # ------------------------------------------------- used by the estimators as well

    def forget(self):
        """Drop what was learnt; return self."""
        self._moments = self._summary = None
        return self

    def learn(self, X, weight):
        """Merge the moments of validated X, sparse or not; return self."""
        moments = column_moments(X, weight, cross=self.method in ROTATIONS)
        known = getattr(self, "_moments", None)
        self._moments = moments if known is None else known.merge(moments)
        self._set_location_and_scale()
        if self.method == "robust":
            self._use_quartiles_of_heavy_tails(X, weight)
        self.components_ = self._principal_axes() if self.method in ROTATIONS else None
        return self

    def affine(self, dtype):
        """Shift and A of z = (x - shift) A, before the clip; a vector A is diagonal.

        The shift is float64 always: rounded, a large mean would move all z.
        """
        A = 1.0 / self.scale_
        if self.components_ is not None:
            A = A[:, None] * self.components_.T
        return self._shift(), A.astype(dtype)

    def inverse_affine(self, dtype):
        """Shift and B of x = shift + z B, for all x that vary as what was learnt does.

        A vector B is diagonal; directions without variance have rows of zeros.
        """
        B = self.scale_
        if self.components_ is not None:
            B = _orthogonal_pinv(self.components_.T) * B
        return self._shift(), B.astype(dtype)

    def apply(self, X):
        """Normalise validated dense X."""
        shift, A = self.affine(X.dtype)
        Z = np.empty((len(X), A.shape[-1]), dtype=X.dtype)
        self._write(X, shift, A, Z)
        return Z

    def apply_with_ones(self, X):
        """Likewise, with a last column of ones, and no other copy of X on the way."""
        shift, A = self.affine(X.dtype)
        inputs = empty_with_ones(len(X), A.shape[-1], X.dtype)
        self._write(X, shift, A, inputs[:, :-1])
        return inputs

    def _write(self, X, shift, A, out):
        for rows in row_blocks(*X.shape):
            Z = out[rows]
            if A.ndim == 1:
                np.subtract(X[rows], shift, out=Z)
                np.multiply(Z, A, out=Z)
            else:
                np.matmul((X[rows] - shift).astype(X.dtype, copy=False), A, out=Z)
            if self.clip is not None:
                Z[...] = smooth_clip(Z, self.clip)

    def fold(self, X):
        """Normalise validated CSR X without filling it, for the first layer.

        Raises
        ------
        ValueError
            If a clip follows a rotation, which mixes all columns.
        """
        shift, A = self.affine(X.dtype)
        shift = shift.astype(X.dtype)
        if self.clip is None:
            return FoldedSparse(X, shift, A)
        if A.ndim == 2:
            raise ValueError(
                f"input_clip={self.clip} cannot follow normalize={self.method!r} for "
                "sparse X, as every clipped value would depend on a whole row. Use "
                "input_clip=None, normalize='standardize', or dense X."
            )
        # clip(z) is stored as its difference from the clip of an absent value
        absent = smooth_clip(-shift * A, self.clip)
        stored = self._map_stored(
            X, lambda x, j: smooth_clip((x - shift[j]) * A[j], self.clip) - absent[j]
        )
        return FoldedSparse(stored, -absent, np.ones_like(shift))

    # ------------------------------------------------------------------------- private

    def _validate(self, X, *, reset):
        accepts_sparse = self.method in ("scale", None)
        if sparse.issparse(X) and not accepts_sparse:
            raise ValueError(
                f"InputNormalizer(method={self.method!r}) cannot centre sparse X "
                "without filling it. Use method='scale' or dense X; the estimators "
                "take sparse X with every method through normalize=."
            )
        X = validate_data(
            self,
            X,
            reset=reset,
            accept_sparse=["csr", "csc"] if accepts_sparse else False,
            dtype=[np.float64, np.float32],
        )
        return without_duplicates(X)

    def _shift(self):
        centred = self.method not in ("scale", None)
        return self.mean_ if centred else np.zeros_like(self.mean_)

    def _set_location_and_scale(self):
        total, self.mean_, deviations = self._moments
        if deviations.ndim == 2:
            deviations = np.diagonal(deviations)
        self.n_samples_seen_ = total
        self.var_ = deviations / total
        # Variance that rounding alone explains, as StandardScaler has it.
        eps = np.finfo(np.float64).eps
        noise = total * eps * self.var_ + (total * self.mean_ * eps) ** 2
        self._constant = self.var_ <= noise
        unscaled = self.method in ("center", None)
        scale = np.ones_like(self.var_) if unscaled else np.sqrt(self.var_)
        self.scale_ = np.where(self._constant, 1.0, scale)

    def _use_quartiles_of_heavy_tails(self, X, weight):
        known = getattr(self, "_summary", None)
        if known is not None:
            X = np.vstack([known[0], dense(X)])
            weight = np.concatenate([known[1], weight])
        points = (np.arange(SUMMARY_POINTS) + 0.5) / SUMMARY_POINTS
        quantiles = column_quantiles(X, weight, [0.25, 0.5, 0.75, *points])
        lower, median, upper = quantiles[:3]
        deviation = (upper - lower) / NORMAL_IQR
        heavy = (deviation > 0) & (self.scale_ > HEAVY_TAIL * deviation)
        heavy &= ~self._constant
        self.mean_ = np.where(heavy, median, self.mean_)
        self.scale_ = np.where(heavy, deviation, self.scale_)
        shares = np.full(SUMMARY_POINTS, weight.sum() / SUMMARY_POINTS)
        self._summary = (quantiles[3:], shares)

    def _principal_axes(self):
        total, _, deviations = self._moments
        correlation = deviations / total / np.outer(self.scale_, self.scale_)
        # rounding noise has no direction
        correlation[self._constant] = correlation[:, self._constant] = 0.0
        variance, axes = np.linalg.eigh(correlation)
        variance, axes = variance[::-1], axes.T[::-1]
        # the largest entry of every axis is positive, so that signs do not flip
        largest = axes[np.arange(len(axes)), np.argmax(np.abs(axes), axis=1)]
        axes = axes * np.where(largest < 0, -1.0, 1.0)[:, None]
        # linearly dependent columns leave directions of rounding errors
        null = variance <= max(NULL_VARIANCE * variance[0], 0.0)
        deviation = np.sqrt(np.where(null, 1.0, variance))
        length = 1.0 if self.method == "decorrelate" else 1.0 / deviation
        return np.where(null, 0.0, length)[:, None] * axes

    def _scale_stored(self, x, columns):
        z = x / self.scale_[columns].astype(x.dtype)
        return z if self.clip is None else smooth_clip(z, self.clip)

    def _unscale_stored(self, z, columns):
        if self.clip is not None:
            z = smooth_unclip(z, self.clip)
        return z * self.scale_[columns].astype(z.dtype)

    @staticmethod
    def _map_stored(X, function: Callable[[Any, Any], Any]):
        """Apply ``function(values, column numbers)`` to what a sparse X stores."""
        mapped = X.tocoo(copy=False)
        values = function(mapped.data, mapped.col)
        return sparse.coo_array((values, mapped.coords), shape=X.shape).asformat(
            X.format
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.method in ("scale", None)
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
