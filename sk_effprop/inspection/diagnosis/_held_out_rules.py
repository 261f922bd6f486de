"""Causes that show on held-out rows alone.

Each rule yields suspicions, see :mod:`sk_effprop.inspection.diagnosis._suspicions`.
"""

from collections.abc import Iterator

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.inspection.diagnosis._data_instruments import far_out
from sk_effprop.inspection.diagnosis._evidence import Evidence, Suspicion
from sk_effprop.inspection.diagnosis._measures import absolute
from sk_effprop.inspection.diagnosis._trials import Change, Decisions

# Loss on held-out rows over that on the training rows, from which a fit is overfitted.
OVERFITTED, FAR_OVERFITTED, LEAST_GAP = 1.5, 3.0, 0.05
# Held-out rows are predicted no better than by a constant.
USELESS = 0.95
# A penalty of less than this share of the automatic one is none.
WEAK = 0.1
# A rare class has less than this share of what equal shares would be, and is missed in
# more than half of its rows, or in almost all.
RARE, MISSED, UNKNOWN = 0.25, 0.5, 0.1
# Labels are noisy if more than this share of them is wrong in the fifth of the rows
# where the network is most certain, and hardly more in the next two fifths.  An error
# like that of always taking the largest class says that nothing predicts the labels.
MAYBE_NOISY, NOISY, EVENLY, UNINFORMED = 0.09, 0.12, 1.35, 0.9
LEARNT_BY_HEART, HALF = 0.4, 0.5
# The labels of one class are noisy if its rows are told almost without errors, and if
# fewer of the others have its label than this share of what chance gives.
CLEAN, TOLD, FEWEST_OF_CLASS = 0.04, 0.6, 40
# fewer rows do not tell noise from chance
FEWEST_LABELS = 100
# A residual is far from the others beyond so many robust deviations, targets have heavy
# tails if more than the first share of them are, and wrong values if the second is.
FAR_RESIDUAL, FEW_FAR, MANY_FAR = 5.0, 0.005, 0.08
# Heavy tails may be wrong values, too, if next to nothing is learnt because of them.
LITTLE_LEARNT, MAYBE_MISLED = 0.9, 0.3


def overfitting(evidence: Evidence) -> Iterator[Suspicion]:
    """Training rows that are fitted much better than others."""
    loss, subject = evidence.numbers["loss"], evidence.subject
    if loss["held_out"] is None:
        return
    gap = loss["held_out"] - loss["train"]
    if gap < LEAST_GAP or loss["held_out"] < OVERFITTED * loss["train"]:
        return
    remedies, is_unbounded = [], False
    given = subject.given["alpha"]
    if not isinstance(given, str):
        automatic = float(subject.automatic("alpha").alpha.max())
        is_unbounded = given < WEAK * automatic
        if given < automatic:
            remedies.append(Change("alpha", "auto"))
    if subject.given["early_stopping"] in ("auto", False):
        remedies.append(Change("early_stopping", True))
    for name in ("hidden_layer_sizes", "max_iter"):
        if name in subject.changed:
            remedies.append(Change(name, subject.changed[name]))
    is_useless = loss["held_out"] > USELESS and loss["train"] < HALF
    yield Suspicion(
        "overfitting",
        f"the loss on held-out rows is {100 * loss['held_out']:.0f} % of a constant's, "
        f"on training rows {100 * loss['train']:.0f} %",
        tuple(remedies),
        is_fact=is_useless
        or (is_unbounded and loss["held_out"] > FAR_OVERFITTED * loss["train"]),
        least_gain=0.2,
    )


def imbalance(evidence: Evidence) -> Iterator[Suspicion]:
    """A rare class that is mostly missed."""
    subject = evidence.subject
    shares = np.array(evidence.numbers["targets"].get("class_shares", []))
    recalls = evidence.numbers["loss"].get("recall")
    if recalls is None or len(shares) < 2 or subject.given["class_weight"] is not None:
        return
    rare = int(np.argmin(shares))
    recall = recalls[rare]
    if shares[rare] * len(shares) > RARE or recall > MISSED:
        return
    name = subject.estimator.classes_.tolist()[rare]
    yield Suspicion(
        "imbalanced classes",
        f"class {name!r} has {100 * shares[rare]:.2g} % of the rows, and "
        f"{100 * recall:.0f} % of its held-out rows are recognised",
        (Change("class_weight", "balanced"),),
        is_fact=recall < UNKNOWN,
        least_gain=0.3,
        balanced=True,
        needs_training=True,
    )


def label_noise(evidence: Evidence) -> Iterator[Suspicion]:
    """Labels that are contradicted even where the network is most certain.

    Where classes overlap, errors are rare far from the boundary.  Wrong labels are
    everywhere, or everywhere outside of the class that they name.
    """
    loss, trials = evidence.numbers["loss"], evidence.trials
    if trials is None or trials.n_used < FEWEST_LABELS or "error" not in loss:
        return
    if loss["train"] < LEARNT_BY_HEART * loss["held_out"]:
        # a network that has learnt the labels by heart cannot contradict them
        return
    shares = np.array(evidence.numbers["targets"]["class_shares"])
    is_certain_wrong = loss["error_where_certain"] >= MAYBE_NOISY
    if not is_certain_wrong and _noise(Decisions.of(trials.control), shares) is None:
        return
    noise = _noise(trials.decisions, shares)
    if noise is None:
        return
    certain, k = noise
    kind = "the labels"
    if k is not None:
        kind = (
            f"the labels of class {evidence.subject.estimator.classes_.tolist()[k]!r}"
        )
    rows = trials.decisions.contradicted
    examples = ", ".join(str(row) for row in trials.rows[rows[:5]])
    yield Suspicion(
        "label noise",
        f"{kind} contradict the network in {100 * certain:.0f} % of the rows where it "
        f"is most certain, and all labels do so in {100 * loss['error']:.0f} % of all",
        (
            Change(
                "y",
                f"without the {len(rows):,} labels that are contradicted, as those of "
                f"rows {examples}",
                dropped_rows=rows,
            ),
        ),
        is_fact=True,
        needs_training=True,
    )


def _noise(decisions: Decisions, shares: Array) -> tuple[float, int | None] | None:
    """Errors where the network is most certain, and their label; None if few.

    The label is None if there are such errors with all labels.
    """
    is_wrong = decisions.is_wrong
    majority = float(shares.max())
    certain = _even_errors(np.array_split(is_wrong, 5), n_certain=1)
    if certain is not None and np.mean(is_wrong) < UNINFORMED * (1.0 - majority):
        return certain, None
    for k, share in enumerate(shares):
        is_told = decisions.decided == k
        if min(is_told.sum(), (~is_told).sum()) < FEWEST_OF_CLASS:
            continue
        own, others = (
            np.array_split(errors, 5)
            for errors in (is_wrong[is_told], (decisions.truth == k)[~is_told])
        )
        certain = _even_errors(others, n_certain=2)
        is_clean = np.mean(np.concatenate(own[:2])) < CLEAN
        is_informed = np.mean(np.concatenate(others)) < TOLD * share
        if certain is not None and is_clean and is_informed:
            return certain, k
    return None


def _even_errors(fifths: list[Array], n_certain: int) -> float | None:
    """Error in the most certain fifths, if it is large and hardly larger further on."""
    certain = float(np.mean(np.concatenate(fifths[:n_certain])))
    is_even = np.mean(np.concatenate(fifths[n_certain:3])) < EVENLY * certain
    return certain if NOISY <= certain < HALF and is_even else None


def target_noise(evidence: Evidence) -> Iterator[Suspicion]:
    """Targets of which a part is far from all predictions, though not from the others.

    Squared errors follow them.  Targets with heavy tails are another matter.
    """
    subject, trials = evidence.subject, evidence.trials
    is_squared = evidence.given["loss"] == "squared_error"
    if subject.is_classification or trials is None or not is_squared:
        return
    if trials.n_used < FEWEST_LABELS:
        return
    remedies = (Change("loss", "huber"), Change("loss", "absolute_error"))
    outcome = trials.control
    if evidence.numbers["loss"]["held_out"] > MAYBE_MISLED:
        # wrong values may have led the squared errors astray
        outcome = trials.outcome(remedies[1]) or outcome
    truth = outcome.truth
    is_wrong = far_out(truth - outcome.predicted, FAR_RESIDUAL).any(axis=1)
    has_tails = np.mean(far_out(truth, FAR_RESIDUAL).any(axis=1)) > FEW_FAR
    is_useless = evidence.numbers["loss"]["held_out"] > LITTLE_LEARNT
    if (has_tails and not is_useless) or np.mean(is_wrong) < MANY_FAR:
        return
    yield Suspicion(
        "noise in the targets",
        f"{100 * np.mean(is_wrong):.2g} % of the held-out targets are far from the "
        "predictions, which are close to the others",
        remedies,
        is_fact=not has_tails,
        least_gain=0.2 if has_tails else 0.1,
        measure=absolute,
        needs_training=True,
    )
