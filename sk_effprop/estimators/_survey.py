"""Statistics and samples of data in parts, collected in one pass before training.

A survey holds the statistics of inputs and targets, the classes, the weights, and a
random sample of the rows.  Surveys of parts are merged, so that the size of the data
does not matter::

    reader = Reader.of(estimator)
    survey = raw.reduce(partial(survey_of, reader), merged)
    survey.counts      # of all rows
    survey.examples    # the sample, from which the penalty and initial weights follow

Rows are sampled by random numbers that depend on the part and the row alone: the sample
does not depend on who reads which part.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from scipy import sparse

from sk_effprop._columns import Table
from sk_effprop._input_statistics import ColumnStatistics, part_columns
from sk_effprop.core.arrays import Array
from sk_effprop.estimators._data import Counts, Examples, effective_size
from sk_effprop.estimators._target_statistics import TargetStatistics
from sk_effprop.estimators._validation import split_off

# Rows of the sample: as many as any statistic that needs rows looks at.
SAMPLED_ROWS = 2000
# Rows of a part whose quartiles stand for those of all its rows.
SORTED_ROWS = 2**14


class RawPart(NamedTuple):
    """A part of the data as the user gave it.

    Attributes
    ----------
    number : int
    X, y : array-like
    weight : array-like or None
    """

    number: int
    X: Any
    y: Any
    weight: Any = None


class Split(NamedTuple):
    """Settings of the split of each part into training and validation data.

    Attributes
    ----------
    fraction : float
        Fraction to hold out.
    seed : int
    is_held_out : bool
        Whether the examples that are held out are wanted, or the others.
    """

    fraction: float
    seed: int
    is_held_out: bool = False


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads and validates parts as an estimator does.

    Attributes
    ----------
    estimator : EffPropClassifier or EffPropRegressor
        A copy with the same parameters, and the class weights that are known.
    split : Split or None
    """

    estimator: Any
    split: Split | None = None

    @classmethod
    def of(cls, estimator: Any, split: Split | None = None) -> Self:
        """Reader with the parameters of an estimator, and without its weights."""
        # a scorer stays here, as it may be a function that cannot travel
        parameters = estimator.get_params(deep=False) | {"scoring": "loss"}
        return cls(type(estimator)(**parameters), split)

    def validated(self, part: RawPart) -> tuple[Any, Any, Array]:
        """Inputs, targets and weights of a part, without class weights."""
        # without any weight there is nothing to validate
        given = part.weight if np.any(part.weight) else None
        try:
            X, y, weight = self.estimator._validated(part.X, part.y, given, reset=True)
        except ValueError as error:
            raise ValueError(f"Partition {part.number}: {error}") from error
        if isinstance(X, Table):
            raise ValueError(
                f"Partition {part.number}: X has categories, dates or missing values, "
                "which are only encoded if all rows are in one place. Encode the "
                "columns before, with dask_ml.preprocessing for instance."
            )
        if given is None:
            return X, y, weight if part.weight is None else 0.0 * weight
        largest = float(np.max(given))
        if largest != np.max(weight):
            raise ValueError(
                f"Partition {part.number}: the largest sample_weight is {largest:.3g}. "
                "Weights of partitions must lie between 1e-100 and 1e100; multiply "
                "all of them by the same number."
            )
        return X, y, weight

    def examples(self, part: RawPart) -> Examples:
        """Examples of a part with a positive weight; there may be none."""
        if len_of(part.X) == 0:
            return Examples(np.empty((0, 0)), np.empty(0), np.empty(0))
        X, y, weight = self.validated(part)
        weight = self.estimator._weigh_classes(y, weight, rebalance=False)
        examples = Examples(X, y, weight, full_y=y)
        if not (weight > 0.0).all():
            examples = examples[weight > 0.0]
        return examples if self.split is None else self._side(examples, part.number)

    def _side(self, examples: Examples, number: int) -> Examples:
        assert self.split is not None
        fraction, seed, is_held_out = self.split
        rng = np.random.default_rng([seed, number])
        by_class = self.estimator._is_classifier
        try:
            sides = split_off(examples, fraction, rng, by_class=by_class)
        except ValueError as error:
            raise ValueError(f"Partition {number}: {error}") from error
        return sides[is_held_out]


def len_of(X: Any) -> int:
    """Number of rows of an array, a data frame or a list."""
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


class Sample(NamedTuple):
    """Rows with the smallest of random keys, a simple random sample.

    Attributes
    ----------
    keys : ndarray of shape (n_rows,)
    examples : Examples
    """

    keys: Array
    examples: Examples

    def merge(self, other: "Sample") -> "Sample":
        """Return the sample of the rows of both."""
        one, two = self.examples, other.examples
        is_sparse = sparse.issparse(one.X)
        rows = [one.X, two.X]
        X = sparse.vstack(rows, format="csr") if is_sparse else np.concatenate(rows)
        y, weight = (
            np.concatenate(pair) for pair in [(one.y, two.y), (one.weight, two.weight)]
        )
        keys = np.concatenate([self.keys, other.keys])
        return Sample(keys, Examples(X, y, weight)).smallest()

    def smallest(self) -> "Sample":
        """The rows with the smallest keys, in their order."""
        rows = _first(self.keys, SAMPLED_ROWS)
        return Sample(self.keys[rows], self.examples[rows])


def _first(keys: Array, n: int) -> Array:
    """Rows of the n smallest keys, in their order."""
    if len(keys) <= n:
        return np.arange(len(keys))
    return np.sort(np.argpartition(keys, n)[:n])


class Weights(NamedTuple):
    """Sums of weights, and their range."""

    n_rows: int
    total: float
    squares: float
    low: float
    high: float

    @classmethod
    def of(cls, weight: Array) -> "Weights":
        """Compute the sums for the positive weights of some rows."""
        total, squares = float(np.sum(weight)), float(np.sum(weight**2))
        return cls(
            len(weight), total, squares, float(weight.min()), float(weight.max())
        )

    def merge(self, other: "Weights") -> "Weights":
        """Return the sums of the rows of both."""
        return Weights(
            self.n_rows + other.n_rows,
            self.total + other.total,
            self.squares + other.squares,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    @property
    def mean_of_unequal(self) -> float | None:
        """Mean weight; None if all weights are equal."""
        return None if self.low == self.high else self.total / self.n_rows


@dataclass(frozen=True, eq=False)
class Survey:
    """Statistics and a sample of all parts.

    Attributes
    ----------
    weights : Weights or None
        None if no row has a positive weight.
    columns : ColumnStatistics or None
    targets : TargetStatistics or None
        None for classes.
    classes : ndarray or None
        Classes of all rows, whatever their weights; None if y has several columns or
        real values.
    features : dict
        Fitted attributes of an estimator, about the columns of X.
    dtype : dtype or None
    sample : Sample or None
    """

    weights: Weights | None = None
    columns: ColumnStatistics | None = None
    targets: TargetStatistics | None = None
    classes: Array | None = None
    features: Any = None
    dtype: Any = None
    sample: Sample | None = None

    @property
    def counts(self) -> Counts:
        """Counts of rows, different rows and effective examples."""
        assert self.weights is not None
        n_rows, total, squares, *_ = self.weights
        n_effective = round(effective_size(n_rows, total, squares), 6)
        return Counts(n_rows, n_rows, n_effective)

    @property
    def examples(self) -> Examples:
        """The sample, with the counts and the classes of all rows."""
        assert self.sample is not None
        some = self.sample.examples
        full_y = some.y if self.classes is None else self.classes
        return replace(some, full_y=full_y, known_counts=self.counts)

    @property
    def is_sparse(self) -> bool:
        """True if X is sparse."""
        return sparse.issparse(self.examples.X)


NOTHING = Survey()


def survey_of(reader: Reader, part: RawPart, seed: int) -> Survey:
    """Survey of one part."""
    # reading sets attributes, and threads may share the reader
    reader = replace(reader, estimator=copy(reader.estimator))
    examples = reader.examples(part)
    y, estimator = examples.all_y, reader.estimator
    if len(y) == 0:
        return NOTHING
    is_labels = estimator._is_classifier and y.ndim == 1
    features = {
        name: vars(estimator)[name]
        for name in ("n_features_in_", "feature_names_in_")
        if name in vars(estimator)
    }
    survey = Survey(classes=np.unique(y) if is_labels else None, features=features)
    if len(examples) == 0:
        return survey
    X, y, weight = examples.X, examples.y, examples.weight
    keys = np.random.default_rng([seed, part.number]).random(len(examples))
    is_numeric = not estimator._is_classifier
    return replace(
        survey,
        weights=Weights.of(weight),
        columns=part_columns(X, weight, estimator.normalize, _first(keys, SORTED_ROWS)),
        targets=TargetStatistics.of(y, weight) if is_numeric else None,
        dtype=X.dtype,
        sample=Sample(keys, Examples(X, y, weight)).smallest(),
    )


def merged(one: Survey, other: Survey) -> Survey:
    """Merge two surveys.

    Raises
    ------
    ValueError
        If the parts have other columns.
    """
    if one.features is None or other.features is None:
        return one if other.features is None else other
    _check_features(one.features, other.features)
    classes = one.classes
    if classes is not None and other.classes is not None:
        classes = np.union1d(classes, other.classes)
    if one.sample is None or other.sample is None:
        known = one if other.sample is None else other
        return replace(known, classes=classes)
    return _merged_samples(one, other, classes)


def _merged_samples(one: Any, other: Any, classes: Array | None) -> Survey:
    """Survey of two parts that both have rows of positive weight."""
    has_targets = one.targets is not None
    return Survey(
        weights=one.weights.merge(other.weights),
        columns=one.columns.merge(other.columns),
        targets=one.targets.merge(other.targets) if has_targets else None,
        classes=classes,
        features=one.features,
        dtype=np.result_type(one.dtype, other.dtype),
        sample=one.sample.merge(other.sample),
    )


def _check_features(one: dict[str, Any], other: dict[str, Any]) -> None:
    names = [features.get("feature_names_in_", ()) for features in (one, other)]
    numbers = [features["n_features_in_"] for features in (one, other)]
    if numbers[0] != numbers[1] or not np.array_equal(*names):
        raise ValueError(
            f"All partitions of X must have the same columns, got {numbers[0]} and "
            f"{numbers[1]} columns, with the names {list(names[0])} and "
            f"{list(names[1])}. Select the same columns everywhere."
        )


# ----------------------------------------------------------------------- class weights


def class_totals(reader: Reader, part: RawPart) -> dict[Any, float]:
    """Total weight of each class of a part."""
    if len_of(part.X) == 0:
        return {}
    _, y, weight = reader.validated(part)
    if y.ndim == 2:
        raise ValueError(
            "class_weight='balanced' needs all labels of multilabel data in one place, "
            "but they lie in partitions. Use class_weight=None and sample_weight."
        )
    classes, codes = np.unique(y, return_inverse=True)
    totals = np.bincount(codes, weights=weight)
    return dict(zip(classes.tolist(), totals.tolist(), strict=True))


def added_totals(one: dict[Any, float], other: dict[Any, float]) -> dict[Any, float]:
    """Add two dicts of class totals."""
    keys: Sequence[Any] = list(dict.fromkeys([*one, *other]))
    return {key: one.get(key, 0.0) + other.get(key, 0.0) for key in keys}
