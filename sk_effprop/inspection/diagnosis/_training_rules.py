"""Rules about the course and the end of training.

Each rule yields suspicions, see :mod:`sk_effprop.inspection.diagnosis._suspicions`.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sk_effprop.estimators import _imbalances as imbalances
from sk_effprop.estimators import _rules as rules
from sk_effprop.inspection.diagnosis._evidence import (
    Evidence,
    Suspicion,
    as_given,
    from_fault,
)
from sk_effprop.inspection.diagnosis._trials import Change

# Fall of the mean loss in the last third of training from which it is cut off.
STEEP = 0.25
# Steps that are averaged over more than this share of all updates are sluggish.
SLUGGISH = 0.05
# Fewer updates with large batches are too few in any case.
LEAST_UPDATES = 200
# A mean rate below this share of the first is next to nothing.
NEXT_TO_NOTHING = 0.003
# Batches that grow to all examples within this share of the epochs.
SOON = 0.25
# Fewer epochs than this share of the automatic number are too few for sure.
FAR_TOO_FEW = 0.25
# Scores that correlate more than this with the losses call the worst weights best.
FEWEST_SCORES, AGREES_WITH_LOSS = 5, 0.8
# A validation fraction above holds out more than it leaves.
MOST_HELD_OUT = 0.5


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
    values: list[Any] = ["auto"]
    if is_adam:
        # its usual rate may be too small for few updates
        values.append(float(f"{np.sqrt(given * allowed):.1g}"))
    n = evidence.subject.estimator.convergence_.n_recoveries
    diverged = f"; training diverged {n} times" if n else ""
    yield Suspicion(
        fault.cause,
        f"learning_rate_init={given:.3g} is a factor of {factor:.3g} {how} "
        f"{usual}{diverged}",
        tuple(Change("learning_rate_init", value) for value in values),
        is_fact=True,
    )


def schedule(evidence: Evidence) -> Iterator[Suspicion]:
    """A rate that falls to next to nothing long before training ends."""
    fault = imbalances.fading_rate(evidence.subject.at_start)
    if fault is None:
        return
    changed = evidence.subject.changed
    own = [name for name in ("power_t", "annealing_tau") if name in changed]
    remedies = [Change("learning_rate", "cosine")]
    yield Suspicion(
        fault.cause,
        fault.sentence.rstrip("."),
        tuple(remedies + [Change(name, changed[name]) for name in own]),
        is_fact=imbalances.mean_factor(evidence.subject.at_start) < NEXT_TO_NOTHING,
    )


def sluggish_steps(evidence: Evidence) -> Iterator[Suspicion]:
    """A momentum that outlasts much of the training."""
    subject = evidence.subject
    is_adam = subject.estimator.solver_ == "adam"
    name = "beta_1" if is_adam else "momentum"
    if not evidence.is_stochastic or name not in subject.changed:
        return
    n_averaged = 1.0 / max(1.0 - evidence.given[name], 1e-300)
    n = _n_updates(evidence, subject.estimator.max_iter_)
    if n_averaged < SLUGGISH * n:
        return
    yield Suspicion(
        "momentum too large",
        f"{name}={evidence.given[name]:.6g} averages the steps of about "
        f"{n_averaged:,.0f} updates, and {subject.estimator.max_iter_} epochs have "
        f"{n:,}",
        (Change(name, subject.changed[name]),),
        is_fact=n_averaged > n,
    )


def _n_updates(evidence: Evidence, n_epochs: int) -> int:
    subject = evidence.subject
    n_batches = np.ceil(len(subject.examples) / subject.estimator.batch_size_)
    return int(n_batches) * n_epochs


def large_batches(evidence: Evidence) -> Iterator[Suspicion]:
    """Batches that leave few updates."""
    yield from _growing_batches(evidence)
    subject = evidence.subject
    automatic = subject.automatic("batch_size")
    batch = subject.estimator.batch_size_
    if not evidence.is_stochastic or batch <= 4 * automatic.batch_size:
        return
    n = len(subject.examples)
    n_updates = _n_updates(evidence, subject.estimator.n_iter_)
    yield Suspicion(
        "batches too large",
        f"batches of {batch:,} of {n:,} rows leave {n_updates:,} updates "
        f"(batch_size={subject.given['batch_size']!r})",
        (Change("batch_size", "auto"),),
        is_fact=batch > n / 3 and n_updates < LEAST_UPDATES,
    )


def _growing_batches(evidence: Evidence) -> Iterator[Suspicion]:
    """Batches that soon comprise all examples."""
    subject, growth = evidence.subject, evidence.given["batch_growth"]
    n, batch = len(subject.examples), subject.estimator.batch_size_
    if not evidence.is_stochastic or growth <= 1.0 or batch >= n:
        return
    n_epochs = np.log(n / batch) / np.log(growth)
    if n_epochs > SOON * subject.estimator.max_iter_:
        return
    yield Suspicion(
        "batches too large",
        f"batch_growth={growth:.3g} lets batches of {batch:,} grow to all {n:,} rows "
        f"in {n_epochs:.0f} of {subject.estimator.max_iter_} epochs",
        (Change("batch_growth", 1.0),),
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


def few_to_train_on(evidence: Evidence) -> Iterator[Suspicion]:
    """Validation data that are most of the examples."""
    given, changed = evidence.given, evidence.subject.changed
    fraction = given["validation_fraction"]
    if given["early_stopping"] is not True or fraction < MOST_HELD_OUT:
        return
    yield Suspicion(
        "few examples to train on",
        f"validation_fraction={fraction:.3g} leaves {100 * (1 - fraction):.2g} % of "
        "the examples to train on",
        tuple(
            Change(name, changed[name])
            for name in ("validation_fraction", "early_stopping")
        ),
        is_fact=True,
    )


def scoring(evidence: Evidence) -> Iterator[Suspicion]:
    """A validation score that does not know which weights are better."""
    estimator = evidence.subject.estimator
    scores = np.array(estimator.validation_scores_ or (), dtype=float)
    losses = np.array(estimator.validation_loss_curve_ or (), dtype=float)
    if len(scores) < FEWEST_SCORES or len(losses) != len(scores) or not np.ptp(losses):
        return
    what = "is the same for all weights"
    if np.ptp(scores) > 0.0:
        if np.corrcoef(scores, losses)[0, 1] < AGREES_WITH_LOSS:
            return
        what = "is the higher, the higher the loss is"
    yield Suspicion(
        "scoring unlike the loss",
        f"the validation score (scoring={as_given(evidence.given['scoring'])}) {what}",
        (Change("scoring", "loss"),),
        is_fact=True,
    )


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
    is_held_out = names == ["early_stopping"]
    n_iter = subject.estimator.n_iter_
    is_short = n_iter < FAR_TOO_FEW * subject.automatic("max_iter").max_iter
    yield Suspicion(
        "training ended too early",
        f"training stopped after {n_iter} iterations "
        f"({', '.join(f'{name}={given[name]!r}' for name in names)})",
        tuple(Change(name, changed[name]) for name in names),
        is_fact=evidence.is_stochastic and is_short and not is_held_out,
        # a part of the examples is what validation costs
        least_gain=0.25 if is_held_out else 0.1,
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


def warned(evidence: Evidence) -> Suspicion | None:
    """Problem that ``fit`` itself has reported, if any."""
    convergence = evidence.subject.estimator.convergence_
    if not convergence.problem:
        return None
    return Suspicion(
        "training failed" if convergence.is_flat else "training ended early",
        f"{convergence.problem.rstrip('.')}. {convergence.advice.rstrip('.')}",
        (),
        is_fact=True,
    )
