"""Encoding of tables: categories, dates and missing values become network inputs.

:class:`TableEncoder` is the transformation that the estimators apply to a table before
they normalise it.
"""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import assert_all_finite, check_is_fitted, validate_data

from sk_effprop._columns import (
    CATEGORY,
    FROM_DTYPE,
    Labels,
    Table,
    needs_columns,
    read_table,
)
from sk_effprop._frames import columns_of
from sk_effprop._levels import UNKNOWN, Levels, as_counts, learn_levels
from sk_effprop._missing import (
    column_medians,
    filled,
    missing_columns,
    missing_mask,
)
from sk_effprop._sklearn import (
    Interval,
    StrOptions,
    check_feature_names_in,
    check_sample_weight,
    fit_context,
)
from sk_effprop._text import warn_of_text
from sk_effprop._version import SavesVersion
from sk_effprop.core.arrays import Array, dense

DTYPES = [np.float64, np.float32]
# Levels of fewer rows are joined.
MIN_FREQUENCY = 3
# Results of more numbers are sparse.
MAX_DENSE_NUMBERS = 5 * 10**7
CHOICE = ["array-like", StrOptions({FROM_DTYPE}), None]


class TableEncoder(TransformerMixin, SavesVersion, BaseEstimator):
    """Turn a table with categories, dates and missing values into numbers.

    The estimators apply it to their tables themselves; their ``table_encoder_`` is a
    fitted one.

    - A category gets one input for each of its levels, by scikit-learn's
      :class:`~sklearn.preprocessing.OneHotEncoder`. Rare levels, and those beyond the
      1000 most frequent ones, share an input, which levels that the training data did
      not have use as well; without rare levels, an unknown level switches on no input.
      Missing values are a level.
    - A date is its number of days since 1970, a duration its number of days, and a
      boolean 0 or 1.
    - A missing number becomes the median of its column. Columns with missing values in
      the training data get a second input that is 1 where a value is missing.

    Parameters
    ----------
    categorical_features : None, "from_dtype" or array-like, default="from_dtype"
        Columns that are categories: their names, their indices, or a boolean mask.
        "from_dtype" takes the columns of a data frame that hold text or a categorical
        type, and no column of an array. None takes no column.
    min_frequency : int, default=3
        Number of rows that a level needs for an input of its own. Rows count by their
        weight.

    Attributes
    ----------
    kinds_ : tuple of str
        Kind of each column: "number", "date", "duration" or "category".
    medians_ : ndarray of shape (n_features,)
        Replacements of missing values, in days for dates; NaN for categories.
    has_indicator_ : ndarray of bool of shape (n_features,)
        Whether an input tells where values are missing.
    levels_ : dict of int to Levels
        Levels of each category by the index of its column. ``levels_[j].encoder`` is
        the fitted OneHotEncoder of column j.
    source_ : ndarray of int of shape (n_features_out,)
        Index of the column from which each input is made.
    n_features_in_ : int
        Number of columns of the table.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if the table is a data frame.

    See Also
    --------
    EffPropClassifier, EffPropRegressor : Apply this transformation to their tables.

    Notes
    -----
    The inputs are ordered: numbers, dates and durations as in the table, indicators of
    missing values, categories. The result is float32 if all columns of numbers are, and
    sparse if it has more than 50 million numbers or the table is sparse.

    Data frames other than those of pandas are read with narwhals, which comes with
    scikit-learn since version 1.9, and before with the extra ``tables``; so are
    categories of pandas.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_effprop import TableEncoder
    >>> table = np.array([["red", 1.0], ["blue", np.nan], ["red", 4.0]], dtype=object)
    >>> encoder = TableEncoder(categorical_features=[0], min_frequency=1)
    >>> encoder.fit_transform(table)
    array([[1. , 0. , 0. , 1. ],
           [2.5, 1. , 1. , 0. ],
           [4. , 0. , 0. , 1. ]])
    >>> encoder.get_feature_names_out().tolist()
    ['x1', 'missingindicator_x1', 'x0_blue', 'x0_red']
    """

    _parameter_constraints = {  # noqa: RUF012 - scikit-learn declares it like this
        "categorical_features": CHOICE,
        "min_frequency": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        categorical_features: Any = FROM_DTYPE,
        *,
        min_frequency: int = MIN_FREQUENCY,
    ) -> None:
        self.categorical_features = categorical_features
        self.min_frequency = min_frequency

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Find medians and levels.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            The table.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the rows. Rows of weight 0 are ignored.

        Returns
        -------
        TableEncoder
            The fitted transformer.

        Raises
        ------
        ValueError
            If a column holds neither numbers, dates, text nor categories, if X contains
            infinity, or if ``categorical_features`` does not match the columns.

        Warns
        -----
        UserWarning
            If columns of text look like numbers or dates.
        """
        table = self._read(X, reset=True)
        weight = check_sample_weight(
            sample_weight, table.numbers, dtype=np.float64, ensure_non_negative=True
        )
        is_used = weight > 0
        return self.learn(table[is_used], weight[is_used])

    def transform(self, X: Any) -> Any:
        """Turn a table into numbers.

        Parameters
        ----------
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        {ndarray, sparse array} of shape (n_samples, n_features_out)
            The inputs.

        Raises
        ------
        NotFittedError
            If called before ``fit``.
        ValueError
            If the columns are not those of ``fit``, or are of other kinds.
        """
        return self.encode(self.read(X))

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Any:
        """Names of the inputs.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns.

        Returns
        -------
        ndarray of str
            Names of the inputs.

        Raises
        ------
        NotFittedError
            If called before ``fit``.
        ValueError
            If ``input_features`` do not match the columns of ``fit``.
        """
        check_is_fitted(self)
        names = check_feature_names_in(self, input_features)
        found = [names[j] for j in self._number_columns]
        found += [f"missingindicator_{names[j]}" for j in self._indicator_columns]
        for j, levels in self.levels_.items():
            found += levels.names(names[j])
        return np.array(found, dtype=object)

    # --------------------------------------------------- for the estimators and exports

    def read(self, X: Any) -> Table:
        """Read a table with the columns of the fitted one."""
        check_is_fitted(self)
        return self._read(X, reset=False)

    def learn(self, table: Table, weight: Array, *, is_stream: bool = False) -> Self:
        """Set the fitted attributes from a table whose rows have positive weights.

        The levels that the categories of a stream declare all get an input, as they may
        come later.
        """
        missing = missing_columns(table.numbers)
        medians = column_medians(table.numbers, weight, missing)
        counted = as_counts(weight)
        labels = [(column, counted) for column in table.labels]
        return self.learn_columns(
            table.kinds, medians, missing, labels, is_stream=is_stream
        )

    def learn_columns(
        self,
        kinds: tuple[str, ...],
        medians: Array,
        missing: Array,
        labels: Sequence[tuple[Labels, Array]],
        *,
        is_stream: bool = False,
    ) -> Self:
        """Set the fitted attributes from what is known of each column.

        Parameters
        ----------
        kinds : tuple of str
        medians : ndarray of shape (n_numbers,)
        missing : ndarray of bool of shape (n_numbers,)
            Whether some values of the column are missing.
        labels : sequence of (Labels, ndarray)
            For each category, labels and how many rows each of them stands for.
        is_stream : bool
        """
        self.kinds_ = kinds
        is_number = np.array([kind != CATEGORY for kind in kinds])
        self.medians_ = np.full(len(is_number), np.nan)
        self.has_indicator_ = np.zeros(len(is_number), dtype=bool)
        self.medians_[is_number] = medians
        self.has_indicator_[is_number] = missing
        smallest = 1 if is_stream else self.min_frequency
        self.levels_ = {
            int(j): learn_levels(column, counted, smallest, keeps_declared=is_stream)
            for j, (column, counted) in zip(
                np.flatnonzero(~is_number), labels, strict=True
            )
        }
        widths = [levels.n_inputs for levels in self.levels_.values()]
        of_categories = np.repeat(np.array([*self.levels_], dtype=np.intp), widths)
        self.source_ = np.concatenate(
            [self._number_columns, self._indicator_columns, of_categories]
        )
        names = check_feature_names_in(self)[~is_number]
        warn_of_text(names, labels, self.levels_.values())
        return self

    def encode(self, table: Table, n_samples: int | None = None) -> Any:
        """Encode a table that has been read; return the array of inputs.

        ``n_samples`` is the number of rows that decides whether the result is sparse,
        by default that of the table.
        """
        numbers = table.numbers
        n_numbers = (n_samples or len(table)) * len(self.source_)
        stays_dense = not sparse.issparse(numbers) and n_numbers <= MAX_DENSE_NUMBERS
        is_missing = missing_mask(numbers)
        indicated = self.has_indicator_[self._number_columns]
        parts = [
            filled(numbers, is_missing, self.medians_[self._number_columns]),
            is_missing[:, indicated].astype(numbers.dtype),
            self._one_hot(table, numbers.dtype),
        ]
        if stays_dense:
            return np.hstack([dense(part) for part in parts])
        return sparse.hstack([sparse.csr_array(part) for part in parts], format="csr")

    def unknown_rows(self, table: Table) -> dict[str, int]:
        """Number of rows whose level has no input, by the name of the category."""
        names = check_feature_names_in(self)
        return {
            str(names[j]): int(np.sum(levels.inputs_of(labels) == UNKNOWN))
            for (j, levels), labels in zip(
                self.levels_.items(), table.labels, strict=True
            )
        }

    @property
    def _number_columns(self) -> Array:
        return np.flatnonzero([kind != CATEGORY for kind in self.kinds_])

    @property
    def _indicator_columns(self) -> Array:
        return np.flatnonzero(self.has_indicator_)

    def _one_hot(self, table: Table, dtype: Any) -> Any:
        """Sparse array with a 1 for each category that has an input."""
        levels = list(self.levels_.values())
        starts = np.cumsum([0, *(one.n_inputs for one in levels)])
        shape = len(table), int(starts[-1])
        names = check_feature_names_in(self)
        columns = np.full((len(table), len(levels)), UNKNOWN)
        for position, (j, one) in enumerate(self.levels_.items()):
            labels = table.labels[position]
            _check_type(labels, one, names[j])
            inputs = one.inputs_of(labels)
            columns[:, position] = np.where(
                inputs == UNKNOWN, UNKNOWN, inputs + starts[position]
            )
        is_on = columns != UNKNOWN
        ends = np.concatenate([[0], np.cumsum(is_on.sum(axis=1))])
        ones = np.ones(ends[-1], dtype=dtype)
        return sparse.csr_array((ones, columns[is_on], ends), shape=shape)

    # ------------------------------------------------------------------------- private

    def _read(self, X: Any, *, reset: bool) -> Table:
        kinds = None if reset else self.kinds_
        table = read_columns(self, X, kinds, reset=reset)
        if table is not None:
            if len(table) == 0:
                raise ValueError("X has no rows. Give a table with at least one row.")
            assert_all_finite(table.numbers, allow_nan=True, input_name="X")
            return table
        X = validate_data(
            self,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=DTYPES,
            ensure_all_finite="allow-nan",
        )
        return Table.of_numbers(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def read_columns(
    owner: Any, X: Any, kinds: tuple[str, ...] | None, *, reset: bool
) -> Table | None:
    """Read X by its columns, or return None if it is an ordinary array of numbers.

    ``owner`` has the parameter ``categorical_features``.  Names and number of the
    columns are set or checked as scikit-learn's ``validate_data`` does.
    """
    choice = owner.categorical_features
    columns = columns_of(X, has_choice=needs_columns(choice, kinds))
    if columns is None:
        return None
    validate_data(owner, X, reset=reset, skip_check_array=True)
    names: Sequence[Any] | None = getattr(owner, "feature_names_in_", None)
    return read_table(columns, choice, kinds, names)


def _check_type(labels: Labels, levels: Levels, name: Any) -> None:
    """Raise a ValueError if text would be compared with numbers, or vice versa."""
    is_comparable = labels.is_text == levels.is_text
    if is_comparable or not (len(labels.values) and len(levels.values)):
        return
    then, now = ("text", "numbers") if levels.is_text else ("numbers", "text")
    raise ValueError(
        f"The categories of column {name!r} are {now}, but were {then} when the model "
        "was fitted, so that none of them is known. Convert them, or fit again."
    )
