"""Parts of the data as the user gave them, read and validated as in ``fit``.

A reader travels to the parts, wherever they are::

    reader = Reader.of(estimator, "Partition")
    reader.examples(part)      # those of positive weight, encoded if that is possible
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np

from sk_effprop._tables import TableEncoder
from sk_effprop.core.arrays import Array
from sk_effprop.estimators._data import Examples
from sk_effprop.estimators._tables import copy_names
from sk_effprop.estimators._validation import split_off

# Encoded parts are sparse if so many rows would be, so that all of them are alike.
USUAL_ROWS = 2**18


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
    part_name : str
        Name of a part in error messages.
    """

    estimator: Any
    split: Split | None = None
    part_name: str = "Partition"

    @classmethod
    def of(cls, estimator: Any, part_name: str) -> Self:
        """Reader with the parameters of an estimator, and without its weights."""
        # a scorer stays here, as it may be a function that cannot travel
        parameters = estimator.get_params(deep=False) | {"scoring": "loss"}
        return cls(type(estimator)(**parameters), part_name=part_name)

    def with_encoder(self, encoder: TableEncoder | None) -> Self:
        """Reader of tables that this encoder turns into numbers.

        An encoder that knows no more than the kinds of the columns leaves them tables.
        """
        estimator = copy(self.estimator)
        estimator.table_encoder_ = encoder
        if encoder is not None:
            copy_names(encoder, estimator)
        return replace(self, estimator=estimator)

    @property
    def encoder(self) -> TableEncoder | None:
        """Encoder that turns tables into numbers; None if it is not known yet."""
        encoder: TableEncoder | None = vars(self.estimator).get("table_encoder_")
        return encoder

    def validated(self, part: RawPart) -> tuple[Any, Any, Array]:
        """Inputs, targets and weights of a part, without class weights.

        X is a Table if it needs an encoder that is not known yet.
        """
        # without any weight there is nothing to validate
        given = part.weight if np.any(part.weight) else None
        with self._about(part.number):
            X, y, weight = self.estimator._validated(
                part.X, part.y, given, reset=self.encoder is None
            )
            if hasattr(self.encoder, "source_"):
                X = self.encoder.encode(X, USUAL_ROWS)
        if given is None:
            return X, y, weight if part.weight is None else 0.0 * weight
        largest = float(np.max(given))
        if largest != np.max(weight):
            raise ValueError(
                f"{self.part_name} {part.number}: the largest sample_weight is "
                f"{largest:.3g}. Weights of data in parts must lie between 1e-100 and "
                "1e100; multiply all of them by the same number."
            )
        return X, y, weight

    @contextmanager
    def _about(self, number: int) -> Iterator[None]:
        """Make errors say which part they are about."""
        try:
            yield
        except ValueError as error:
            raise ValueError(f"{self.part_name} {number}: {error}") from error

    def of_one_thread(self) -> Self:
        """Return a copy with its own estimator, as reading sets attributes of that."""
        return replace(self, estimator=copy(self.estimator))

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
        with self._about(number):
            sides = split_off(examples, fraction, rng, by_class=by_class)
        return sides[is_held_out]


def len_of(X: Any) -> int:
    """Number of rows of an array, a data frame or a list."""
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)
