"""Search for the cause of a useless fit, and for the hyperparameter to change.

A finished fit is compared with the best constant outputs.  If it is no better, the
likely causes are looked for in the order in which they exclude each other, and the
first that is found names its hyperparameter.  Advice never names a value that is on::

    finding = find_fault(run, monitor, theta, loss)
    finding.sentence     # "learning_rate_init=1e-06 is too small."
    finding.parameter    # "learning_rate_init"
    finding.advice       # "Use 'auto', which would start with 0.12."
"""

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.baseline import constant_value
from sk_effprop.core.network import forward
from sk_effprop.core.objective import Objective
from sk_effprop.estimators import _extremes as extremes
from sk_effprop.estimators import _imbalances as imbalances
from sk_effprop.estimators import _rules as rules
from sk_effprop.estimators._auto import Plan
from sk_effprop.estimators._held_out import few_to_train_on, unlike_validation
from sk_effprop.estimators._neighbours import (
    CORRELATED,
    NEARLY_EQUAL,
    has_neighbours,
    missed_structure,
)
from sk_effprop.estimators._rules import Case
from sk_effprop.estimators._run import Run
from sk_effprop.solvers import BATCH
from sk_effprop.solvers.base import Reason
from sk_effprop.training.convergence import WARNINGS, Finding
from sk_effprop.training.monitor import Monitor

# A fit that explains a smaller share of the constant's loss is of no use.  A larger
# share may be all that noise allows, so it is suspicious only together with a setting
# that is known to harm.
LEAST_EXPLAINED, SUSPICIOUS = 0.01, 0.2
# A sorted presentation does harm to better fits, too, and so does what keeps a network
# from what neighbouring examples have in common.
SUSPICIOUS_IF_SORTED, SUSPICIOUS_IF_SHARED = 0.7, 0.5
# The loss oscillates if its mean over the last epochs is so much above the best; half
# the usual momentum calms it.
OSCILLATING, LARGE_MOMENTUM = 0.1, 0.5
# Outputs that vary by less than this share of their targets are flat.
FLAT_SHARE = 0.1
DIVERGED = WARNINGS[Reason.DIVERGED]
# Shorter fits are experiments, which nobody expects to be of use.
FEWEST_ITERATIONS = 10
# Fewer iterations without progress may be an accident.
LEAST_PATIENCE = 3
LIMITS = {Reason.MAX_ITER: "max_iter", Reason.MAX_FUN: "max_fun"}
CONCLUSIVE = (Reason.CONVERGED, Reason.PRECISION, Reason.DIVERGED)
# Examples on which causes are looked for.
EXAMINED_ROWS = 500
# Targets whose range is this share of their size are constant.
NO_RANGE = 1e-9
# A solver has ended far from a minimum if a step of this share of the weights promises
# to lower the objective by that share of it, unless the objective is already small.
PROMISING_STEP, PROMISE, SMALL_OBJECTIVE = 0.1, 0.1, 0.01
# Training was cut off if the last third of its epochs at the full rate lowered the mean
# loss by more than this share of it, and more than that share of a constant's is left.
STEEP, MUCH_LEFT, SHORTEST_CURVE = 0.25, 0.1, 9


# In the order in which the causes exclude each other: too large a rate, and targets far
# out, saturate units, which then seem to allow a larger rate.
MISTAKES = (
    extremes.extreme_setting,
    extremes.extreme_quantile,
    extremes.extreme_activation,
    extremes.identical_units,
    imbalances.uneven_weights,
    rules.too_large_rate,
    rules.target_scale,
    rules.saturated_units,
    extremes.exploding_weights,
    extremes.vanishing_weights,
    rules.too_deep,
    rules.too_small_rate,
    imbalances.fading_rate,
    rules.raw_inputs,
    imbalances.outlying_inputs,
    rules.targets_off_range,
)


def find_fault(run: Run, monitor: Monitor, theta: Array, loss: float) -> Finding | None:
    """Find why a finished fit is of no use; None if it is of use.

    Parameters
    ----------
    run : Run
    monitor : Monitor
        Has stopped.
    theta : ndarray of shape (n_weights,)
        The weights that are kept.
    loss : float
        The objective there.
    """
    if run.plan.keep_last:
        return _stream_fault(run, monitor)
    if monitor.reason == Reason.INTERRUPTED:
        # the user may go on
        return None
    objective = run.objective
    if are_constant(objective.sampled.targets):
        # predicted by anything
        return None
    share = explained_share(objective, theta, loss)
    finding = _given_end(run, monitor, share)
    is_short = monitor.n_now < FEWEST_ITERATIONS
    if finding is not None or (is_short and monitor.reason not in CONCLUSIVE):
        return finding
    return (
        few_to_train_on(run, monitor)
        or _poor_fit(run, monitor, theta, share)
        or _early_end(run, monitor, theta, share)
        or unlike_validation(monitor)
    )


def _given_end(run: Run, monitor: Monitor, share: float) -> Finding | None:
    """Find a limit of the user's that has ended training before it was of any use."""
    given, n = run.plan.given, monitor.n_now
    if monitor.reason == Reason.STALLED and share < 1.0 - MUCH_LEFT:
        return _impatient(run)
    if share >= LEAST_EXPLAINED:
        return None
    useless = "Predictions are no better than a constant:"
    if monitor.reason == Reason.GOAL:
        sentence = f"{useless} goal={given.goal:.3g} is not below the loss of one."
        advice = "Use goal=None, or a far smaller one."
        return Finding(sentence, "goal", advice, value=None)
    if monitor.reason == Reason.MAX_TIME:
        sentence = f"{useless} max_time={given.max_time} ended training after {n} "
        sentence += "iteration." if n == 1 else "iterations."
        return Finding(sentence, "max_time", "Increase max_time.")
    return None


def _impatient(run: Run) -> Finding | None:
    """Find a patience that a single bad iteration may exhaust."""
    patience = run.plan.patience
    if patience >= LEAST_PATIENCE:
        return None
    sentence = f"Training ended early: n_iter_no_change={patience:.3g} is too small."
    return Finding(sentence, "n_iter_no_change", "Use n_iter_no_change=10.", value=10)


def _stream_fault(run: Run, monitor: Monitor) -> Finding | None:
    """Return the verdict on a stream, which comes from more than one batch."""
    watch = run.left.watch
    finding = None if watch is None else watch.finding
    if watch is None or finding is None or watch.is_fresh:
        return finding
    if monitor.reason != Reason.DIVERGED:
        return finding
    return finding._replace(sentence=f"{DIVERGED} {finding.sentence}")


def are_constant(targets: Array) -> bool:
    """True if no target differs from another by more than rounding."""
    size = np.max(np.abs(targets), axis=0)
    return bool((np.ptp(targets, axis=0) <= NO_RANGE * size).all())


def explained_share(objective: Objective, theta: Array, loss: float) -> float:
    """Share of the loss of the best constant that the network explains."""
    baseline = constant_value(objective)
    explained = baseline - (loss - objective.penalty_value(theta))
    # the loss of tiny targets may be 0 in any precision
    return explained / max(baseline, float(np.finfo(np.float64).tiny))


def _poor_fit(run: Run, monitor: Monitor, theta: Array, share: float) -> Finding | None:
    """Find why a fit explains little of the constant's loss; None if it does not."""
    is_recovered = monitor.n_recoveries > 0
    if share >= SUSPICIOUS_IF_SORTED and not is_recovered:
        return None
    case = _case(run, theta)
    finding = rules.sorted_presentation(case)
    if share < SUSPICIOUS or is_recovered:
        finding = _mistake(case) or finding
    if monitor.reason != Reason.DIVERGED:
        finding = finding or _poor_result(run, monitor, case, share)
    if finding is None:
        return None
    return reported(finding, share, monitor, is_flat(case))


def _poor_result(
    run: Run, monitor: Monitor, case: Case, share: float
) -> Finding | None:
    """Find a cause in the result, where no hyperparameter is known to do harm."""
    is_useless = share < LEAST_EXPLAINED
    finding = _hasty(case.plan, monitor) if share < SUSPICIOUS else None
    if is_useless and not _is_limited(run, monitor):
        finding = finding or extremes.linear_network(case)
    # with few inputs, neighbours tell whether there is more to be learnt
    is_told_here = is_useless or (share < SUSPICIOUS and not has_neighbours(case))
    if is_told_here and not extremes.is_linear(case):
        finding = finding or rules.undecided_penalty(case)
    if is_useless:
        finding = (
            finding
            or rules.strong_penalty(case)
            or _far_from_minimum(run, monitor, case.theta)
        )
    if share < SUSPICIOUS:
        finding = finding or _oscillation(run, monitor)
    finding = finding or _cut_off(run, monitor)
    if share > -LEAST_EXPLAINED:
        least = CORRELATED if share < SUSPICIOUS_IF_SHARED else NEARLY_EQUAL
        finding = finding or _missed(case, monitor, least)
    return finding or (_plateau(run, monitor) if is_useless else None)


def _is_limited(run: Run, monitor: Monitor) -> bool:
    """True if training ended at a limit that the user has set."""
    is_given = not isinstance(run.plan.given.max_iter, str)
    return monitor.reason in LIMITS and (is_given or monitor.reason == Reason.MAX_FUN)


def _early_end(
    run: Run, monitor: Monitor, theta: Array, share: float
) -> Finding | None:
    """Find what has stopped training far from a minimum, where the fit is of use."""
    finding = None
    if share < 1.0 - MUCH_LEFT:
        finding = _cut_off(run, monitor) or _hasty(run.plan, monitor)
    finding = finding or _far_from_minimum(run, monitor, theta)
    if finding is None:
        return None
    return finding._replace(sentence=f"Training ended early: {finding.sentence}")


def _hasty(plan: Plan, monitor: Monitor) -> Finding | None:
    """Find a tolerance that has ended training in its first steps."""
    tol = plan.given.tol
    is_cause = monitor.reason in (Reason.STALLED, Reason.CONVERGED, Reason.STUCK)
    if not is_cause or tol <= extremes.LARGE_TOL:
        return None
    sentence = f"tol={tol:.3g} is too large."
    return Finding(sentence, "tol", "Use tol=0.0001.", value=1e-4)


def _oscillation(run: Run, monitor: Monitor) -> Finding | None:
    """Find steps that led away from the best weights until patience was at an end."""
    plan, curve = run.plan, np.array(monitor.loss_curve[-monitor.n_now :])
    is_stall = monitor.reason == Reason.STALLED and monitor.validate is None
    if plan.solver in BATCH or not is_stall or monitor.initial_rates is None:
        return None
    latest = float(np.mean(curve[-FEWEST_ITERATIONS:]))
    if not latest > (1.0 + OSCILLATING) * abs(monitor.best_value):
        return None
    sentence = "the loss oscillates far above that of the best weights."
    if plan.solver != "adam" and plan.given.momentum > LARGE_MOMENTUM:
        advice = f"Use momentum={LARGE_MOMENTUM}."
        return Finding(sentence, "momentum", advice, value=LARGE_MOMENTUM)
    lower = float(f"{monitor.initial_rates.eta / 4.0:.2g}")
    advice = f"Start with learning_rate_init={lower:.2g}, or use solver='lbfgs'."
    return Finding(sentence, "learning_rate_init", advice, value=lower)


def _missed(case: Case, monitor: Monitor, least: float) -> Finding | None:
    """Find what was left to be learnt, unless the user or other data ended it."""
    is_short = monitor.reason in (Reason.GOAL, Reason.MAX_TIME, Reason.CALLBACK)
    is_planned = monitor.reason == Reason.MAX_ITER and case.plan.given.tol == 0
    has_ended = is_short or is_planned or monitor.validate is not None
    if has_ended or extremes.is_linear(case):
        return None
    finding = missed_structure(case, monitor.reason, least)
    if finding is None:
        return None
    # a setting that is known to do harm rather than what else could help
    return _mistake(case) or _hasty(case.plan, monitor) or finding


def _mistake(case: Case) -> Finding | None:
    """Find a cause that the hyperparameters show, whatever the data."""
    found = (rule(case) for rule in MISTAKES)
    return next((finding for finding in found if finding is not None), None)


def reported(
    finding: Finding, share: float, monitor: Monitor, is_flat: bool
) -> Finding:
    """Say first how bad the fit is."""
    if monitor.reason == Reason.DIVERGED:
        result = DIVERGED.removesuffix(".")
    elif share < -LEAST_EXPLAINED:
        result = "Predictions are worse than a constant"
    elif is_flat:
        result = "Predictions hardly depend on the inputs"
    elif share < LEAST_EXPLAINED:
        result = "Predictions are no better than a constant"
    elif monitor.n_recoveries:
        result = (
            "Training diverged and continued from the best weights, with the rate "
            f"halved {monitor.n_recoveries} times"
        )
    else:
        result = f"The fit explains {100 * share:.0f} % of the loss of a constant"
    return finding._replace(sentence=f"{result}: {finding.sentence}", is_flat=is_flat)


def _case(run: Run, theta: Array) -> Case:
    some = run.objective.sample(EXAMINED_ROWS, np.random.default_rng(0))
    return Case(run.plan, run.objective, some, theta, run.left.strength)


def is_flat(case: Case) -> bool:
    """True if outputs vary far less than their targets."""
    some = case.some
    outputs = forward(some.network, case.theta, some.inputs, only_values=True).outputs
    spread, wanted = np.std(outputs, axis=0), np.std(some.targets, axis=0)
    return bool((spread <= FLAT_SHARE * wanted).all())


# ----------------------------------------------------------------- the end of training


def _far_from_minimum(run: Run, monitor: Monitor, theta: Array) -> Finding | None:
    """Find a solver that rounding has stopped far from any minimum."""
    if monitor.reason != Reason.PRECISION:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        value, gradient = run.objective.value_and_gradient(theta)
        promise = float(np.linalg.norm(theta)) * float(np.linalg.norm(gradient))
    is_small = abs(value) <= SMALL_OBJECTIVE * abs(monitor.null_value)
    if is_small or promise * PROMISING_STEP <= PROMISE * abs(value):
        return None
    sentence = (
        "no lower objective could be found, although its gradient is far from zero."
    )
    if run.plan.given.normalize is None:
        return Finding(sentence, "normalize", "Use normalize='robust'.")
    if not isinstance(run.plan.given.init, str):
        return Finding(sentence, "init", "Use init='lecun_uniform'.")
    advice = "Check the scales of y and sample_weight, or use solver='sgd'."
    return Finding(sentence, "solver", advice)


def _plateau(run: Run, monitor: Monitor) -> Finding | None:
    """Blame the end of training, unless the user or validation data decided on it."""
    plan = run.plan
    is_planned = monitor.reason == Reason.MAX_ITER and plan.given.tol == 0
    if is_planned or monitor.validate is not None:
        return None
    if monitor.reason in LIMITS:
        name = LIMITS[Reason(monitor.reason)]
        now = plan.max_iter if name == "max_iter" else plan.given.max_fun
        sentence = f"training was cut off by {name}={now}."
        return Finding(sentence, name, f"Increase {name}, to {4 * now} say.")
    sentence = "training stopped on a plateau, or there is nothing to be learnt."
    if isinstance(plan.given.alpha, str) and plan.alpha.any():
        weaker = float(plan.alpha.max()) / 100.0
        longer = "" if plan.given.tol == 0 else " with tol=0"
        advice = f"Try alpha={weaker:.1g}{longer}, or another init or random_state."
        return Finding(sentence, "alpha", advice)
    longer = "" if plan.given.tol == 0 else "tol=0, or "
    return Finding(sentence, "init", f"Try {longer}another init or random_state.")


def _cut_off(run: Run, monitor: Monitor) -> Finding | None:
    """Find training that ended while the loss still fell steeply."""
    plan, curve = run.plan, np.array(monitor.loss_curve[-monitor.n_now :])
    is_planned = plan.given.tol == 0 or monitor.validate is not None
    if plan.solver in BATCH or monitor.reason != Reason.MAX_ITER or is_planned:
        return None
    rates = np.array(monitor.history.rates[-len(curve) :])
    # a rate that falls to zero lowers the loss anyway
    n = int(np.sum(rates >= 0.99 * rates.max()))
    if n < SHORTEST_CURVE or not np.isfinite(curve).all():
        return None
    third = n // 3
    before = np.mean(curve[n - 2 * third : n - third])
    after = np.mean(curve[n - third : n])
    if not (before - after > STEEP * abs(after)):
        return None
    sentence = "the loss still fell steeply:"
    case = _case(run, monitor.best_theta)
    finding = rules.too_large_rate(case) or rules.too_small_rate(case)
    if finding is not None:
        return finding._replace(sentence=f"{sentence} {finding.sentence}")
    sentence += f" max_iter={plan.max_iter} is too small."
    return Finding(sentence, "max_iter", f"Increase it, to {4 * plan.max_iter} say.")
