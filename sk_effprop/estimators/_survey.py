"""Statistics and samples of data in parts, collected in one pass before training.

A survey holds the statistics of inputs and targets, the classes, the weights, and a
random sample of the rows.  Surveys of parts are merged, so that the size of the data
does not matter::

    reader = Reader.of(estimator, "Batch")
    survey = raw.reduce(partial(survey_of, reader), merged)
    survey.counts      # of all rows
    survey.examples    # the sample, from which the penalty and initial weights follow

Rows are sampled by random numbers that depend on the part and the row alone: the sample
does not depend on who reads which part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sk_effprop._columns import Table
from sk_effprop._input_statistics import ColumnStatistics, part_columns
from sk_effprop._table_parts import (
    ColumnKind,
    TableStatistics,
    column_kinds,
    merged_kinds,
)
from sk_effprop.core.arrays import Array
from sk_effprop.estimators._data import Counts, Examples, effective_size
from sk_effprop.estimators._part_order import FEWEST_ROWS, SORTED_BELOW, disorder
from sk_effprop.estimators._part_reader import RawPart, Reader, len_of
from sk_effprop.estimators._target_statistics import TargetStatistics

# Rows of the sample: as many as any statistic that needs rows looks at.
SAMPLED_ROWS = 2000
# Rows of a part whose quartiles stand for those of all its rows.
SORTED_ROWS = 2**14


class Sample(NamedTuple):
    """Rows with the smallest of random keys, a simple random sample.

    Attributes
    ----------
    keys : ndarray of shape (n_rows,)
    parts : ndarray of int of shape (n_rows,)
        Number of the part that each row is from.
    examples : Examples
    """

    keys: Array
    parts: Array
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
        parts = np.concatenate([self.parts, other.parts])
        return Sample(keys, parts, Examples(X, y, weight)).smallest()

    def smallest(self) -> "Sample":
        """The rows with the smallest keys, in their order."""
        rows = _first(self.keys, SAMPLED_ROWS)
        return Sample(self.keys[rows], self.parts[rows], self.examples[rows])


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
    kinds : tuple of ColumnKind
        Kinds of the columns of X, if there is no encoder.
    needs_encoder : bool
        Whether X is a table that nobody can encode yet; then nothing but ``features``
        and ``kinds`` is known.
    """

    weights: Weights | None = None
    columns: ColumnStatistics | None = None
    targets: TargetStatistics | None = None
    classes: Array | None = None
    features: Any = None
    dtype: Any = None
    sample: Sample | None = None
    kinds: tuple[ColumnKind, ...] = ()
    needs_encoder: bool = False

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
    def is_sorted(self) -> bool:
        """True if targets are alike within the parts, and differ between them."""
        assert self.sample is not None
        keys, parts, examples = self.sample
        if len(keys) < FEWEST_ROWS or parts[0] == parts[-1]:
            return False
        are_classes = self.targets is None
        found = disorder(examples.y, parts, keys, are_classes=are_classes)
        return found < SORTED_BELOW

    @property
    def is_sparse(self) -> bool:
        """True if X is sparse."""
        return sparse.issparse(self.examples.X)


NOTHING = Survey()


def survey_of(reader: Reader, part: RawPart, seed: int) -> Survey:
    """Survey of one part."""
    reader = reader.of_one_thread()
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
    survey = Survey(
        classes=np.unique(y) if is_labels else None,
        features=features,
        kinds=column_kinds(examples.X) if reader.encoder is None else (),
        needs_encoder=isinstance(examples.X, Table),
    )
    if len(examples) == 0 or survey.needs_encoder:
        return survey
    X, y, weight = examples.X, examples.y, examples.weight
    keys = _keys(part, seed, len(examples))
    is_numeric = not estimator._is_classifier
    return replace(
        survey,
        weights=Weights.of(weight),
        columns=part_columns(X, weight, estimator.normalize, _first(keys, SORTED_ROWS)),
        targets=TargetStatistics.of(y, weight) if is_numeric else None,
        dtype=X.dtype,
        sample=Sample(
            keys, np.full(len(keys), part.number), Examples(X, y, weight)
        ).smallest(),
    )


def _keys(part: RawPart, seed: int, n_samples: int) -> Array:
    """Random numbers of the rows of a part."""
    return np.random.default_rng([seed, part.number]).random(n_samples)


def table_statistics(reader: Reader, part: RawPart, seed: int) -> Any:
    """Statistics of a part for its encoder; None without rows of positive weight.

    The encoder of the reader knows the kinds of the columns.
    """
    examples = reader.of_one_thread().examples(part)
    if len(examples) == 0:
        return None
    keys = _keys(part, seed, len(examples))
    return TableStatistics.of(examples.X, examples.weight, keys)


def merged_statistics(one: Any, other: Any) -> Any:
    """Merge two statistics of tables, either of which may be None."""
    if one is None or other is None:
        return other if one is None else one
    return one.merge(other)


def merged(one: Survey, other: Survey) -> Survey:
    """Merge two surveys.

    Raises
    ------
    ValueError
        If the parts have other columns, or columns of other kinds.
    """
    if one.features is None or other.features is None:
        return one if other.features is None else other
    _check_features(one.features, other.features)
    kinds: tuple[ColumnKind, ...] = ()
    if one.kinds:
        names = one.features.get("feature_names_in_", range(len(one.kinds)))
        kinds = merged_kinds(one.kinds, other.kinds, names)
    if one.needs_encoder or other.needs_encoder:
        return Survey(features=one.features, kinds=kinds, needs_encoder=True)
    classes = one.classes
    if classes is not None and other.classes is not None:
        classes = np.union1d(classes, other.classes)
    if one.sample is None or other.sample is None:
        known = one if other.sample is None else other
        return replace(known, classes=classes, kinds=kinds)
    return replace(_merged_samples(one, other), classes=classes, kinds=kinds)


def _merged_samples(one: Any, other: Any) -> Survey:
    """Survey of two parts that both have rows of positive weight."""
    has_targets = one.targets is not None
    return Survey(
        weights=one.weights.merge(other.weights),
        columns=one.columns.merge(other.columns),
        targets=one.targets.merge(other.targets) if has_targets else None,
        features=one.features,
        dtype=np.result_type(one.dtype, other.dtype),
        sample=one.sample.merge(other.sample),
    )


def _check_features(one: dict[str, Any], other: dict[str, Any]) -> None:
    names = [features.get("feature_names_in_", ()) for features in (one, other)]
    numbers = [features["n_features_in_"] for features in (one, other)]
    if numbers[0] != numbers[1] or not np.array_equal(*names):
        raise ValueError(
            f"All parts of X must have the same columns, got {numbers[0]} and "
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
            "but they lie in parts. Use class_weight=None and sample_weight."
        )
    classes, codes = np.unique(y, return_inverse=True)
    totals = np.bincount(codes, weights=weight)
    return dict(zip(classes.tolist(), totals.tolist(), strict=True))


def added_totals(one: dict[Any, float], other: dict[Any, float]) -> dict[Any, float]:
    """Add two dicts of class totals."""
    keys: Sequence[Any] = list(dict.fromkeys([*one, *other]))
    return {key: one.get(key, 0.0) + other.get(key, 0.0) for key in keys}
