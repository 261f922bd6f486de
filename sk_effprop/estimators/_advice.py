"""Why a fit is of no use, and which hyperparameter to change.

A finished fit is compared with the best constant outputs.  If it is no better, the
likely causes are looked for in the order in which they exclude each other, and the
first that is found names its hyperparameter.  Advice never names a value that is on::

    finding = find_fault(run, monitor, theta, loss)
    finding.sentence     # "learning_rate_init=1e-06 is too small."
    finding.parameter    # "learning_rate_init"
    finding.advice       # "Use 'auto', which would start with 0.12."
"""

from dataclasses import replace

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.baseline import constant_value
from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.network import forward
from sk_effprop.core.objective import Objective
from sk_effprop.estimators._build import make_rate_rule
from sk_effprop.estimators._run import Run
from sk_effprop.solvers import BATCH
from sk_effprop.solvers.base import Reason
from sk_effprop.training.convergence import Finding
from sk_effprop.training.monitor import Monitor

# A fit that explains a smaller share of the constant's loss is of no use.  A larger
# share may be all that noise allows, so it is suspicious only together with a setting
# that is known to harm.
LEAST_EXPLAINED, SUSPICIOUS = 0.01, 0.2
# A sorted presentation does harm to better fits, too.
SUSPICIOUS_IF_SORTED = 0.7
# Outputs that vary by less than this share of their targets are flat.
FLAT_SHARE = 0.1
# Shorter fits are experiments, which nobody expects to be of use.
FEWEST_ITERATIONS = 10
CONCLUSIVE = (Reason.CONVERGED, Reason.PRECISION, Reason.DIVERGED)
# Examples on which causes are looked for.
EXAMINED_ROWS = 500
# A unit is saturated if its derivative is this share of the largest, and a layer if
# this share of its values is.
SATURATED, MOSTLY = 0.01, 0.8
# Output weights below this size are the work of a penalty, not of saturated units.
SMALL_WEIGHT = 0.1
# No signal passes initial weights below this share of the paper's (eq. 16), nor more
# layers than this of an activation that is not centred.
VANISHING, DEEP = 0.05, 4
# Strengths from which alpha="auto" leaves nothing of a network.
UNDECIDED = 0.5
# Rates further than this from the automatic one are blamed.
MUCH_SMALLER, MUCH_LARGER = 0.03, 5.0
# Raw columns whose deviations differ by more, or means that many deviations away.
UNEVEN, FAR_AWAY = 30.0, 5.0
# kinds of normalisation that leave them
UNEVEN_KINDS = (None, "center", "scale")
# Constant losses below this are those of constant targets.
NO_LOSS = 1e-9
# Successive labels change less often than this share of what a random order gives.
SORTED = 0.2
# A solver has ended far from a minimum if a step of this share of the weights promises
# to lower the objective by that share of it, unless the objective is already small.
PROMISING_STEP, PROMISE, SMALL_OBJECTIVE = 0.1, 0.1, 0.01
# Training was cut off if the last third of its epochs at the full rate lowered the mean
# loss by more than this share of it, and more than that share of a constant's is left.
STEEP, MUCH_LEFT, SHORTEST_CURVE = 0.25, 0.1, 9


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
    if run.plan.keep_last or monitor.reason == Reason.INTERRUPTED:
        # the next batch of a stream goes on, and so may the user
        return None
    if monitor.n_now < FEWEST_ITERATIONS and monitor.reason not in CONCLUSIVE:
        return None
    objective = run.objective
    baseline = constant_value(objective)
    explained = baseline - (loss - objective.penalty_value(theta))
    if baseline <= NO_LOSS:
        # constant targets are predicted by anything
        return None
    share = explained / baseline
    some = objective.sample(EXAMINED_ROWS, np.random.default_rng(0))
    if share < SUSPICIOUS_IF_SORTED or monitor.n_recoveries:
        finding = _sorted_presentation(run)
        if share < SUSPICIOUS or monitor.n_recoveries:
            finding = _mistake(run, some, theta) or finding
        if share < LEAST_EXPLAINED and monitor.reason != Reason.DIVERGED:
            finding = (
                finding
                or _penalty(run, some, theta)
                or _far_from_minimum(run, monitor, theta)
                or _plateau(run, monitor)
            )
        if finding is not None:
            return _reported(finding, share, monitor, _is_flat(some, theta))
    cut_off = _cut_off(run, monitor) if share < 1.0 - MUCH_LEFT else None
    if cut_off is not None:
        return cut_off
    finding = _far_from_minimum(run, monitor, theta)
    if finding is None:
        return None
    return finding._replace(sentence=f"Training ended early: {finding.sentence}")


def _mistake(run: Run, some: Objective, theta: Array) -> Finding | None:
    """Find a cause that the hyperparameters show, whatever the data."""
    return (
        # too large a rate saturates units, which then seem to allow a larger one
        _rate(run, some, theta, only_large=True)
        or _saturated_units(run, some, theta)
        or _vanishing_weights(run, some)
        or _rate(run, some, theta)
        or _raw_inputs(run, some)
    )


def _reported(
    finding: Finding, share: float, monitor: Monitor, is_flat: bool
) -> Finding:
    """Say first how bad the fit is."""
    if monitor.reason == Reason.DIVERGED:
        result = "Training diverged; the best weights so far are kept"
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


def _is_flat(some: Objective, theta: Array) -> bool:
    outputs = forward(some.network, theta, some.inputs, only_values=True).outputs
    spread, wanted = np.std(outputs, axis=0), np.std(some.targets, axis=0)
    return bool((spread <= FLAT_SHARE * wanted).all())


# ------------------------------------------------------------------------------ causes


def _saturated_units(run: Run, some: Objective, theta: Array) -> Finding | None:
    """Find a layer whose derivatives vanish for most examples."""
    given = run.plan.given
    passes = forward(some.network, theta, some.inputs)
    shares = []
    for activation, derivative in zip(
        some.network.activations[:-1], passes.derivatives, strict=False
    ):
        largest = max(abs(float(activation.df(0.0))), abs(float(activation.df(1.0))))
        slope = np.abs(activation.derivative_scale * derivative)
        shares.append(float(np.mean(slope <= SATURATED * largest)))
    if not shares or max(shares) < MOSTLY:
        return None
    layer = int(np.argmax(shares)) + 1
    sentence = (
        f"{100 * max(shares):.0f} % of the activations of hidden layer {layer} are "
        "saturated or dead."
    )
    if given.normalize in UNEVEN_KINDS:
        return Finding(sentence, "normalize", "Use normalize='robust'.")
    if not isinstance(given.init, str):
        return Finding(sentence, "init", "Use init='lecun_uniform'.")
    if run.plan.learning_rate_init is not None and run.plan.solver not in BATCH:
        advice = "Decrease learning_rate_init, or use 'auto'."
        return Finding(sentence, "learning_rate_init", advice)
    name = given.activation
    advice = "Use fewer hidden layers, or another activation"
    advice += "." if name == "lecun_tanh" else ", such as 'lecun_tanh'."
    return Finding(sentence, "activation", advice)


def _vanishing_weights(run: Run, some: Objective) -> Finding | None:
    """Find initial weights, or a stack of layers, through which no signal passes."""
    given, sizes = run.plan.given, some.network.sizes
    n_hidden = len(sizes) - 2
    if isinstance(given.init, float | int) and n_hidden > 0:
        usual = 1.0 / np.sqrt(max(sizes[:-1]))
        if given.init < VANISHING * usual:
            sentence = f"init={given.init:.3g} is too small for the signal to pass."
            return Finding(sentence, "init", "Use init='lecun_uniform'.")
    if n_hidden > DEEP and given.activation in ("logistic", "relu", "softplus"):
        sentence = (
            f"{n_hidden} hidden layers of {given.activation!r} units are too many."
        )
        advice = "Use activation='lecun_tanh', or fewer hidden layers."
        return Finding(sentence, "activation", advice)
    return None


def _rate(
    run: Run, some: Objective, theta: Array, *, only_large: bool = False
) -> Finding | None:
    """Compare a given learning rate with the automatic one."""
    plan = run.plan
    given = plan.given.learning_rate_init
    if plan.solver in BATCH or plan.solver == "adam" or isinstance(given, str):
        return None
    rule = replace(make_rate_rule(plan, some.network, plan.batch_size), eta=None)
    automatic = rule(some, theta, np.random.default_rng(0)).eta
    is_small = given < MUCH_SMALLER * automatic and not only_large
    if not (is_small or given > MUCH_LARGER * automatic):
        return None
    how = "small" if given < automatic else "large"
    sentence = f"learning_rate_init={given:.3g} is too {how}."
    advice = f"Use 'auto', or {automatic:.2g}."
    return Finding(sentence, "learning_rate_init", advice)


def _raw_inputs(run: Run, some: Objective) -> Finding | None:
    """Find inputs of uneven scales, or far from zero, that are not normalised."""
    normalize = run.plan.given.normalize
    inputs = some.inputs
    X = (inputs.filled() if isinstance(inputs, FoldedSparse) else inputs)[:, :-1]
    mean, deviation = np.mean(X, axis=0), np.std(X, axis=0)
    varies = deviation > 0.0
    if not varies.any():
        sentence = "no input varies (after normalize and input_clip)."
        return Finding(
            sentence, "normalize", "Use normalize='robust', or other inputs."
        )
    if normalize not in UNEVEN_KINDS:
        return None
    mean, deviation = np.abs(mean[varies]), deviation[varies]
    is_uneven = deviation.max() > UNEVEN * deviation.min()
    is_off = max(deviation.max(), 1.0 / deviation.min()) > UNEVEN
    if not (is_uneven or is_off or (mean > FAR_AWAY * deviation).any()):
        return None
    sentence = (
        f"the inputs have uneven scales or large means (normalize={normalize!r})."
    )
    return Finding(sentence, "normalize", "Use normalize='robust'.")


def _sorted_presentation(run: Run) -> Finding | None:
    """Find labels, or targets, that are presented in sorted order."""
    plan, objective = run.plan, run.objective.sampled
    if plan.solver in BATCH or plan.order is not False:
        return None
    y = objective.labels if objective.labels is not None else objective.targets[:, 0]
    changes = np.abs(np.diff(y.astype(float)))
    shuffled = np.random.default_rng(0).permutation(y.astype(float))
    expected = np.mean(np.abs(np.diff(shuffled)))
    if np.mean(changes) > SORTED * expected:
        return None
    sentence = "the examples are presented in sorted order (shuffle=False)."
    return Finding(sentence, "shuffle", "Use shuffle='auto'.")


def _penalty(run: Run, some: Objective, theta: Array) -> Finding | None:
    """Find a penalty that has kept the weights of the outputs small."""
    alpha, objective = run.plan.alpha, run.objective
    top = some.network.layers(theta)[-1][:-1]
    if not alpha.any() or np.abs(top).max(initial=0.0) > SMALL_WEIGHT:
        return None
    weaker = float(alpha.max()) / 100.0
    if isinstance(run.plan.given.alpha, str) and run.left.strength < UNDECIDED:
        return None
    if isinstance(run.plan.given.alpha, str):
        sentence = (
            f"alpha={run.plan.given.alpha!r} found nothing that predicts examples "
            f"that were left out, and chose a penalty of {alpha.max():.2g}."
        )
        advice = f"To fit these data all the same, set alpha, to {weaker:.1g} say."
        return Finding(sentence, "alpha", advice)
    if float(alpha.max()) * objective.count < max(objective.network.sizes[:-1]):
        return None
    sentence = f"the penalty alpha={run.plan.given.alpha:.3g} is too strong."
    advice = (
        f"Decrease alpha, to {weaker:.1g} say, or use 'auto'; MLPClassifier and "
        "MLPRegressor divide theirs by the batch size."
    )
    return Finding(sentence, "alpha", advice)


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
    limits = {Reason.MAX_ITER: "max_iter", Reason.MAX_FUN: "max_fun"}
    if monitor.reason in limits:
        name = limits[Reason(monitor.reason)]
        now = plan.max_iter if name == "max_iter" else plan.given.max_fun
        sentence = f"training was cut off by {name}={now}."
        return Finding(sentence, name, f"Increase {name}, to {4 * now} say.")
    if len(run.objective.network.sizes) == 2:
        sentence = "a linear model cannot explain these targets."
        advice = "Use hidden layers, such as hidden_layer_sizes=(32, 16)."
        return Finding(sentence, "hidden_layer_sizes", advice)
    sentence = "training stopped on a plateau, or there is nothing to be learnt."
    if isinstance(plan.given.alpha, str) and plan.alpha.any():
        weaker = float(plan.alpha.max()) / 100.0
        advice = f"Try alpha={weaker:.1g} with tol=0, or another init or random_state."
        return Finding(sentence, "alpha", advice)
    return Finding(sentence, "init", "Try tol=0, or another init or random_state.")


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
    sentence = "Training ended while the loss still fell steeply:"
    some = run.objective.sample(EXAMINED_ROWS, np.random.default_rng(0))
    finding = _rate(run, some, monitor.best_theta)
    if finding is not None:
        return finding._replace(sentence=f"{sentence} {finding.sentence}")
    sentence += f" max_iter={plan.max_iter} is too small."
    return Finding(sentence, "max_iter", f"Increase it, to {4 * plan.max_iter} say.")
