"""Causes that lie in the targets, and in a loss that does not suit them.

Each rule yields suspicions, see :mod:`sk_effprop.inspection.diagnosis._suspicions`.
"""

from collections.abc import Iterator

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.inspection.diagnosis._data_instruments import (
    codes_of_missing,
    far_out,
    outlying,
)
from sk_effprop.inspection.diagnosis._evidence import Evidence, Suspicion
from sk_effprop.inspection.diagnosis._measures import (
    absolute,
    as_columns,
    of_logarithms,
    squared,
)
from sk_effprop.inspection.diagnosis._trials import Change

# Outliers of the targets are accidents up to the second share of the rows, and worth
# mentioning in any case from the first one.
FEW_OUTLIERS, MANY_OUTLIERS = 0.01, 0.1
# robust deviations of logarithms
FAR_LOG, TINY = 8.0, 1e-300
# One value has so large a share of the targets that their median tells next to nothing.
MOSTLY_EQUAL = 0.4
# Nothing is predicted if held-out rows have more than the first share of a constant's
# loss.  Something else is wrong if they have more than the second.
USELESS, ASTRAY = 0.97, 3.0
# Fewer rows do not tell whether targets belong to other rows.
FEWEST_ROWS = 40
# Standard deviation of the logarithms of skewed targets.
SKEWED = 2.0
MEDIANS = ("absolute_error", "huber")
DEVIANCES = ("poisson", "gamma")


def coded_missing_targets(evidence: Evidence) -> Iterator[Suspicion]:
    """Numbers in the targets that stand for missing values."""
    subject, trials = evidence.subject, evidence.trials
    if subject.is_classification:
        return
    y = as_columns(subject, subject.examples.y)
    found = [code for code in codes_of_missing(y) if code.is_certain]
    if not found:
        return
    numbers = ", ".join(f"{one.value:.6g}" for one in found)
    remedies: tuple[Change, ...] = ()
    if trials is not None:
        is_coded = np.any([trials.truth[:, j] == x for j, x, _ in found], axis=0)
        remedies = (
            Change(
                "y",
                f"without the rows whose target is {numbers}",
                dropped_rows=np.flatnonzero(is_coded),
                ignores_dropped=True,
            ),
        )
    yield Suspicion(
        "missing values coded as numbers",
        f"some targets are {numbers}, which is unlike all others and looks like a code "
        "for missing values",
        remedies,
        is_fact=True,
    )


def outlying_targets(evidence: Evidence) -> Iterator[Suspicion]:
    """Outliers of the targets, which squared errors follow."""
    subject = evidence.subject
    if subject.is_classification or evidence.given["loss"] != "squared_error":
        return
    y = as_columns(subject, subject.examples.y)
    is_other = np.ones(len(y), dtype=bool)
    if share_of_commonest(y) > MOSTLY_EQUAL:
        # the others tell what is usual
        is_other = (y != np.median(y, axis=0)).any(axis=1)
    is_far = np.zeros(len(y), dtype=bool)
    if is_other.any():
        is_far[is_other] = _far_targets(y[is_other])
    if not is_far.any() or is_far.mean() > MANY_OUTLIERS:
        return
    yield Suspicion(
        "outliers in the targets",
        f"{100 * is_far.mean():.2g} % of the targets are more than 20 robust standard "
        "deviations away from their median",
        (Change("loss", "huber"), Change("loss", "absolute_error")),
        is_fact=is_far.mean() > FEW_OUTLIERS,
        measure=absolute,
    )


def _far_targets(y: Array) -> Array:
    is_far = outlying(y).any(axis=1)
    if (y >= 0.0).all():
        # a product of many factors has a long tail, but no outliers
        is_far &= far_out(np.log1p(y / np.maximum(np.median(y), TINY)), FAR_LOG).any(1)
    return is_far


def unsuited_loss(evidence: Evidence) -> Iterator[Suspicion]:
    """A loss whose optimum says little about such targets."""
    subject, loss = evidence.subject, evidence.given["loss"]
    if subject.is_classification or loss not in MEDIANS + DEVIANCES:
        return
    y = as_columns(subject, subject.examples.y)
    share, is_count = share_of_commonest(y), bool((y >= 0.0).all())
    remedies = [Change("loss", "squared_error")]
    if loss in MEDIANS:
        if share < MOSTLY_EQUAL:
            return
        if is_count:
            remedies.append(Change("loss", "poisson"))
        sentence = (
            f"loss={loss!r} estimates medians, and {100 * share:.0f} % of the targets "
            "are equal, so that their median depends on the inputs in few rows"
        )
    else:
        sentence = (
            f"loss={loss!r} is meant for targets whose deviations grow with their mean"
        )
    yield Suspicion(
        "loss unlike the targets",
        sentence,
        tuple(remedies),
        is_fact=loss in MEDIANS and share > 0.5,
        least_gain=0.1 if loss in MEDIANS else 0.2,
        measure=squared,
    )


def skewed_targets(evidence: Evidence) -> Iterator[Suspicion]:
    """Positive targets of many sizes, of which squared errors see the largest only."""
    subject = evidence.subject
    if subject.is_classification or evidence.given["loss"] != "squared_error":
        return
    y = as_columns(subject, subject.examples.y)
    if not (y > 0.0).all():
        return
    sizes = float(np.log(y).std(axis=0).max())
    if sizes < SKEWED:
        return
    yield Suspicion(
        "skewed targets",
        f"the logarithms of the targets have a standard deviation of {sizes:.2g}, so "
        "that squared errors depend on the largest targets alone",
        (Change("loss", "gamma"),),
        least_gain=0.25,
        measure=of_logarithms,
    )


def share_of_commonest(y: Array) -> float:
    """Largest share of the rows that have one value, over the columns."""
    counts = (np.unique(column, return_counts=True)[1].max() for column in y.T)
    return max(counts) / len(y)


def moved_targets(evidence: Evidence) -> Iterator[Suspicion]:
    """Targets that belong to the row before or after."""
    trials, held_out = evidence.trials, evidence.numbers["loss"]["held_out"]
    if trials is None or trials.n_used < FEWEST_ROWS:
        return
    is_dense = isinstance(evidence.subject.examples.y, np.ndarray)
    if not USELESS < held_out < ASTRAY or not is_dense:
        return
    yield Suspicion(
        "targets of other rows",
        "the inputs tell nothing about the targets of their rows, but something about "
        "those of neighbouring rows",
        (
            Change("y", "moved up by one row", n_moved=-1),
            Change("y", "moved down by one row", n_moved=1),
        ),
        needs_training=True,
    )


def unpredictable(evidence: Evidence) -> Iterator[Suspicion]:
    """Targets about which no change finds the inputs to tell anything."""
    loss = evidence.numbers["loss"]
    held_out, fitted = loss["held_out"], loss["share_of_the_fit"]
    if held_out is None or fitted is None or min(held_out, fitted) < USELESS:
        return
    convergence = evidence.subject.estimator.convergence_
    problem, advice = (
        text.rstrip(".") for text in (convergence.problem, convergence.advice)
    )
    said = f". fit has found: {problem}. {advice}" if problem else ""
    yield Suspicion(
        "nothing to learn",
        f"held-out rows have {100 * held_out:.0f} % of a constant's loss: the inputs "
        "tell nothing about the targets, or the rows of X and y do not belong together"
        f"{said}",
        (),
        is_fact=True,
    )
