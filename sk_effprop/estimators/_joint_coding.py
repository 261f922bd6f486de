"""Coding of several columns of class labels at once, each with its own classes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from sk_effprop.core.activations import AnyActivation
from sk_effprop.core.arrays import Array
from sk_effprop.core.losses import JointLogLoss, Loss
from sk_effprop.estimators._class_coding import ClassCoding
from sk_effprop.estimators._data import CodedTargets


@dataclass(frozen=True, eq=False)
class JointCoding:
    """Coding of an (n_samples, n_columns) array of labels, column by column.

    The outputs of the network are those of the columns, side by side: one for a column
    of two classes, and one for each class otherwise.

    Attributes
    ----------
    parts : tuple of ClassCoding
        Coding of each column.
    """

    parts: tuple[ClassCoding, ...]
    is_multilabel: ClassVar[bool] = False
    is_exclusive: ClassVar[bool] = False
    # targets of classes have no scale that could change
    scale: ClassVar[None] = None

    @classmethod
    def of(cls, y: Array, classes: Any, **given: Any) -> "JointCoding":
        """Derive the coding from data and hyperparameters, see :class:`ClassCoding`.

        Raises
        ------
        ValueError
            If there is no sequence of classes for each column, or a column contains
            other labels.
        """
        if classes is None:
            classes = [None] * y.shape[1]
        elif len(classes) != y.shape[1]:
            raise ValueError(
                f"classes must be a list with the classes of each of the {y.shape[1]} "
                f"columns of y, got {len(classes)} entries."
            )
        pairs = zip(y.T, classes, strict=True)
        return cls(tuple(ClassCoding.of(column, c, **given) for column, c in pairs))

    @cached_property
    def bounds(self) -> list[int]:
        """Positions between the outputs of two columns."""
        return np.cumsum(self.sizes)[:-1].tolist()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of outputs of each column."""
        return tuple(
            len(part.classes) if part.is_exclusive else 1 for part in self.parts
        )

    @cached_property
    def loss(self) -> Loss:
        """Loss on all outputs."""
        return (
            JointLogLoss(False, self.sizes) if self.has_logits else self.parts[0].loss
        )

    @property
    def activation(self) -> AnyActivation:
        """Activation of the output units."""
        return self.parts[0].activation

    @property
    def activation_name(self) -> Any:
        """The public ``out_activation_``."""
        return "softmax" if self.has_logits else self.parts[0].activation_name

    @property
    def has_logits(self) -> bool:
        """True if the outputs are logits of the probabilities, as with log loss."""
        return self.parts[0].has_logits

    @property
    def target_range(self) -> tuple[float, float]:
        """Targets of an output that should be off, or on."""
        return self.parts[0].target_range

    @property
    def classes(self) -> list[Array]:
        """Sorted class labels of each column."""
        return [part.classes for part in self.parts]

    @property
    def fitted_attributes(self) -> dict[str, Any]:
        """Attributes of the fitted estimator."""
        return {"coding_": self, "classes_": self.classes}

    # --------------------------------------------------------------------------- coding

    def code(self, y: Array, dtype: Any) -> CodedTargets:
        """Targets for labels; a ValueError if some labels are unknown."""
        self.check(y)
        targets = [part.code(column, dtype).targets for part, column in self._pairs(y)]
        return CodedTargets(np.hstack(targets), None)

    def check(self, y: Array) -> None:
        """Raise a ValueError if y has other columns or labels that are unknown."""
        self.check_columns(y)
        self._for_each_column(y, ClassCoding.check)

    def check_warm_start(self, y: Array) -> None:
        """Raise a ValueError unless y has the same classes as before."""
        self.check_columns(y)
        self._for_each_column(y, ClassCoding.check_warm_start)

    def check_classes(self, classes: Any) -> None:
        """Raise a ValueError if ``classes`` changed since the first call."""
        for part, known in zip(self.parts, classes, strict=True):
            part.check_classes(known)

    def including(self, y: Array, weight: Array) -> "JointCoding":
        """Return the coding itself, as more examples do not change it."""
        return self

    def following(self, y: Array, weight: Array, n_seen: int) -> "JointCoding":
        """Return the coding itself, as more examples do not change it."""
        return self

    def compensate(self, W: Array, before: Any) -> None:
        """Leave the output layer as it is, as the targets are."""

    def _pairs(self, y: Array) -> Any:
        return zip(self.parts, y.T, strict=True)

    def check_columns(self, y: Array) -> None:
        """Raise a ValueError if y has another number of columns."""
        n_columns = y.shape[1] if y.ndim == 2 else 1
        if n_columns != len(self.parts):
            raise ValueError(
                f"y has {n_columns} columns of labels, but the model was fitted on "
                f"{len(self.parts)}."
            )

    def _for_each_column(self, y: Array, check: Callable[[Any, Any], None]) -> None:
        for number, (part, column) in enumerate(self._pairs(y)):
            try:
                check(part, column)
            except ValueError as error:
                raise ValueError(f"Column {number} of y: {error}") from error

    # ------------------------------------------------------------------------- decoding

    def decision(self, preactivations: Array) -> list[Array]:
        """Confidence in the classes of each column."""
        pieces = self._split(preactivations)
        return [part.decision(z) for part, z in zip(self.parts, pieces, strict=True)]

    def decode(self, decision: list[Array]) -> Array:
        """Class labels, (n_samples, n_columns), from :meth:`decision`."""
        labels = [part.decode(d) for part, d in zip(self.parts, decision, strict=True)]
        return np.column_stack(labels)

    def predictions(self, outputs: Array, preactivations: Array) -> Array:
        """Probabilities of all columns side by side."""
        return np.hstack(self.probabilities(outputs, preactivations))

    def probabilities(self, outputs: Array, preactivations: Array) -> list[Array]:
        """Probability of each class of each column."""
        triples = zip(
            self.parts, self._split(outputs), self._split(preactivations), strict=True
        )
        return [part.probabilities(o, z) for part, o, z in triples]

    def _split(self, outputs: Array) -> list[Array]:
        return np.split(outputs, self.bounds, axis=1)
