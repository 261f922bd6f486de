"""Refits on a part of the data, with one thing changed.

All refits use the same rows and the same splits, so that they can be compared row by
row.  The first one changes nothing: it shows what the others are compared with::

    trials = Trials(subject)
    before = trials.control
    after = trials.outcome(Change("normalize", "robust"))
    compare(trials.losses(before), trials.losses(after))
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from sk_effprop.core.arrays import Array
from sk_effprop.inspection.diagnosis._measures import (
    RowLosses,
    as_columns,
    best_constant,
    measure_for,
    predicted_columns,
)
from sk_effprop.inspection.diagnosis._subject import Subject
from sk_effprop.inspection.diagnosis._work import (
    MAX_WORK,
    affordable_iterations,
    affordable_rows,
    work_of,
)

# Arguments of ``fit``, which a change may name in place of a hyperparameter.
DATA = ("X", "y", "sample_weight")
# One part of the rows is held out in each split; enough splits are made to hold out so
# many rows.
N_PARTS, HELD_OUT_ROWS = 4, 500
# Batches up to this size are kept, as many updates are made with them.
SMALL_BATCH = 32
# A change helps if it lowers the share of a constant's loss by this much of it, by this
# much, and by so many standard errors of the paired differences.
LEAST_GAIN, LEAST_DROP, LEAST_SCORE = 0.1, 0.01, 2.0
# Losses of single rows count up to so many times the mean loss of a constant.
LARGEST_ROW_LOSS = 1e6
TINY, ALL = 1e-300, slice(None)
# A class with a larger probability than this is that of a majority.
MAJORITY = 0.5


@dataclass(frozen=True, eq=False)
class Change:
    """One change: of a hyperparameter, or of the data.

    Attributes
    ----------
    parameter : str
        A hyperparameter, or "X", "y" or "sample_weight".
    value : object
        Its new value; words for a change of the data.
    dropped_columns : ndarray of int
    dropped_rows : ndarray of int
        Rows, numbered as those of the trials, which are not trained on.
    codes : sequence of (int, float)
        Columns with numbers that are taken for missing values.
    ignores_dropped : bool
        Whether the rows that are dropped do not count in the comparison either.
    replaced_inputs : array or None
        Inputs of the rows of the trials in place of those that they have.
    n_moved : int
        Rows by which the targets are moved against the inputs.
    choose : callable or None
        Chooses columns, given the inputs and the targets of the rows to train on.
    also : dict
        Other hyperparameters that must change with it.
    """

    parameter: str
    value: Any
    dropped_columns: Any = ()
    dropped_rows: Any = ()
    codes: Any = ()
    also: dict[str, Any] = field(default_factory=dict)
    ignores_dropped: bool = False
    replaced_inputs: Any = None
    n_moved: int = 0
    choose: Callable[[Array, Array], Array] | None = None

    def inputs(self, X: Any) -> Any:
        """Inputs that the network gets after the change."""
        if self.replaced_inputs is not None:
            X = self.replaced_inputs
        if self.codes:
            X = X.copy()
        for column, code in self.codes:
            X[X[:, column] == code, column] = np.nan
        if len(self.dropped_columns):
            kept = np.setdiff1d(np.arange(X.shape[1]), self.dropped_columns)
            X = X[:, kept]
        return X

    @property
    def settings(self) -> dict[str, Any]:
        """Hyperparameters to change."""
        if self.parameter in ("", *DATA):
            return {}
        return {self.parameter: self.value} | self.also


class Outcome(NamedTuple):
    """Predictions of rows that were held out.

    Attributes
    ----------
    rows : ndarray of shape (n_held_out,)
        Numbers of the rows of the trials.
    truth : ndarray of shape (n_held_out, k)
    predicted : ndarray of shape (n_held_out, k)
    constant : ndarray of shape (n_held_out, k)
        The best constant of the rows that were trained on.
    train_share : float
        Mean loss on the rows that were trained on, in units of a constant's.
    """

    rows: Array
    truth: Array
    predicted: Array
    constant: Array
    train_share: float


class Decisions(NamedTuple):
    """Classes that rows which were held out are taken for, the most certain one first.

    Attributes
    ----------
    rows : ndarray of shape (n_held_out,)
        Numbers of the rows of the trials.
    truth, decided : ndarray of int of shape (n_held_out,)
    certainty : ndarray of shape (n_held_out,)
    """

    rows: Array
    truth: Array
    decided: Array
    certainty: Array

    @classmethod
    def of(cls, outcome: Outcome) -> "Decisions":
        """Decisions for the largest probabilities."""
        certainty = outcome.predicted.max(axis=1)
        order = np.argsort(-certainty, kind="stable")
        decided, truth = (
            columns.argmax(axis=1)[order]
            for columns in (outcome.predicted, outcome.truth)
        )
        return cls(outcome.rows[order], truth, decided, certainty[order])

    @property
    def is_wrong(self) -> Array:
        """True for each row that is taken for another class than its own."""
        return np.asarray(self.decided != self.truth)

    @property
    def contradicted(self) -> Array:
        """Rows that a majority assigns to another class."""
        return np.sort(self.rows[self.is_wrong & (self.certainty > MAJORITY)])


class Effect(NamedTuple):
    """Effect of one change on rows that were held out.

    Attributes
    ----------
    before, after : float
        Loss as a share of the best constant's: 1 is useless, 0 is perfect.
    score : float
        Mean of the paired differences of the rows, in standard errors.
    n_rows : int
        Rows that were held out.
    """

    before: float
    after: float
    score: float
    n_rows: int

    @property
    def drop(self) -> float:
        """Reduction of the loss."""
        return self.before - self.after

    @property
    def helps(self) -> bool:
        """True if the loss falls by more than chance explains, and by enough."""
        is_clear = self.score > LEAST_SCORE
        return is_clear and self.drop > max(LEAST_DROP, LEAST_GAIN * self.before)


def compare(before: Array, after: Array) -> Effect:
    """Compare the losses of the same rows before and after a change."""
    difference = before - after
    error = float(np.std(difference)) / np.sqrt(len(difference))
    return Effect(
        float(np.mean(before)),
        float(np.mean(after)),
        float(np.mean(difference)) / max(error, TINY),
        len(difference),
    )


class Trials:
    """Refits of an estimator on a part of its data.

    Parameters
    ----------
    subject : Subject
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        examples = subject.examples
        self.n_used = min(len(examples), affordable_rows(subject))
        rng = np.random.default_rng(0)
        rows = rng.choice(len(examples), self.n_used, replace=False)
        # as presented: the order may be what is wrong
        self.rows = np.sort(rows)
        self.X, self.y = examples.X[self.rows], examples.y[self.rows]
        self.weight = None if subject.weight is None else subject.weight[self.rows]
        self.truth = as_columns(subject, self.y)
        # outputs of several units count alike
        deviation = self.truth.std(axis=0)
        is_shared = subject.is_classification or self.truth.shape[1] == 1
        self._unit = np.where(is_shared | (deviation == 0.0), 1.0, deviation)
        self.row_losses, self._level = measure_for(subject)
        self._n_parts = min(N_PARTS, self.n_used)
        self._outcomes: dict[Change, Outcome | None] = {}

    @cached_property
    def control(self) -> Outcome:
        """The outcome without any change.

        Raises
        ------
        ValueError
            If the estimator cannot be fitted on a part of the rows.
        """
        return self._run(Change("", None))

    def outcome(self, change: Change) -> Outcome | None:
        """The outcome with one change; None if it is impossible."""
        if change not in self._outcomes:
            try:
                self._outcomes[change] = self._run(change)
            except (ValueError, FloatingPointError, np.linalg.LinAlgError):
                self._outcomes[change] = None
        return self._outcomes[change]

    def losses(
        self,
        outcome: Outcome,
        *,
        balanced: bool = False,
        measure: RowLosses | None = None,
        among: Array | slice = ALL,
    ) -> Array:
        """Losses of the held-out rows, in units of the mean loss of a constant.

        Parameters
        ----------
        outcome : Outcome
        balanced : bool
            Whether all classes count alike.
        measure : callable, optional
            Takes the place of the measure of the task.
        among : ndarray of bool, optional
            The held-out rows that count.
        """
        measure = measure or self.row_losses
        weight = self._class_weight[outcome.rows[among]] if balanced else 1.0
        truth = outcome.truth[among] / self._unit
        losses, unit = (
            weight * measure(truth, predicted[among] / self._unit)
            for predicted in (outcome.predicted, outcome.constant)
        )
        shares = losses / max(float(np.mean(unit)), TINY)
        return np.nan_to_num(shares, nan=LARGEST_ROW_LOSS).clip(max=LARGEST_ROW_LOSS)

    @cached_property
    def _class_weight(self) -> Array:
        """Weights with which all classes have the same sum."""
        shares = self.truth.mean(axis=0)
        return np.asarray(self.truth @ (1.0 / np.maximum(shares, 1.0 / self.n_used)))

    def share(self, outcome: Outcome) -> float:
        """Mean loss of the held-out rows, as a share of a constant's."""
        return float(np.mean(self.losses(outcome)))

    @cached_property
    def splits(self) -> list[tuple[Array, Array]]:
        """Rows to train on, and rows that are held out."""
        n_parts = self._n_parts
        if n_parts < 2:
            return []
        wanted = int(np.ceil(HELD_OUT_ROWS * n_parts / self.n_used))
        affordable = int(MAX_WORK / work_of(self.subject, self.n_used))
        n_splits = max(1, min(wanted, affordable, n_parts))
        return list(self._all_splits(n_parts))[:n_splits]

    def _all_splits(self, n_parts: int) -> Any:
        counts = self.truth.sum(axis=0)
        is_single = self.subject.is_classification and self.y.ndim == 1
        if is_single and counts[counts > 0].min() >= n_parts:
            folds = StratifiedKFold(n_parts, shuffle=True, random_state=0)
            return folds.split(np.zeros(self.n_used), self.truth.argmax(axis=1))
        return KFold(n_parts, shuffle=True, random_state=0).split(self.truth)

    def _run(self, change: Change, splits: Any = None) -> Outcome:
        parts = [
            self._fit(change, train, test, seed)
            for seed, (train, test) in enumerate(splits or self.splits)
        ]
        rows, truth, predicted, constant, shares = zip(*parts, strict=True)
        return Outcome(
            np.concatenate(rows),
            np.concatenate(truth),
            np.concatenate(predicted),
            np.concatenate(constant),
            float(np.mean(shares)),
        )

    def _fit(self, change: Change, train: Array, test: Array, seed: int) -> Outcome:
        used = np.setdiff1d(train, change.dropped_rows)
        X, y, truth = change.inputs(self.X), self.y, self.truth
        if change.n_moved:
            y = np.roll(self.subject.examples.y, change.n_moved, axis=0)[self.rows]
            truth = as_columns(self.subject, y)
        if change.choose is not None:
            X = X[:, change.choose(X[used], truth[used])]
        model = self._model(change, len(used), seed)
        with catch_warnings(), np.errstate(all="ignore"):
            simplefilter("ignore")
            model.fit(X[used], y[used], self._weight_of(used, change))
            predicted, fitted = (
                predicted_columns(self.subject, model, X[rows]) for rows in (test, used)
            )
        constant = best_constant(truth[train], self._level)
        everywhere = np.broadcast_to(constant, fitted.shape)
        of_training = Outcome(used, truth[used], fitted, everywhere, 0.0)
        return Outcome(
            test,
            truth[test],
            predicted,
            np.broadcast_to(constant, predicted.shape),
            self.share(of_training),
        )

    def _weight_of(self, used: Array, change: Change) -> Array | None:
        is_without = self.weight is None or change.parameter == "sample_weight"
        return None if is_without else self.weight[used]

    @cached_property
    def decisions(self) -> "Decisions":
        """Classes of all rows, each told by a network that has not seen it."""
        outcome = self.control
        if len(outcome.rows) < self.n_used:
            outcome = self._run(Change("", None), list(self._all_splits(self._n_parts)))
        return Decisions.of(outcome)

    def _model(self, change: Change, n_train: int, seed: int) -> Any:
        """A new estimator with the same settings, apart from the change."""
        estimator, given = self.subject.estimator, dict(self.subject.given)
        given |= {
            # what "auto" became for all rows need not be what it is for some
            "solver": estimator.solver_,
            "batch_size": self._batch_size(n_train),
            "random_state": seed,
            "verbose": False,
            "warm_start": False,
            # the files belong to the fit of the user
            "checkpoint": None,
            "resume": False,
        }
        if change.parameter == "X" and isinstance(given["init"], np.ndarray):
            given["init"] = "lecun_uniform"
        # the inputs are numbers already
        settings = given | change.settings | {"categorical_features": None}
        if settings["solver"] == "lm":
            settings["max_iter"] = affordable_iterations(
                self.subject, self.n_used, settings["max_iter"]
            )
        return type(estimator)(**settings)

    def _batch_size(self, n_train: int) -> Any:
        """Batches that are as large a part of these rows as they are of all rows."""
        given = self.subject.given["batch_size"]
        if isinstance(given, str) or given <= SMALL_BATCH:
            return given
        share = n_train / len(self.subject.examples)
        return max(SMALL_BATCH, int(np.ceil(given * min(share, 1.0))))
