"""Fit an estimator on batches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from sk_effprop.core.parts import LoadedParts
from sk_effprop.estimators._auto import AUTO_STOCHASTIC
from sk_effprop.estimators._base import BaseEffProp
from sk_effprop.estimators._checks import check_validation_data
from sk_effprop.estimators._part_reader import RawPart, len_of
from sk_effprop.estimators._parts import Source, check_estimator, fit_parts
from sk_effprop.out_of_core._batches import can_be_mixed, mixed

Estimator = TypeVar("Estimator", bound=BaseEffProp)


def fit_batches(
    estimator: Estimator,
    batches: Iterable[tuple[Any, ...]],
    *,
    X_val: Any = None,
    y_val: Any = None,
    sample_weight_val: Any = None,
) -> Estimator:
    """Fit an estimator on batches of rows, of which one is in memory at a time.

    It is one ``fit`` on all batches, not a stream of calls of ``partial_fit``: a first
    pass finds the classes and the statistics of inputs and targets.  A random sample of
    2,000 rows gives the penalty and the initial weights.  Every epoch or iteration is
    then a pass over all batches.

    Stochastic solvers go through the batches of ``batches.shuffled(rng)`` if there is
    such a method, and otherwise through batches of rows from everywhere if ``batches``
    is a list, in random order if it is another sequence, or else in the given order,
    with a warning if the batches are sorted by their targets.  The rows of a batch are
    shuffled in any case.

    Parameters
    ----------
    estimator : EffPropClassifier or EffPropRegressor
        It is fitted in place.
    batches : iterable of tuples (X, y) or (X, y, sample_weight)
        It is iterated many times and must yield the same batches each time, so that a
        generator will not do.  :class:`ArrayBatches` reads arrays on a disk, and
        :class:`ParquetBatches` reads Parquet files.
    X_val, y_val, sample_weight_val : array-like, optional
        Validation data in memory, as in ``fit``.

    Returns
    -------
    EffPropClassifier or EffPropRegressor
        The estimator.

    Raises
    ------
    TypeError
        If ``batches`` can be iterated only once, if a batch is no tuple, or if the
        estimator is not one of this package.
    ValueError
        If a hyperparameter or a batch is invalid, if a later pass has other rows, or if
        ``early_stopping=True`` is given without X_val and y_val.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.out_of_core import ArrayBatches, fit_batches
    >>> X = np.random.default_rng(0).normal(size=(2000, 2))
    >>> batches = ArrayBatches(X, X[:, 0] > X[:, 1], batch_rows=500, block_rows=10)
    >>> est = EffPropClassifier((5,), random_state=0)
    >>> fit_batches(est, batches).predict([[0.0, 1.0], [1.0, 0.0]])
    array([False,  True])
    """
    if isinstance(batches, Iterator):
        raise TypeError(
            "batches must be an object that can be iterated again and again, but got "
            f"the iterator {type(batches).__name__}. Use a list, ArrayBatches, or an "
            "object whose __iter__ opens the data."
        )
    check_estimator(estimator, "fit_batches")
    check_validation_data(estimator, X_val, y_val, sample_weight_val)
    if estimator.early_stopping not in ("auto", False) and X_val is None:
        raise ValueError(
            "early_stopping=True needs X_val and y_val if the data come in batches. "
            "Give them to fit_batches, or use early_stopping='auto'."
        )
    validation = X_val, y_val, sample_weight_val
    sources = _Sources(batches)
    source = Source(
        LoadedParts(sources),
        *(batches, None, None, validation),
        automatic_solver=AUTO_STOCHASTIC,
        is_sequential=True,
        part_name="Batch",
        is_mixed=sources.is_mixed,
    )
    fitted: Estimator = fit_parts(estimator, source)
    return fitted


@dataclass(frozen=True, eq=False)
class _Sources:
    """Batches as numbered parts.

    Attributes
    ----------
    batches : iterable of tuples
    passes : list of int
        Number of rows of the first pass.
    """

    batches: Any
    passes: list[int] = field(default_factory=list)

    def __iter__(self) -> Iterator[RawPart]:
        number, n_rows = 0, 0
        for batch in self.batches:
            part = _raw_part(number, batch)
            del batch
            n_rows += len_of(part.y)
            yield part
            # before the next one is read, for which enumerate would keep it
            del part
            number += 1  # noqa: SIM113
        self._check_passes(n_rows)

    def _check_passes(self, n_rows: int) -> None:
        """Raise an error if a pass has other rows than the first one."""
        if n_rows == 0:
            raise ValueError(
                "batches has no rows. Give at least one batch (X, y), and an object "
                "that can be iterated again and again."
            )
        if not self.passes:
            self.passes.append(n_rows)
        if self.passes[0] != n_rows:
            raise ValueError(
                f"batches yielded {self.passes[0]} rows in the first pass and {n_rows} "
                "in a later one. It must yield the same rows each time, and "
                "shuffled(rng) all of them."
            )

    @property
    def is_mixed(self) -> bool:
        """True if epochs consist of batches of rows from everywhere."""
        return hasattr(self.batches, "shuffled") or can_be_mixed(self.batches)

    def shuffled(self, rng: np.random.Generator) -> "_Sources":
        return _Sources(self._in_random_order(rng), self.passes)

    def _in_random_order(self, rng: np.random.Generator) -> Any:
        if hasattr(self.batches, "shuffled"):
            return self.batches.shuffled(rng)
        if can_be_mixed(self.batches):
            return mixed(self.batches, rng)
        if hasattr(self.batches, "__getitem__"):
            order = rng.permutation(len(self.batches))
            return (self.batches[i] for i in order)
        return self.batches


def _raw_part(number: int, batch: Any) -> RawPart:
    if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
        got = type(batch).__name__
        if isinstance(batch, tuple | list):
            got += f" of length {len(batch)}"
        raise TypeError(
            f"Batch {number}: a batch must be a tuple (X, y) or (X, y, sample_weight), "
            f"got {got}."
        )
    return RawPart(number, *batch)
