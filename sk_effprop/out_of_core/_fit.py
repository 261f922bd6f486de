"""Fit an estimator on batches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from sk_effprop.core.parts import LoadedParts
from sk_effprop.estimators._auto import AUTO_STOCHASTIC
from sk_effprop.estimators._base import BaseEffProp
from sk_effprop.estimators._checks import check_validation_data
from sk_effprop.estimators._parts import Source, fit_parts
from sk_effprop.estimators._survey import RawPart

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

    Stochastic solvers go through the batches in the order of ``batches.shuffled(rng)``
    if there is such a method, and otherwise in random order if ``batches`` is a
    sequence, or in the given order.  The rows of a batch are shuffled in any case.

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
        If ``batches`` can be iterated only once.
    ValueError
        If a hyperparameter or a batch is invalid, or ``early_stopping=True`` is given
        without X_val and y_val.

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
    check_validation_data(estimator, X_val, y_val, sample_weight_val)
    if estimator.early_stopping not in ("auto", False) and X_val is None:
        raise ValueError(
            "early_stopping=True needs X_val and y_val if the data come in batches. "
            "Give them to fit_batches, or use early_stopping='auto'."
        )
    validation = X_val, y_val, sample_weight_val
    parts = LoadedParts(_Sources(batches))
    source = Source(parts, batches, None, None, validation, AUTO_STOCHASTIC, True)
    fitted: Estimator = fit_parts(estimator, source)
    return fitted


@dataclass(frozen=True, eq=False)
class _Sources:
    """Batches as numbered parts."""

    batches: Any

    def __iter__(self) -> Iterator[RawPart]:
        number = 0
        for batch in self.batches:
            part = RawPart(number, *batch)
            del batch
            yield part
            # before the next one is read, for which enumerate would keep it
            del part
            number += 1  # noqa: SIM113

    def shuffled(self, rng: np.random.Generator) -> "_Sources":
        if hasattr(self.batches, "shuffled"):
            return _Sources(self.batches.shuffled(rng))
        if hasattr(self.batches, "__getitem__"):
            order = rng.permutation(len(self.batches))
            return _Sources(self.batches[i] for i in order)
        return self
