"""Losses on training and held-out rows, against those of a constant and a line."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import Ridge

from sk_effprop.core.arrays import Array
from sk_effprop.core.baseline import constant_value
from sk_effprop.inspection.diagnosis._measures import squared
from sk_effprop.inspection.diagnosis._subject import Subject
from sk_effprop.inspection.diagnosis._trials import Outcome, Trials
from sk_effprop.preprocessing import InputNormalizer

# Share of the rows in which a network is most certain.
CERTAIN, FEWEST_CERTAIN = 0.2, 50


def loss_numbers(subject: Subject, trials: Trials | None) -> dict[str, Any]:
    """Losses as shares of a constant's; without trials those of training alone."""
    objective = subject.run.objective
    baseline = constant_value(objective)
    theta = subject.estimator.theta_
    loss = objective.value(theta) - objective.penalty_value(theta)
    numbers: dict[str, Any] = {
        "of_a_constant": baseline,
        "of_the_fit": loss,
        "share_of_the_fit": loss / baseline if baseline > 0.0 else None,
        "penalty": objective.penalty_value(theta),
        "fell_at_end": _fall(subject.estimator.loss_curve_),
        "n_iter": subject.estimator.n_iter_,
        "train": loss / baseline if baseline > 0.0 else 0.0,
        "held_out": None,
        "linear": None,
    }
    if trials is None:
        return numbers
    control = trials.control
    numbers["train"] = control.train_share
    numbers["held_out"] = trials.share(control)
    numbers["linear"] = _linear_loss(trials)
    if subject.is_classification and trials.y.ndim == 1:
        numbers |= _class_numbers(trials)
    return numbers


def _fall(curve: list[float]) -> float:
    """Relative decrease of the mean loss in the last third of training."""
    third = len(curve) // 3
    if third == 0:
        return 1.0 if len(curve) < 2 else max(0.0, 1.0 - curve[-1] / curve[-2])
    before, after = (
        float(np.mean(part)) for part in (curve[-2 * third : -third], curve[-third:])
    )
    return max(0.0, (before - after) / max(abs(before), 1e-300))


def _linear_loss(trials: Trials) -> float | None:
    """Loss of ridge regression on normalised inputs, on the same held-out rows."""
    if trials.row_losses is not squared:
        return None
    shares, is_sparse = [], sparse.issparse(trials.X)
    for train, test in trials.splits:
        normalizer = InputNormalizer(
            "scale" if is_sparse else "robust", clip=None if is_sparse else 8.0
        ).fit(trials.X[train])
        Z_train, Z_test = map(normalizer.transform, (trials.X[train], trials.X[test]))
        line = Ridge(1.0).fit(Z_train, trials.truth[train])
        predicted = np.asarray(line.predict(Z_test)).reshape(len(test), -1)
        constant = np.broadcast_to(trials.truth[train].mean(axis=0), predicted.shape)
        truth = trials.truth[test]
        shares.append(trials.share(Outcome(test, truth, predicted, constant, 0.0)))
    return float(np.mean(shares))


def _class_numbers(trials: Trials) -> dict[str, Any]:
    """Errors of the decisions, where they are certain and by class."""
    control = trials.control
    truth = trials.truth[control.rows].argmax(axis=1)
    decided, certainty = control.predicted.argmax(axis=1), control.predicted.max(axis=1)
    is_wrong = decided != truth
    n_certain = min(max(FEWEST_CERTAIN, int(CERTAIN * len(truth))), len(truth))
    certain = np.argsort(-certainty, kind="stable")[:n_certain]
    n_classes = trials.truth.shape[1]
    return {
        "error": float(np.mean(is_wrong)),
        "error_where_certain": float(np.mean(is_wrong[certain])),
        "recall": [_recall(is_wrong[truth == k]) for k in range(n_classes)],
    }


def _recall(is_wrong: Array) -> float:
    return float(1.0 - np.mean(is_wrong)) if len(is_wrong) else 1.0
