"""Normalised inputs (section 4.3): centred, of equal variance, uncorrelated.

:class:`InputNormalizer` is the step that the estimators apply through ``normalize=``.
It learns from one array or from a stream of them, whose moments are merged as Chan,
Golub and LeVeque do, so that neither a large mean nor many batches cost accuracy.
"""

from copy import copy
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sk_effprop._input_statistics import (
    METHODS,
    ROTATIONS,
    learn_columns,
    make_normalization,
)
from sk_effprop._sklearn import (
    Interval,
    StrOptions,
    check_feature_names_in,
    check_sample_weight,
    fit_context,
)


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
    normalization_ : Normalization
        The fitted map as a frozen record, which estimators and exports apply.
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
        return self._learn(X, _check_weight(sample_weight, X))

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
        known = None if first else self._statistics
        return self._learn(X, _check_weight(sample_weight, X), known)

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
            return self.normalization_.scale_stored(X)
        return self.normalization_.apply(X)

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
            return self.normalization_.unscale_stored(Z)
        return self.normalization_.invert(Z)

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

    def _learn(self, X, weight, known=None):
        """Set the fitted attributes from validated X and what is known before."""
        self._statistics = learn_columns(X, weight, self.method, known)
        self.normalization_, self.mean_ = make_normalization(
            self._statistics, self.method, self.clip
        )
        self.var_ = self._statistics.moments.variance
        self.n_samples_seen_ = self._statistics.moments.weight
        self.scale_ = self.normalization_.scale
        self.components_ = self.normalization_.components
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.method in ("scale", None)
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def fit_normalizer(normalizer: InputNormalizer, X: Any, weight: Any) -> InputNormalizer:
    """Fit a normaliser on X that an estimator has validated; return it.

    X may be sparse whatever the method, as estimators fold the map into their first
    layer.

    Raises
    ------
    ValueError
        For sparse X, if a clip follows a rotation.
    """
    is_clipped_rotation = normalizer.clip is not None and normalizer.method in ROTATIONS
    if sparse.issparse(X) and is_clipped_rotation:
        raise ValueError(
            f"input_clip={normalizer.clip} cannot follow normalize="
            f"{normalizer.method!r} for sparse X, as every clipped value would depend "
            "on a whole row. Use input_clip=None, normalize='standardize', or dense X."
        )
    return normalizer._learn(X, weight)


def updated(normalizer: InputNormalizer, X: Any, weight: Any) -> InputNormalizer:
    """Copy of a fitted normaliser that has seen one more batch of validated X."""
    return copy(normalizer)._learn(X, weight, normalizer._statistics)
