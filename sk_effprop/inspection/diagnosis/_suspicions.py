"""What the instruments point to, each with changes that a refit can try.

A rule takes the :class:`Evidence` and yields a :class:`Suspicion`.  The order of RULES
is that of causes and consequences: a rule further up explains what those below it see.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.estimators import _rules as rules
from sk_effprop.inspection.diagnosis._data_instruments import (
    copied_columns,
    outlying,
    single_column_errors,
)
from sk_effprop.inspection.diagnosis._measures import as_columns
from sk_effprop.inspection.diagnosis._subject import Subject
from sk_effprop.inspection.diagnosis._trials import Change, Trials
from sk_effprop.solvers import BATCH
from sk_effprop.training.convergence import Finding as Fault

# A single column that leaves less than this of a constant's loss repeats the target.
# If it leaves more than the second number, all columns together must not do much
# better.  No refit is needed if each other column leaves more than the last number.
LEAK, CLOSE_LEAK, NOT_BETTER, FAR_FROM_LEAK = 0.03, 0.01, 0.3, 0.3
# A constant column that is this far from zero, after normalisation, is not centred.
OFF_CENTRE = 1e-3
# Outliers of the targets are accidents up to the second share of the rows, and worth
# mentioning in any case from the first one.
FEW_OUTLIERS, MANY_OUTLIERS = 0.01, 0.05
# robust deviations of logarithms
FAR_LOG, TINY = 8.0, 1e-300
# Units of a layer that are dead for all rows.
MANY_DEAD = 0.4
# The signal of the last hidden layer as a share of that of the first.
FADED = 0.05
# Loss on held-out rows over that on the training rows, from which a fit is overfitted.
OVERFITTED, FAR_OVERFITTED, LEAST_GAP = 1.5, 3.0, 0.05
# A penalty of less than this share of the automatic one is none.
WEAK = 0.1
# A rare class has less than this share of what equal shares would be, and is missed in
# more than half of its rows, or in almost all.
RARE, MISSED, UNKNOWN = 0.25, 0.5, 0.1
# Fall of the mean loss in the last third of training from which it is cut off.
STEEP = 0.25
# Fewer epochs than this share of the automatic number are too few for sure.
FAR_TOO_FEW = 0.25


# Labels are noisy if more than this share of them is wrong in the fifth of the rows
# where the network is most certain, and hardly more in the next two fifths.  An error
# like that of always taking the largest class says that nothing predicts the labels.
MAYBE_NOISY, NOISY, EVENLY, UNINFORMED = 0.09, 0.12, 1.35, 0.9
# A residual is far from the others beyond so many robust deviations, targets have heavy
# tails if more than the first share of them are, and wrong values if the second is.
FAR_RESIDUAL, FEW_FAR, MANY_FAR = 5.0, 0.005, 0.08


@dataclass(frozen=True, eq=False)
class Suspicion:
    """A possible cause.

    Attributes
    ----------
    cause : str
        In a few words.
    sentence : str
        What the instruments say.
    remedies : tuple of Change
        Changes to try; the one with the lowest loss is proposed.
    is_fact : bool
        Whether it is reported even if no remedy lowers the loss.
    least_gain : float
        Share of the loss by which a remedy must lower it.
    least_score : float
        Standard errors by which it must do so.
    balanced : bool
        Whether all classes count alike in the comparison.
    robust : bool
        Whether absolute errors are compared.
    expects_loss : bool
        Whether an honest remedy makes the loss higher.
    needs_training : bool
        Whether only a network that is trained well can tell.
    """

    cause: str
    sentence: str
    remedies: tuple[Change, ...]
    is_fact: bool = False
    least_gain: float = 0.1
    least_score: float = 2.0
    balanced: bool = False
    robust: bool = False
    expects_loss: bool = False
    needs_training: bool = False


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that rules look at.

    Attributes
    ----------
    subject : Subject
    numbers : dict
        What the instruments measured.
    trials : Trials or None
        None without verification.
    """

    subject: Subject
    numbers: dict[str, Any]
    trials: Trials | None

    @property
    def given(self) -> dict[str, Any]:
        return self.subject.given

    @property
    def is_stochastic(self) -> bool:
        return self.subject.estimator.solver_ not in BATCH

    def without_present_values(self, suspicion: Suspicion) -> Suspicion:
        """The same suspicion without remedies that are on already."""
        remedies = [
            change
            for change in suspicion.remedies
            if change.parameter in ("X", "y")
            or repr(self.given[change.parameter]) != repr(change.value)
        ]
        return replace(suspicion, remedies=tuple(remedies))


def from_fault(fault: Fault, **options: Any) -> Suspicion:
    """A suspicion from a rule that is shared with the warnings."""
    remedies = () if fault.value is None else (Change(fault.parameter, fault.value),)
    return Suspicion(fault.cause, fault.sentence.rstrip("."), remedies, **options)


# -------------------------------------------------------------------------------- data


def leaked_target(evidence: Evidence) -> Iterator[Suspicion]:
    """A column that alone tells the target, which no other columns do."""
    subject = evidence.subject
    X = np.nan_to_num(subject.raw)
    if X.shape[1] < 2:
        return
    truth = as_columns(subject, subject.examples.y)[subject.rows]
    errors = single_column_errors(X, truth, is_classification=subject.is_classification)
    held_out = evidence.numbers["loss"]["held_out"]
    all_columns = errors.min() if held_out is None else held_out
    is_leak = (errors < CLOSE_LEAK) | (all_columns > NOT_BETTER * errors)
    leaks = np.flatnonzero(is_leak & (errors < LEAK))
    others = np.delete(errors, leaks)
    if not len(leaks) or not len(others):
        return
    names = _named(subject, leaks)
    yield Suspicion(
        "target leaked into a column",
        f"{names} alone tells the target (a small tree leaves "
        f"{100 * errors[leaks].min():.2g} % of a constant's loss), the next best "
        f"column leaves {100 * others.min():.0f} %",
        (Change("X", f"without {names}", dropped_columns=leaks),),
        is_fact=errors[leaks].min() < CLOSE_LEAK and others.min() > FAR_FROM_LEAK,
        expects_loss=True,
    )


def copied_inputs(evidence: Evidence) -> Iterator[Suspicion]:
    """Columns that repeat another, which then counts several times."""
    subject = evidence.subject
    copies = np.array(copied_columns(np.nan_to_num(subject.raw)), dtype=int)
    if not len(copies):
        return
    n_constant = evidence.numbers["inputs"]["n_constant"]
    constant = f", and {n_constant} columns are constant" if n_constant else ""
    names = _named(subject, copies)
    yield Suspicion(
        "duplicated columns",
        f"{names} {'repeats' if len(copies) == 1 else 'repeat'} other columns"
        f"{constant}",
        (Change("X", f"without {names}", dropped_columns=copies),),
        is_fact=True,
    )


def constant_inputs(evidence: Evidence) -> Iterator[Suspicion]:
    """Constant columns that are not centred, and so act as large second biases."""
    subject = evidence.subject
    raw, seen = np.nan_to_num(subject.raw), subject.at_start.inputs
    if raw.shape != seen.shape:
        return
    constant = np.flatnonzero(subject.is_constant & (np.abs(seen[0]) > OFF_CENTRE))
    if not len(constant):
        return
    names = _named(subject, constant)
    yield Suspicion(
        "constant columns",
        f"{names} {'is' if len(constant) == 1 else 'are'} constant and not centred "
        f"(normalize={subject.given['normalize']!r})",
        (
            Change("normalize", "robust"),
            Change("X", f"without {names}", dropped_columns=constant),
        ),
        is_fact=True,
    )


def outlying_inputs(evidence: Evidence) -> Iterator[Suspicion]:
    """Outliers of the inputs that neither a robust scale nor a clip bounds."""
    numbers, given = evidence.numbers["inputs"], evidence.given
    if not numbers["outliers"] or given["input_clip"] is not None:
        return
    remedies = [Change("input_clip", 8.0)]
    if given["normalize"] in ("standardize", "decorrelate", "whiten"):
        remedies.append(Change("normalize", "robust"))
    if given["normalize"] in ("decorrelate", "whiten"):
        remedies.pop(0)
    yield Suspicion(
        "outliers in the inputs",
        f"{100 * numbers['outliers']:.2g} % of the rows have inputs more than 20 "
        "robust standard deviations away, and input_clip=None",
        tuple(remedies),
        is_fact=True,
    )


def outlying_targets(evidence: Evidence) -> Iterator[Suspicion]:
    """Outliers of the targets, which squared errors follow."""
    subject = evidence.subject
    if subject.is_classification or evidence.given["loss"] != "squared_error":
        return
    y = as_columns(subject, subject.examples.y)
    is_far = outlying(y).any(axis=1)
    if (y >= 0.0).all():
        # a product of many factors has a long tail, but no outliers
        is_far &= _far(np.log1p(y / np.maximum(np.median(y), TINY)), FAR_LOG).any(1)
    if not is_far.any() or is_far.mean() > MANY_OUTLIERS:
        return
    yield Suspicion(
        "outliers in the targets",
        f"{100 * is_far.mean():.2g} % of the targets are more than 20 robust standard "
        "deviations away from their median",
        (Change("loss", "huber"), Change("loss", "absolute_error")),
        is_fact=is_far.mean() > FEW_OUTLIERS,
        robust=True,
    )


def presentation(evidence: Evidence) -> Iterator[Suspicion]:
    """Examples in sorted order."""
    fault = rules.sorted_presentation(evidence.subject.at_start)
    if fault is not None:
        yield from_fault(fault, is_fact=True)


def scales(evidence: Evidence) -> Iterator[Suspicion]:
    """Scales of targets and inputs, and the place of the targets of classes."""
    case = evidence.subject.at_start
    for rule in (rules.target_scale, rules.raw_inputs, rules.targets_off_range):
        fault = rule(case)
        if fault is not None:
            yield from_fault(fault, is_fact=True)


def unreachable_targets(evidence: Evidence) -> Iterator[Suspicion]:
    """Targets beyond the limits of the output units."""
    numbers = evidence.numbers["targets"]
    if not numbers["outside_output_range"]:
        return
    low, high = numbers["output_range"]
    yield Suspicion(
        "targets out of range",
        f"{100 * numbers['outside_output_range']:.2g} % of the coded targets are "
        f"outside the range ({low:.3g}, {high:.3g}) of the output units",
        (Change("output_activation", "auto"),),
        is_fact=True,
    )


# ---------------------------------------------------------------------- units, weights


def initial_weights(evidence: Evidence) -> Iterator[Suspicion]:
    """Initial weights that saturate the units, or that let no signal pass."""
    case, given = evidence.subject.at_start, evidence.given
    faults = [rules.vanishing_weights(case)]
    if not isinstance(given["init"], str):
        faults.insert(0, rules.saturated_units(case))
    for fault in faults:
        if fault is not None:
            cause = {"saturated units": "initial weights too large"}
            remedy = Change("init", "lecun_uniform")
            yield Suspicion(
                cause.get(fault.cause, fault.cause),
                f"with init={_short(given['init'])}, {fault.sentence.rstrip('.')}",
                (remedy,),
                is_fact=True,
            )
            return


def deep_stack(evidence: Evidence) -> Iterator[Suspicion]:
    """A stack of layers that passes on next to nothing."""
    fault = rules.too_deep(evidence.subject.at_start)
    layers = evidence.numbers["layers"][:-1]
    if fault is None and len(layers) < 3:
        return
    first, last = layers[0]["signal_at_start"], layers[-1]["signal_at_start"]
    if fault is None and last >= FADED * first:
        return
    remedies = [
        Change(name, evidence.subject.changed[name])
        for name in ("activation", "init", "hidden_layer_sizes")
        if name in evidence.subject.changed
    ]
    yield Suspicion(
        "too many layers for the activation",
        f"{len(layers)} hidden layers of {evidence.given['activation']!r} units leave "
        f"{100 * last / max(first, 1e-300):.2g} % of the signal of the first one",
        tuple(remedies),
        is_fact=fault is not None,
    )


def dead_units(evidence: Evidence) -> Iterator[Suspicion]:
    """Units whose derivative is zero for all rows."""
    layers = evidence.numbers["layers"][:-1]
    shares = [layer["dead_units"] for layer in layers]
    at_start = [layer["dead_units_at_start"] for layer in layers]
    if not shares or max(*shares, *at_start) < MANY_DEAD:
        return
    is_early = max(at_start) >= MANY_DEAD
    shown = at_start if is_early else shares
    names = ["bias_init", "init", "activation", "twist"]
    if not is_early:
        names = ["learning_rate_init", *names, "momentum"]
    changed = evidence.subject.changed
    yield Suspicion(
        "dead units",
        f"{100 * max(shown):.0f} % of the units of hidden layer "
        f"{int(np.argmax(shown)) + 1} are dead for all rows"
        f"{' from the start' if is_early else ''}",
        tuple(Change(name, changed[name]) for name in names if name in changed),
        is_fact=True,
    )


def saturation(evidence: Evidence) -> Iterator[Suspicion]:
    """Units that training has saturated."""
    fault = rules.saturated_units(evidence.subject.at_end)
    if fault is not None:
        yield from_fault(fault)


# ----------------------------------------------------------------------------- training


def rate(evidence: Evidence) -> Iterator[Suspicion]:
    """Rates far from the one that the curvature allows."""
    case = evidence.subject.at_start
    fault = rules.too_large_rate(case) or rules.too_small_rate(case)
    if fault is None:
        return
    given, allowed = case.plan.given.learning_rate_init, case.automatic_rate
    factor = max(given / allowed, allowed / given)
    how = "above" if given > allowed else "below"
    is_adam = case.plan.solver == "adam"
    usual = "the usual one of adam" if is_adam else "what the curvature allows"
    n = evidence.subject.estimator.convergence_.n_recoveries
    diverged = f"; training diverged {n} times" if n else ""
    yield Suspicion(
        fault.cause,
        f"learning_rate_init={given:.3g} is a factor of {factor:.3g} {how} "
        f"{usual}{diverged}",
        (Change("learning_rate_init", "auto"),),
        is_fact=True,
    )


def large_batches(evidence: Evidence) -> Iterator[Suspicion]:
    """Batches that leave few updates."""
    subject = evidence.subject
    automatic = subject.automatic("batch_size")
    batch = subject.estimator.batch_size_
    if not evidence.is_stochastic or batch <= 4 * automatic.batch_size:
        return
    n = len(subject.examples)
    n_updates = int(np.ceil(n / batch)) * subject.estimator.n_iter_
    yield Suspicion(
        "batches too large",
        f"batches of {batch:,} of {n:,} rows leave {n_updates:,} updates "
        f"(batch_size={subject.given['batch_size']!r})",
        (Change("batch_size", "auto"),),
        is_fact=batch > n / 3,
    )


def early_end(evidence: Evidence) -> Iterator[Suspicion]:
    """Training that a limit or a rule has ended too early."""
    subject, given = evidence.subject, evidence.given
    reason = subject.estimator.convergence_.reason
    limits = {"max_fun": "max_fun", "max_time": "max_time", "goal": "goal"}
    if reason == "max_iter":
        yield from _few_epochs(evidence)
    elif reason in limits and limits[reason] in subject.changed:
        name = limits[reason]
        yield Suspicion(
            "training ended too early",
            f"training was ended by {name}={given[name]!r} after "
            f"{subject.estimator.n_iter_} iterations",
            (Change(name, subject.changed[name]),),
        )
    elif reason in ("stalled", "stuck", "converged", "precision"):
        yield from _impatience(evidence)


def _impatience(evidence: Evidence) -> Iterator[Suspicion]:
    """A stopping rule that is easier to meet than the usual one."""
    subject, given = evidence.subject, evidence.given
    changed = subject.changed
    names = [name for name in ("early_stopping",) if name in changed]
    if given["tol"] > changed.get("tol", np.inf):
        names.append("tol")
    if given["n_iter_no_change"] < changed.get("n_iter_no_change", 0):
        names.append("n_iter_no_change")
    if not names:
        return
    n_iter = subject.estimator.n_iter_
    is_short = n_iter < FAR_TOO_FEW * subject.automatic("max_iter").max_iter
    yield Suspicion(
        "training ended too early",
        f"training stopped after {n_iter} iterations "
        f"({', '.join(f'{name}={given[name]!r}' for name in names)})",
        tuple(Change(name, changed[name]) for name in names),
        is_fact=evidence.is_stochastic and is_short and names != ["early_stopping"],
    )


def _few_epochs(evidence: Evidence) -> Iterator[Suspicion]:
    subject, given = evidence.subject, evidence.given["max_iter"]
    now, fell = subject.estimator.max_iter_, evidence.numbers["loss"]["fell_at_end"]
    automatic = subject.automatic("max_iter").max_iter
    is_short = not isinstance(given, str) and now < automatic
    if not is_short and fell < STEEP:
        return
    falling = f", while the loss still fell by {100 * fell:.0f} % per third"
    yield Suspicion(
        "too few epochs" if evidence.is_stochastic else "too few iterations",
        f"max_iter={given!r} ended training after {now}"
        f"{falling if fell > 0.05 else ''}",
        (Change("max_iter", "auto" if is_short else 4 * now),),
        is_fact=is_short and now < FAR_TOO_FEW * automatic,
        least_gain=0.1 if is_short else 0.5,
    )


def penalty(evidence: Evidence) -> Iterator[Suspicion]:
    """A penalty that leaves little of the weights."""
    subject = evidence.subject
    given = subject.given["alpha"]
    fault = rules.strong_penalty(subject.at_end)
    if isinstance(given, str):
        if fault is not None:
            yield from_fault(fault)
        return
    automatic = float(subject.automatic("alpha").alpha.max())
    if given > 3.0 * automatic:
        yield Suspicion(
            "penalty too strong",
            f"alpha={given:.3g} is {given / max(automatic, 1e-300):.3g} times the "
            "automatic one",
            (Change("alpha", "auto"),),
            is_fact=given > 100.0 * automatic,
        )


# ---------------------------------------------------------------------- generalisation


def capacity(evidence: Evidence) -> Iterator[Suspicion]:
    """A network that is too small, or linear."""
    subject = evidence.subject
    changed, sizes = subject.changed, subject.run.objective.network.sizes
    names = [name for name in ("hidden_layer_sizes", "activation") if name in changed]
    is_linear = len(sizes) == 2 or subject.given["activation"] == "identity"
    is_small = len(sizes) > 2 and min(sizes[1:-1]) < 8
    if not names or not (is_linear or is_small):
        return
    yield Suspicion(
        "network too small",
        f"a network of {sizes[1:-1]} hidden {subject.given['activation']!r} units "
        f"leaves {100 * evidence.numbers['loss']['train']:.0f} % of a constant's loss "
        "on its own training rows",
        tuple(Change(name, changed[name]) for name in names),
        least_gain=0.25,
    )


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
    yield Suspicion(
        "overfitting",
        f"the loss on held-out rows is {100 * loss['held_out']:.0f} % of a constant's, "
        f"on training rows {100 * loss['train']:.0f} %",
        tuple(remedies),
        is_fact=is_unbounded and loss["held_out"] > FAR_OVERFITTED * loss["train"],
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
    yield Suspicion(
        "imbalanced classes",
        f"class {subject.estimator.classes_[rare]!r} has {100 * shares[rare]:.2g} % of "
        f"the rows, and {100 * recall:.0f} % of its held-out rows are recognised",
        (Change("class_weight", "balanced"),),
        is_fact=recall < UNKNOWN,
        least_gain=0.3,
        balanced=True,
        needs_training=True,
    )


def warned(evidence: Evidence) -> Suspicion | None:
    """What ``fit`` itself has found."""
    convergence = evidence.subject.estimator.convergence_
    if not convergence.problem:
        return None
    return Suspicion(
        "training failed" if convergence.is_flat else "training ended early",
        f"{convergence.problem.rstrip('.')}. {convergence.advice.rstrip('.')}",
        (),
        is_fact=True,
    )


def label_noise(evidence: Evidence) -> Iterator[Suspicion]:
    """Labels that are contradicted even where the network is most certain.

    Where classes overlap, errors are rare far from the boundary.  Wrong labels are
    everywhere.
    """
    loss, trials = evidence.numbers["loss"], evidence.trials
    if trials is None or loss.get("error_where_certain", 0.0) < MAYBE_NOISY:
        return
    errors, rows = trials.errors_by_certainty()
    certain, everywhere = float(np.mean(errors[0])), loss["error"]
    is_even = np.mean(errors[1:3]) < EVENLY * certain
    majority = float(np.max(evidence.numbers["targets"]["class_shares"]))
    is_informed = everywhere < UNINFORMED * (1.0 - majority)
    if certain < NOISY or not is_even or not is_informed:
        return
    examples = ", ".join(str(row) for row in trials.rows[rows[:5]])
    yield Suspicion(
        "label noise",
        f"{100 * certain:.0f} % of the labels contradict the network where it is most "
        f"certain, and {100 * everywhere:.0f} % everywhere",
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


# ------------------------------------------------------------------------- other values


def target_noise(evidence: Evidence) -> Iterator[Suspicion]:
    """Targets of which a part is far from all predictions, though not from the others.

    Squared errors follow them.  Targets with heavy tails are another matter.
    """
    subject, trials = evidence.subject, evidence.trials
    is_squared = evidence.given["loss"] == "squared_error"
    if subject.is_classification or trials is None or not is_squared:
        return
    control = trials.control
    truth = trials.truth[control.rows]
    is_wrong = _far(truth - control.predicted, FAR_RESIDUAL).any(axis=1)
    has_tails = np.mean(_far(truth, FAR_RESIDUAL).any(axis=1)) > FEW_FAR
    if has_tails or np.mean(is_wrong) < MANY_FAR:
        return
    yield Suspicion(
        "noise in the targets",
        f"{100 * np.mean(is_wrong):.2g} % of the held-out targets are far from the "
        "predictions, which are close to the others",
        (Change("loss", "huber"), Change("loss", "absolute_error")),
        is_fact=True,
        robust=True,
        needs_training=True,
    )


def _far(values: Array, n_deviations: float) -> Array:
    """Values more than so many robust deviations from the median of their column."""
    distance = np.abs(values - np.median(values, axis=0))
    deviation = 1.4826 * np.median(distance, axis=0)
    return np.asarray(distance > n_deviations * deviation)


# ------------------------------------------------------------------------- other values


def other_values(evidence: Evidence) -> Iterator[Suspicion]:
    """Every other hyperparameter that is not the default."""
    for name, default in evidence.subject.changed.items():
        if name in NO_CAUSES:
            continue
        value = _short(evidence.given[name])
        yield Suspicion(
            name.replace("_", " "),
            f"{name}={value} is not the default",
            (Change(name, default),),
            least_gain=0.25,
            least_score=3.0,
        )


# Hyperparameters that say what is wanted, or how it is computed.
NO_CAUSES = {
    "solver", "engine", "loss", "quantile", "huber_delta", "class_weight",
    "random_state", "warm_start", "verbose", "scoring", "checkpoint",
    "checkpoint_interval", "resume", "hidden_layer_sizes",
}  # fmt: skip

RULES = (
    leaked_target,
    presentation,
    unreachable_targets,
    scales,
    constant_inputs,
    outlying_inputs,
    initial_weights,
    deep_stack,
    rate,
    dead_units,
    saturation,
    large_batches,
    early_end,
    penalty,
    capacity,
    overfitting,
    outlying_targets,
    imbalance,
    label_noise,
    target_noise,
    copied_inputs,
    other_values,
)


def suspicions(evidence: Evidence) -> list[Suspicion]:
    """All suspicions, causes before consequences; no change is proposed twice."""
    found: list[Suspicion] = []
    seen: set[tuple[str, str]] = set()
    for rule in RULES:
        for suspicion in map(evidence.without_present_values, rule(evidence)):
            new = {(c.parameter, repr(c.value)) for c in suspicion.remedies}
            if rule is other_values and new <= seen:
                # another rule has proposed it, and said why
                continue
            seen |= new
            found.append(suspicion)
    return found


def _named(subject: Subject, columns: Array) -> str:
    names = [subject.names[column] for column in columns]
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return f"column {shown}" if len(names) == 1 else f"columns {shown}"


def _short(value: Any) -> str:
    return "an array" if isinstance(value, np.ndarray) else repr(value)
