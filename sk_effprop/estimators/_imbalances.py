"""Rules about what is uneven: rates over training, weights and sizes of examples.

Each of them is a rule like those of :mod:`sk_effprop.estimators._rules`: it looks at a
Case, and returns a Finding or None.
"""

import numpy as np

from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.schedules import SCHEDULES, Progress, ScheduleSettings
from sk_effprop.estimators._rules import MUCH_SMALLER, Case
from sk_effprop.solvers import BATCH
from sk_effprop.training.convergence import Finding

# The mean of a schedule is taken over so many of its epochs.
N_EPOCHS = 200
# Classes whose examples have this share of all weight leave nothing to the others, if
# they are not almost all examples anyway.
ALMOST_ALL, MOST = 0.99, 0.9
# Weights leave nothing if the examples count as less than this share of their number,
# or as less than so many.
EFFECTIVE_SHARE, FEWEST_EFFECTIVE = 0.02, 3.0
# Inputs this many interquartile ranges away from the others squeeze these together.
FAR_AWAY, FEWEST_ROWS = 100.0, 10


def fading_rate(case: Case) -> Finding | None:
    """Find a schedule that falls to next to nothing long before training ends."""
    given, solver = case.plan.given, case.plan.solver
    if solver in BATCH or solver == "adam" or given.learning_rate == "cosine":
        return None
    share = mean_factor(case)
    if share >= MUCH_SMALLER:
        return None
    return Finding(
        f"learning_rate={given.learning_rate!r} falls so fast that the mean rate of "
        f"{case.plan.max_iter} epochs is {100.0 * share:.2g} % of the first.",
        "learning_rate",
        "Use learning_rate='cosine'.",
        cause="learning rate falls too fast",
        value="cosine",
    )


def mean_factor(case: Case) -> float:
    """Mean of the factor by which the schedule lowers the rate."""
    plan, given = case.plan, case.plan.given
    schedule = SCHEDULES[given.learning_rate]
    settings = ScheduleSettings(given.power_t, given.annealing_tau, plan.max_iter)
    epochs = np.unique(np.linspace(0, plan.max_iter - 1, N_EPOCHS).astype(int))
    n = case.objective.sampled.n_samples
    factors = [
        # in the middle of the epoch
        schedule.factor(Progress(int(epoch), int((epoch + 0.5) * n)), settings)
        for epoch in epochs
    ]
    return float(np.mean(factors))


def uneven_weights(case: Case) -> Finding | None:
    """Find weights with which few examples, or one class, count for all."""
    weight = case.objective.sampled.sample_weight
    if weight is None:
        return None
    return _dominant_class(case) or _few_heavy_examples(weight)


def _dominant_class(case: Case) -> Finding | None:
    objective = case.objective.sampled
    given = getattr(case.plan.given, "class_weight", None)
    if not isinstance(given, dict) or objective.labels is None:
        return None
    labels, weight = objective.labels, objective.sample_weight
    total = np.bincount(labels, weights=weight)
    k = int(np.argmax(total))
    share, n_examples = total[k] / total.sum(), np.mean(labels == k)
    if share < ALMOST_ALL or n_examples > MOST:
        return None
    return Finding(
        f"one class has {100.0 * share:.4g} % of all weight (class_weight), and "
        f"{100.0 * n_examples:.2g} % of the examples.",
        "class_weight",
        "Use class_weight='balanced', or None.",
        cause="uneven class weights",
        value="balanced",
    )


def _few_heavy_examples(weight: np.ndarray) -> Finding | None:
    heavy = weight / np.max(weight)
    n, n_effective = len(heavy), float(heavy.sum() ** 2 / np.sum(heavy**2))
    if n_effective > max(FEWEST_EFFECTIVE, EFFECTIVE_SHARE * n) or n < FEWEST_ROWS:
        return None
    return Finding(
        f"sample_weight is so uneven that {n} examples count as {n_effective:.2g}.",
        "sample_weight",
        "Use weights whose sizes differ less.",
        cause="uneven sample weights",
    )


def outlying_inputs(case: Case) -> Finding | None:
    """Find inputs so far from all others that these hardly differ any more."""
    given, inputs = case.plan.given, case.objective.sampled.inputs
    is_off = given.input_clip is not None or given.normalize is None
    if is_off or isinstance(inputs, FoldedSparse) or len(inputs) < FEWEST_ROWS:
        return None
    low, middle, high = np.quantile(case.inputs, [0.25, 0.5, 0.75], axis=0)
    X = inputs[:, :-1]
    distance = np.maximum(X.max(axis=0) - middle, middle - X.min(axis=0))
    is_far = (distance > FAR_AWAY * (high - low)) & (high > low)
    if not is_far.any():
        return None
    ratio = np.max(distance[is_far] / (high - low)[is_far])
    return Finding(
        f"some inputs are {ratio:.2g} interquartile ranges away from the median "
        "(input_clip=None).",
        "input_clip",
        "Use input_clip=8 and normalize='robust'.",
        cause="outliers in the inputs",
        value=8.0,
    )
