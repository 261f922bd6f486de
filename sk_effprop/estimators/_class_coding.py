"""Coding of class labels (section 4.5): targets of the outputs, and the way back."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.multiclass import unique_labels

from sk_effprop.core.activations import IDENTITY, AnyActivation
from sk_effprop.core.arrays import Array
from sk_effprop.core.losses import LogLoss, Loss, make_loss
from sk_effprop.core.targets import (
    code_indicator,
    decode_probabilities,
    midpoint_preactivation,
    place_targets,
)
from sk_effprop.estimators._activations import resolve_activation
from sk_effprop.estimators._data import CodedTargets
from sk_effprop.estimators._labels import check_indicator, check_types

# Larger outputs count as this one.
LARGEST = float(np.finfo(np.float64).max) / 4.0


@dataclass(frozen=True, eq=False)
class ClassCoding:
    """Coding of class labels, or of an indicator matrix for multilabel data.

    Two classes share one output; more classes have an output each, as labels do.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted class labels; column numbers for multilabel data.
    is_multilabel : bool
        Whether every example has any number of labels.
    loss : Loss
        On raw outputs: log loss takes logits.
    activation : Activation or CustomActivation
        Of the output units; the identity if the loss owns the output function.
    activation_name : str, Activation or tuple
        The public ``out_activation_``.
    low, high : float
        Targets of an output that should be off, or on (section 4.5).
    decision_offset : float
        Preactivation at which an output lies half way between ``low`` and ``high``.
    """

    classes: Array
    is_multilabel: bool
    loss: Loss
    activation: AnyActivation
    activation_name: Any
    low: float = 0.0
    high: float = 1.0
    decision_offset: float = 0.0
    # targets of classes have no scale that could change
    scale: ClassVar[None] = None

    @classmethod
    def of(
        cls,
        y: Array,
        classes: Any,
        *,
        loss: Any,
        output: Any,
        target_values: Any = "max_curvature",
    ) -> "ClassCoding":
        """Derive the coding from data and hyperparameters.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        classes : array-like or None
            All labels; by default those of y.
        loss : str or object
        output : str, Activation or tuple
            Output activation; ignored with ``loss="log_loss"``.
        target_values : str or (float, float)
            Ignored with ``loss="log_loss"``.

        Raises
        ------
        ValueError
            If y contains labels that are not in ``classes``, or the output activation
            cannot reach the targets.
        """
        is_multilabel = y.ndim == 2
        if is_multilabel:
            known = np.arange(y.shape[1])
            _check_column_numbers(classes, known)
        else:
            known = np.unique(y) if classes is None else _sorted_classes(classes)
        is_exclusive = not is_multilabel and len(known) > 2
        if isinstance(loss, str) and loss == "log_loss":
            name = "softmax" if is_exclusive else "logistic"
            coding = cls(known, is_multilabel, LogLoss(is_exclusive), IDENTITY, name)
        else:
            activation = resolve_activation(output)
            low, high = place_targets(target_values, activation)
            offset = midpoint_preactivation(low, high, activation)
            coding = cls(
                known, is_multilabel, make_loss(loss), activation, output,
                low, high, offset,
            )  # fmt: skip
        coding.check(y)
        return coding

    @property
    def is_exclusive(self) -> bool:
        """True if the outputs form one distribution over three or more classes."""
        return not self.is_multilabel and len(self.classes) > 2

    @property
    def target_range(self) -> tuple[float, float]:
        """Targets of an output that should be off, or on."""
        return self.low, self.high

    @property
    def has_logits(self) -> bool:
        """True if the outputs are logits of the probabilities, as with log loss."""
        return isinstance(self.loss, LogLoss)

    @property
    def fitted_attributes(self) -> dict[str, Any]:
        """Attributes of the fitted estimator."""
        return {"coding_": self, "classes_": self.classes}

    # --------------------------------------------------------------------------- coding

    def code(self, y: Array, dtype: Any) -> CodedTargets:
        """Targets for labels; a ValueError if some labels are unknown."""
        self.check(y)
        if self.is_multilabel:
            labels, indicator = None, y
        else:
            labels = np.searchsorted(self.classes, y)
            indicator = labels[:, None]
            if self.is_exclusive:
                indicator = indicator == np.arange(len(self.classes))
        targets = code_indicator(indicator, self.low, self.high).astype(dtype)
        return CodedTargets(targets, labels)

    def check(self, y: Array) -> None:
        """Raise a ValueError if y has another format or labels that are unknown."""
        self._check_format(y)
        if self.is_multilabel:
            check_indicator(y)
            return
        nearest = np.searchsorted(self.classes, y)
        found = self.classes.take(nearest, mode="clip") == y
        if not found.all():
            raise ValueError(
                f"y contains labels {np.unique(y[~found]).tolist()} that are not among "
                f"the classes {self.classes.tolist()} of the first call. Include all "
                "classes there, or name them: partial_fit(X, y, classes=...)."
            )

    def _check_format(self, y: Array) -> None:
        """Raise a ValueError if y has another number of dimensions or columns."""
        # the number of rows is not mentioned, as some may have been dropped or merged
        columns = f"{y.shape[1]} columns" if y.ndim == 2 else "one label per row"
        if (y.ndim == 2) != self.is_multilabel:
            given, known = "multilabel", "single labels"
            if self.is_multilabel:
                given, known = "not multilabel", "multilabel data"
            raise ValueError(
                f"y is {given}, but the model was fitted on {known}: y has {columns}."
            )
        if self.is_multilabel and y.shape[1] != len(self.classes):
            raise ValueError(
                f"y has {y.shape[1]} labels, but the model was fitted on "
                f"{len(self.classes)}."
            )

    def check_warm_start(self, y: Array) -> None:
        """Raise a ValueError unless y has the same classes as before."""
        self._check_format(y)
        if self.is_multilabel:
            return
        known = np.unique(y)
        if not np.array_equal(known, self.classes):
            # the first sentence is that of MLPClassifier, word for word
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {self.classes}, `y` has "
                f"{known}. Use partial_fit for a part of the classes, or "
                "warm_start=False."
            )

    def check_classes(self, classes: Any) -> None:
        """Raise a ValueError if ``classes`` changed since the first call."""
        if self.is_multilabel:
            _check_column_numbers(classes, self.classes)
        elif not np.array_equal(_sorted_classes(classes), self.classes):
            raise ValueError(
                "classes must stay the same in every call of partial_fit: the first "
                f"call had {self.classes.tolist()}, "
                f"got {np.asarray(classes).tolist()}. Leave classes out, or use a new "
                "estimator."
            )

    def including(self, y: Array, weight: Array) -> "ClassCoding":
        """Return the coding itself, as more examples do not change it."""
        return self

    def with_statistics(self, statistics: None) -> "ClassCoding":
        """Return the coding itself, as classes have no statistics."""
        return self

    def following(self, y: Array, weight: Array, n_seen: int) -> "ClassCoding":
        """Return the coding itself, as more examples do not change it."""
        return self

    def compensate(self, W: Array, before: Any) -> None:
        """Leave the output layer as it is, as the targets are."""

    # ------------------------------------------------------------------------- decoding

    def decision(self, preactivations: Array) -> Array:
        """Confidence in each class, positive for what is on; one column for two."""
        decision = preactivations - self.decision_offset
        has_columns = self.is_multilabel or decision.shape[1] > 1
        return decision if has_columns else decision[:, 0]

    def decode(self, decision: Array) -> Array:
        """Class labels, or an indicator matrix, from :meth:`decision`."""
        if self.is_multilabel:
            return (decision > 0).astype(int)
        if decision.ndim == 2:
            return self.classes[np.argmax(decision, axis=1)]
        last = len(self.classes) - 1
        return self.classes[np.minimum((decision > 0).astype(int), last)]

    def predictions(self, outputs: Array, preactivations: Array) -> Array:
        """Probabilities, of which a classifier's predictions are made."""
        return self.probabilities(outputs, preactivations)

    def probabilities(self, outputs: Array, preactivations: Array) -> Array:
        """Probability of each class or label, float64; the largest is that of decode.

        Outputs of saturated units are equal where their preactivations are not.
        """
        # differences of two logits must not overflow
        outputs = np.clip(outputs.astype(np.float64), -LARGEST, LARGEST)
        if isinstance(self.loss, LogLoss):
            p = self.loss.probabilities(outputs)
        else:
            p = decode_probabilities(outputs, self.low, self.high)
            if self.is_exclusive:
                p /= p.sum(axis=1, keepdims=True)
                _break_ties(p, np.argmax(preactivations, axis=1))
        if self.is_multilabel or self.is_exclusive:
            return p
        if len(self.classes) == 1:
            return np.ones((len(p), 1))
        return np.hstack([1.0 - p, p])


def _break_ties(p: Array, winner: Array) -> None:
    """Make one of several equal and largest probabilities the largest."""
    largest = p.max(axis=1)
    tied = np.flatnonzero((p == largest[:, None]).sum(axis=1) > 1)
    p[tied, winner[tied]] = np.nextafter(largest[tied], 1.0)


def _sorted_classes(classes: Any) -> Array:
    check_types(classes, "classes")
    labels = np.asarray(unique_labels(classes))
    # objects that are strings stay objects, as they do without ``classes``
    is_object = getattr(classes, "dtype", None) == np.dtype(object)
    return labels.astype(object) if is_object else labels


def _check_column_numbers(classes: Any, known: Array) -> None:
    """Raise a ValueError if classes are given that multilabel data do not have."""
    if classes is not None and not np.array_equal(_sorted_classes(classes), known):
        raise ValueError(
            f"classes of multilabel y are the numbers of its columns, {known.tolist()},"
            f" but got {np.asarray(classes).tolist()}. Leave classes out."
        )
