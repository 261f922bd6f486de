"""Rules that recognise the cause of a bad fit, each with a remedy that is not on yet.

``fit`` asks them for its warning, and :func:`sk_effprop.inspection.diagnose` for its
findings.  A rule is a function of a :class:`Case` and returns a
:class:`~sk_effprop.training.convergence.Finding` or None::

    finding = too_large_rate(case)
    finding.cause        # "learning rate too large"
    finding.sentence     # "learning_rate_init=9 is too large."
    finding.parameter    # "learning_rate_init"
    finding.value        # "auto"
    finding.advice       # "Use 'auto', or 0.12."
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sk_effprop.core.activations import AnyActivation
from sk_effprop.core.arrays import Array
from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.losses import LogLink
from sk_effprop.core.network import forward
from sk_effprop.core.objective import Objective
from sk_effprop.estimators._auto import ADAM_RATE
from sk_effprop.estimators._build import make_rate_rule
from sk_effprop.estimators._plan import Plan
from sk_effprop.solvers import BATCH
from sk_effprop.training.convergence import Finding

# A unit is saturated if its derivative is this share of the largest, and a layer if
# this share of its values is.
SATURATED, MOSTLY = 0.01, 0.8
# Output weights below this size are the work of a penalty, not of saturated units.
SMALL_WEIGHT = 0.1
# No signal passes more layers than this of an activation that is not centred.
DEEP = 4
UNCENTRED = ("logistic", "relu", "softplus")
# Strengths from which alpha="auto" leaves nothing of a network.
UNDECIDED = 0.5
# Rates further than this from the automatic one are blamed.
MUCH_SMALLER, MUCH_LARGER = 0.03, 5.0
# Raw columns whose deviations differ by more, or means that many deviations away.
UNEVEN, FAR_AWAY = 30.0, 5.0
# kinds of normalisation that leave them
UNEVEN_KINDS = (None, "center", "scale")
# Successive labels change less often than this share of what a random order gives.
SORTED = 0.2
# Targets of such deviations, or with means that many deviations from 0, are far from
# what initial weights predict.
LARGE_TARGETS, SMALL_TARGETS, FAR_TARGETS = 10.0, 0.1, 10.0
# An output unit whose derivative at a target is below this share of the largest one
# learns little there.
FLAT_AT_TARGET = 0.05


@dataclass(frozen=True, eq=False)
class Case:
    """Input of the rules: plan, objective and weights of a fit.

    Attributes
    ----------
    plan : Plan
        What every "auto" became.
    objective : Objective
        On all training data.
    some : Objective
        On a random part of them.
    theta : ndarray of shape (n_weights,)
        Where units and curvature are looked at.
    strength : float or ndarray of shape (n_layers - 1,)
        What ``alpha="auto"`` found.
    """

    plan: Plan
    objective: Objective
    some: Objective
    theta: Array
    strength: float | Array

    @cached_property
    def inputs(self) -> Array:
        """Inputs for some examples, dense and without the ones."""
        inputs = self.some.inputs
        full = inputs.filled() if isinstance(inputs, FoldedSparse) else inputs
        return np.asarray(full[:, :-1])

    @cached_property
    def saturation(self) -> list[float]:
        """Share of the values of each hidden layer that are saturated or dead."""
        network = self.some.network
        passes = forward(network, self.theta, self.some.inputs)
        shares = []
        for kind, activation, derivative in zip(
            network.kinds, network.activations[:-1], passes.derivatives, strict=False
        ):
            if kind == "radial":
                # most examples are far from the centre of a unit, as they should be
                continue
            largest = max(
                abs(float(activation.df(0.0))), abs(float(activation.df(1.0)))
            )
            slope = np.abs(activation.derivative_scale * derivative)
            shares.append(float(np.mean(slope <= SATURATED * largest)))
        return shares

    @cached_property
    def automatic_rate(self) -> float:
        """The global rate that the curvature allows at theta; adam's is a constant."""
        if self.plan.solver == "adam":
            return ADAM_RATE
        rule = make_rate_rule(self.plan, self.some.network, self.plan.batch_size)
        rule = replace(rule, eta=None)
        return rule(self.some, self.theta, np.random.default_rng(0)).eta


# ----------------------------------------------------------------------------- the rate


def too_large_rate(case: Case) -> Finding | None:
    """Compare a given learning rate with the automatic one."""
    return _compared_rate(case, "large")


def too_small_rate(case: Case) -> Finding | None:
    """Compare a given learning rate with the automatic one."""
    return _compared_rate(case, "small")


def _compared_rate(case: Case, how: str) -> Finding | None:
    given = case.plan.given.learning_rate_init
    if case.plan.solver in BATCH or isinstance(given, str):
        return None
    ratio = given / case.automatic_rate
    is_wrong = ratio > MUCH_LARGER if how == "large" else ratio < MUCH_SMALLER
    if not is_wrong:
        return None
    return Finding(
        f"learning_rate_init={given:.3g} is too {how}.",
        "learning_rate_init",
        f"Use 'auto', or {case.automatic_rate:.2g}.",
        cause=f"learning rate too {how}",
        value="auto",
    )


# ---------------------------------------------------------------------------- the units


def saturated_units(case: Case) -> Finding | None:
    """Find a layer whose derivatives vanish for most examples."""
    shares, given = case.saturation, case.plan.given
    if not shares or max(shares) < MOSTLY:
        return None
    sentence = (
        f"{100 * max(shares):.0f} % of the activations of hidden layer "
        f"{int(np.argmax(shares)) + 1} are saturated or dead."
    )

    def finding(parameter: str, value: object, advice: str) -> Finding:
        return Finding(
            sentence, parameter, advice, cause="saturated units", value=value
        )

    if given.normalize in UNEVEN_KINDS:
        return finding("normalize", "robust", "Use normalize='robust'.")
    if not isinstance(given.init, str):
        return finding("init", "lecun_uniform", "Use init='lecun_uniform'.")
    is_rate_given = not isinstance(given.learning_rate_init, str)
    uses_rate = is_rate_given and case.plan.solver not in BATCH
    if uses_rate and too_small_rate(case) is None:
        advice = "Decrease learning_rate_init, or use 'auto'."
        return finding("learning_rate_init", "auto", advice)
    advice = "Use fewer hidden layers, or another activation"
    if given.activation == "lecun_tanh":
        return finding("activation", None, f"{advice}.")
    return finding("activation", "lecun_tanh", f"{advice}, such as 'lecun_tanh'.")


def too_deep(case: Case) -> Finding | None:
    """Find a stack of layers of an activation that is not centred."""
    given = case.plan.given
    n_hidden = len(case.some.network.sizes) - 2
    if n_hidden <= DEEP or given.activation not in UNCENTRED:
        return None
    return Finding(
        f"{n_hidden} hidden layers of {given.activation!r} units are too many.",
        "activation",
        "Use activation='lecun_tanh', or fewer hidden layers.",
        cause="too many layers for the activation",
        value="lecun_tanh",
    )


# --------------------------------------------------------------- inputs, their order


def raw_inputs(case: Case) -> Finding | None:
    """Find inputs of uneven scales, or far from zero, that are not normalised."""
    normalize = case.plan.given.normalize
    mean, deviation = np.mean(case.inputs, axis=0), np.std(case.inputs, axis=0)
    varies = deviation > 0.0
    if not varies.any():
        return _constant_inputs(normalize)
    if normalize not in UNEVEN_KINDS:
        return None
    mean, deviation = np.abs(mean[varies]), deviation[varies]
    is_off = max(deviation.max(), 1.0 / deviation.min()) > UNEVEN
    is_uneven = is_off or deviation.max() > UNEVEN * deviation.min()
    if not (is_uneven or (mean > FAR_AWAY * deviation).any()):
        return None
    return Finding(
        f"the inputs have uneven scales or large means (normalize={normalize!r}).",
        "normalize",
        "Use normalize='robust'.",
        cause="uneven input scales" if is_uneven else "input means far from zero",
        value="robust",
    )


def _constant_inputs(normalize: str | None) -> Finding:
    finding = Finding(
        "no input varies (after normalize and input_clip).",
        "X",
        "Columns are constant, missing, or text that hardly ever repeats.",
        cause="constant inputs",
    )
    if normalize not in UNEVEN_KINDS:
        return finding
    advice = f"{finding.advice} If not, use normalize='robust'."
    return finding._replace(parameter="normalize", advice=advice, value="robust")


def sorted_presentation(case: Case) -> Finding | None:
    """Find labels, or targets, that are presented in sorted order."""
    plan, objective = case.plan, case.objective.sampled
    if plan.solver in BATCH or plan.order is not False:
        return None
    y = objective.labels if objective.labels is not None else objective.targets[:, 0]
    changes = np.abs(np.diff(y.astype(float)))
    shuffled = np.random.default_rng(0).permutation(y.astype(float))
    expected = np.mean(np.abs(np.diff(shuffled)))
    if np.mean(changes) > SORTED * expected:
        return None
    return Finding(
        "the examples are presented in sorted order (shuffle=False).",
        "shuffle",
        "Use shuffle='auto'.",
        cause="sorted presentation",
        value="auto",
    )


# ------------------------------------------------------------------------- the targets


def target_scale(case: Case) -> Finding | None:
    """Find targets that are not normalised, and far from what initial weights give."""
    given, objective = case.plan.given, case.objective.sampled
    if getattr(given, "normalize_target", True):
        return None
    mean = np.abs(np.mean(objective.targets, axis=0))
    # squares of tiny targets would be 0
    unit = float(np.max(np.abs(objective.targets), initial=0.0)) or 1.0
    deviation = np.std(objective.targets / unit, axis=0) * unit
    if isinstance(objective.loss, LogLink):
        # its outputs are logarithms
        is_off = np.abs(np.log(mean)) > FAR_TARGETS
    else:
        is_off = (deviation > LARGE_TARGETS) | (deviation < SMALL_TARGETS)
        is_off |= mean > FAR_TARGETS * deviation
    if not is_off.any() or not deviation.any():
        return None
    k = int(np.argmax(is_off))
    return Finding(
        f"the targets have a mean of {np.mean(objective.targets[:, k]):.3g} and a "
        f"standard deviation of {deviation[k]:.3g} (normalize_target=False).",
        "normalize_target",
        "Use normalize_target=True.",
        cause="target scale",
        value=True,
    )


def targets_off_range(case: Case) -> Finding | None:
    """Find targets of classes that output units hardly reach."""
    values = getattr(case.plan.given, "target_values", "max_curvature")
    is_used = case.plan.given.loss == "squared_error"
    if not is_used or (isinstance(values, str) and values == "max_curvature"):
        return None
    targets = case.objective.sampled.targets
    low, high = float(np.min(targets)), float(np.max(targets))
    cause = _cause_of_range(low, high, case.objective.network.activations[-1])
    if cause is None:
        return None
    return Finding(
        f"{cause}: {low:.3g} and {high:.3g} (target_values={values!r}).",
        "target_values",
        "Use target_values='max_curvature'.",
        cause=cause,
        value="max_curvature",
    )


def _cause_of_range(low: float, high: float, output: AnyActivation) -> str | None:
    if high - low < SMALL_TARGETS:
        return "targets too close to each other"
    if output.is_sigmoid:
        z = np.linspace(-10.0, 10.0, 2001)
        slopes = np.abs(np.asarray(output.df(z)))
        at_targets = np.interp([low, high], np.asarray(output.f(z)), slopes)
        is_flat = at_targets.min() < FLAT_AT_TARGET * slopes.max()
        return "targets at the asymptotes" if is_flat else None
    is_far = max(abs(low), abs(high)) > LARGE_TARGETS
    return "targets out of range" if is_far else None


# ------------------------------------------------------------------------- the penalty


def strong_penalty(case: Case) -> Finding | None:
    """Find a penalty that has kept the weights of the outputs small."""
    alpha, objective, given = case.plan.alpha, case.objective, case.plan.given.alpha
    top = case.some.network.layers(case.theta)[-1][:-1]
    if not alpha.any() or np.abs(top).max(initial=0.0) > SMALL_WEIGHT:
        return None
    if isinstance(given, str):
        return undecided_penalty(case)
    if float(alpha.max()) * objective.count < max(objective.network.sizes[:-1]):
        return None
    weaker = float(alpha.max()) / 100.0
    return Finding(
        f"the penalty alpha={given:.3g} is too strong.",
        "alpha",
        f"Decrease alpha, to {weaker:.1g} say, or use 'auto'; MLPClassifier and "
        "MLPRegressor divide theirs by the batch size.",
        cause="penalty too strong",
        value="auto",
    )


def undecided_penalty(case: Case) -> Finding | None:
    """Find an automatic penalty that is strong because nothing could be predicted."""
    alpha, given = case.plan.alpha, case.plan.given.alpha
    is_strong = alpha.any() and np.min(case.strength) >= UNDECIDED
    if not isinstance(given, str) or not is_strong:
        return None
    weaker = float(f"{alpha.max() / 100.0:.1g}")
    return Finding(
        f"alpha={given!r} found nothing that predicts examples that were left "
        f"out, and chose a penalty of {alpha.max():.2g}.",
        "alpha",
        f"To fit these data all the same, set alpha, to {weaker:.1g} say.",
        cause="nothing to learn",
        value=weaker,
    )
