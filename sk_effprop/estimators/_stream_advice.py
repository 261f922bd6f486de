"""Search for the cause of a poor fit of a stream, and for the parameter to change.

The rules are those of a finished fit.  They look at the latest batch, and the verdict
comes from a :class:`~sk_effprop.estimators._watch.StreamWatch`.
"""

from dataclasses import replace

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.custom import CustomLoss
from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.objective import Objective
from sk_effprop.estimators import _rules as rules
from sk_effprop.estimators._advice import (
    EXAMINED_ROWS,
    LEAST_EXPLAINED,
    MISTAKES,
    SUSPICIOUS,
    are_constant,
    explained_share,
    is_flat,
    reported,
)
from sk_effprop.estimators._rules import Case
from sk_effprop.estimators._run import Run
from sk_effprop.estimators._value_coding import SMALLEST_SIZE
from sk_effprop.estimators._watch import FIRST_LOOK, SORTED_PRESENTATION, StreamWatch
from sk_effprop.solvers.base import Reason
from sk_effprop.training.convergence import Finding
from sk_effprop.training.monitor import Monitor

# Few healthy streams begin with twice the loss of a constant, and none with ten times.
RUINED, HOPELESS = -1.0, -9.0
# A network that has seen fewer examples, or made fewer updates, may still learn.
# Settings are blamed after the first numbers if predictions are no better than a
# constant, and after the second if they are hardly better.
BLAMED_EXAMPLES, JUDGED_EXAMPLES = 200, 600
BLAMED_UPDATES, JUDGED_UPDATES = 20, 100
# Categories of which this share of the rows has an unknown level are hardly known. That
# does no harm if this share of the loss is explained all the same.
MANY_UNKNOWN, WELL_EXPLAINED = 0.1, 0.9
# Fewer rows do not tell the deviations of the columns.
ENOUGH_ROWS = 30
# Normalised inputs that vary by less than this hardly do, and larger ones than this are
# not normalised.
NARROW, LARGE_INPUTS = 0.05, 30.0


def watched(run: Run, monitor: Monitor, loss: float, theta: Array) -> Run:
    """Return the run with a look at the stream, to which this call adds a batch.

    Parameters
    ----------
    run : Run
    monitor : Monitor
        Has stopped.
    loss : float
        Mean loss of the batch before training on it.
    theta : ndarray of shape (n_weights,)
        The weights after training on it.
    """
    if not run.plan.keep_last or isinstance(run.objective.loss, CustomLoss):
        return run
    watch = _watch(run, monitor, loss, theta)
    return replace(run, left=replace(run.left, watch=watch))


def _watch(run: Run, monitor: Monitor, loss: float, theta: Array) -> StreamWatch:
    """Include the batch of this call, and look at the stream where that is due."""
    objective, scale = run.objective, getattr(run.coding, "scale", None)
    earlier = None if run.earlier is None else run.earlier.watch
    if earlier is None:
        watch = StreamWatch.start(objective, scale)
        share = _share_after(objective, theta)
        if share >= _least_share(run, watch):
            return watch
        return watch.looked(_find_fault(run, monitor, theta, watch, share))
    watch = earlier.including(objective, loss, scale)
    has_classes = objective.labels is not None
    if not (watch.is_due or (has_classes and watch.breaks_a_run)):
        return watch
    if watch.are_targets_constant:
        # a rare class has not come yet, perhaps
        return watch.looked(None)
    return watch.looked(_find_fault(run, monitor, theta, watch, watch.share))


def _share_after(objective: Objective, theta: Array) -> float:
    """Explained share of the best constant's loss after a large first batch."""
    if objective.n_samples < FIRST_LOOK or are_constant(objective.targets):
        return 1.0
    return explained_share(objective, theta, objective.value(theta))


def _find_fault(
    run: Run, monitor: Monitor, theta: Array, watch: StreamWatch, share: float
) -> Finding | None:
    """Find why the predictions of a stream are poor; None if they are not."""
    some = run.objective.sample(EXAMINED_ROWS, np.random.default_rng(0))
    some = replace(some, count=run.left.n_seen)
    case = Case(run.plan, some, some, theta, run.left.strength)
    # the next batch is like the latest one, so that forgetting does not show in it
    finding = (
        _unknown_levels(run, watch, share)
        or _small_targets(run, watch, share)
        or _order(run, watch)
    )
    limit = _least_share(run, watch)
    if share < limit:
        finding = finding or _mistake(case)
    if share < min(limit, LEAST_EXPLAINED):
        finding = finding or _poor_result(run, monitor, case, watch, share)
    if finding is None:
        return None
    if share < SUSPICIOUS:
        finding = reported(finding, share, monitor, is_flat(case))
    sentence = f"After {watch.n_seen} examples of the stream: {finding.sentence}"
    return finding._replace(sentence=sentence)


def _least_share(run: Run, watch: StreamWatch) -> float:
    """Share of the loss that should be explained by now: it grows with the stream."""
    if _has_had(run, watch, JUDGED_EXAMPLES, JUDGED_UPDATES):
        return SUSPICIOUS
    if watch.n_rows == 0:
        return HOPELESS
    if _has_had(run, watch, BLAMED_EXAMPLES, BLAMED_UPDATES):
        return LEAST_EXPLAINED
    return RUINED


def _has_had(run: Run, watch: StreamWatch, n_examples: int, n_updates: int) -> bool:
    """True if the network has been trained for so long."""
    updates = run.left.n_seen / run.plan.batch_size
    return watch.n_known >= n_examples and updates >= n_updates


def _unknown_levels(run: Run, watch: StreamWatch, explained: float) -> Finding | None:
    """Find a category with levels that came after the first batch.

    A single one is told from the others by having no input.
    """
    unknown, weights = run.left.unknown, run.left.weights
    is_early = not _has_had(run, watch, BLAMED_EXAMPLES, 0)
    if not unknown or weights is None or is_early or explained >= WELL_EXPLAINED:
        return None
    name, n_rows = max(unknown.items(), key=lambda item: item[1])
    share = n_rows / weights.n_rows
    if share < MANY_UNKNOWN:
        return None
    return Finding(
        f"{share:.0%} of the rows have a level of column {name!r} that the first batch "
        "did not have, and so no input for it.",
        "categorical_features",
        "Begin with a larger first batch, or declare all levels by a categorical type "
        "of pandas or an Enum of polars.",
        cause="unknown levels",
    )


def _small_targets(run: Run, watch: StreamWatch, share: float) -> Finding | None:
    """Find targets far smaller than the scale that unusual earlier ones have set."""
    is_followed = run.left.is_stream and watch.scale is not None
    if watch.n_rows == 0 or not is_followed or share >= LEAST_EXPLAINED:
        return None
    deviation = np.sqrt(watch.variation)
    if deviation >= SMALLEST_SIZE:
        return None
    return Finding(
        f"the latest targets have a deviation of {deviation:.2g} in units of the scale "
        "that earlier ones have set, which were very different.",
        "normalize_target",
        "The scale will follow when as many usual examples have come, 300 at least; "
        "or begin with a new estimator, without the unusual targets.",
        cause="unusual earlier targets",
    )


def _order(run: Run, watch: StreamWatch) -> Finding | None:
    """Find batches whose order decides about their targets."""
    by_class = run.objective.labels is not None
    if watch.n_rows == 0 or not watch.is_ordered(by_class=by_class):
        return None
    return Finding(
        "the examples come in sorted order, or in long runs of similar targets, and "
        "each batch makes the network forget the earlier ones.",
        "shuffle",
        "shuffle mixes the rows of one batch alone: shuffle all rows before they are "
        "cut into batches, or use fit or sk_effprop.out_of_core.fit_batches.",
        cause=SORTED_PRESENTATION,
    )


def _mistake(case: Case) -> Finding | None:
    """Find a cause that the hyperparameters show, or the inputs of this batch."""
    few = case.objective.n_samples < ENOUGH_ROWS
    known = (rule for rule in MISTAKES if not (few and rule is rules.raw_inputs))
    found = (rule(case) for rule in (*known, _large_inputs, _narrow_inputs))
    return next((finding for finding in found if finding is not None), None)


def _large_inputs(case: Case) -> Finding | None:
    """Find inputs that are not normalised, in however few rows."""
    given, largest = case.plan.given, float(np.max(np.abs(case.inputs), initial=0.0))
    if given.normalize not in rules.UNEVEN_KINDS or largest <= LARGE_INPUTS:
        return None
    return Finding(
        f"inputs are as large as {largest:.3g} (normalize={given.normalize!r}).",
        "normalize",
        "Use normalize='robust'.",
        cause="uneven input scales",
        value="robust",
    )


def _narrow_inputs(case: Case) -> Finding | None:
    """Find inputs that are far smaller than the scale that earlier ones have set."""
    few = case.objective.n_samples < ENOUGH_ROWS
    if few or isinstance(case.some.inputs, FoldedSparse):
        return None
    deviation = np.std(case.inputs, axis=0)
    if not (deviation > 0.0).any() or np.max(deviation) >= NARROW:
        return None
    return Finding(
        f"the normalised inputs of this batch vary by {np.max(deviation):.2g} at most, "
        "because earlier rows were very different.",
        "normalize",
        "Begin a new estimator without those rows, or scale X and use normalize=None.",
        cause="unusual earlier inputs",
    )


def _poor_result(
    run: Run, monitor: Monitor, case: Case, watch: StreamWatch, share: float
) -> Finding | None:
    """Find a cause in the result, or say that none was found."""
    finding = rules.strong_penalty(case)
    is_early = not _has_had(run, watch, JUDGED_EXAMPLES, JUDGED_UPDATES)
    may_improve = is_early and share >= HOPELESS
    if finding is not None or may_improve or monitor.reason == Reason.DIVERGED:
        return finding
    given = run.plan.given
    if not isinstance(given.init, str):
        sentence = "init may be unsuitable."
        return Finding(sentence, "init", "Try init='lecun_uniform'.")
    return Finding(
        "either nothing in X predicts y, or training makes no progress.",
        "learning_rate_init",
        "Try another learning_rate_init or hidden_layer_sizes; fit on some thousand of "
        "the examples at once tells more about the cause.",
    )
