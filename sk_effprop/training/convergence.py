"""Outcome of training: the attribute ``convergence_`` and the text of a warning."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from sk_effprop.solvers.base import Reason
from sk_effprop.training.monitor import Monitor

WARNINGS = {
    Reason.MAX_ITER: "Maximum number of iterations (max_iter) reached before "
    "convergence.",
    Reason.MAX_FUN: "Maximum number of function evaluations (max_fun) reached before "
    "convergence.",
    Reason.INTERRUPTED: "Training was interrupted; the best weights so far are kept.",
    Reason.STUCK: "Training stalled at a higher loss than that of predicting zero.",
    Reason.DIVERGED: "Training diverged; the best weights so far are kept.",
}
ADVICE = dict.fromkeys(Reason, "") | {
    Reason.MAX_ITER: "Increase max_iter.",
    Reason.MAX_FUN: "Increase max_fun.",
    Reason.MAX_TIME: "Increase max_time.",
    Reason.INTERRUPTED: "Continue from here with warm_start=True.",
}
# The hyperparameter to change for each reason.
PARAMETERS = {
    Reason.MAX_ITER: "max_iter",
    Reason.MAX_FUN: "max_fun",
    Reason.MAX_TIME: "max_time",
    Reason.DIVERGED: "learning_rate_init",
}
# More recoveries than this are reported as a problem, whatever ended training.
FEW_RECOVERIES = 5
# Larger rates are never proposed.
LARGEST_RATE = 10.0


class Finding(NamedTuple):
    """Cause of a useless fit, and the parameter to change.

    Attributes
    ----------
    sentence : str
        Description of the cause.
    parameter : str
        The hyperparameter to change.
    advice : str
        A sentence with a value to try.
    is_flat : bool
        Whether predictions hardly depend on the inputs.
    cause : str
        The cause in a few words.
    value : object
        The value that the advice proposes; None if it does not propose one.
    """

    sentence: str
    parameter: str
    advice: str
    is_flat: bool = False
    cause: str = ""
    value: Any = None


@dataclass(frozen=True)
class Convergence:
    """Outcome of training, stored as ``convergence_``.

    Attributes
    ----------
    reason : str
        One of :class:`sk_effprop.solvers.base.Reason`.
    n_iter : int
        Iterations.
    gradient_norm : float
        Norm of the gradient of the objective at the weights that were kept.
    advice : str
        Advice on what to change; empty if there is none.
    is_flat : bool
        Whether predictions hardly depend on the inputs, for whatever reason.
    n_recoveries : int
        Number of times that training diverged and continued from the best weights.
    parameter : str
        The hyperparameter that the advice is about; empty without advice.
    problem : str
        Problem of the fit; empty if none was found.
    """

    reason: str
    n_iter: int
    gradient_norm: float
    advice: str
    is_flat: bool
    n_recoveries: int
    parameter: str = ""
    problem: str = ""


def describe(
    monitor: Monitor,
    *,
    gradient_norm: float,
    finding: Finding | None = None,
    fixed_length: bool = False,
) -> Convergence:
    """Make ``convergence_`` from a monitor whose training has ended, or is going on.

    Parameters
    ----------
    monitor : Monitor
    gradient_norm : float
    finding : Finding, optional
        Problem of the fit, if one was found.
    fixed_length : bool
        Whether to reach the maximum number of iterations was planned.
    """
    reason = monitor.reason
    is_stall = reason == Reason.STALLED and monitor.validate is None
    if is_stall and 0.0 < monitor.null_value < monitor.best_value:
        # There is no minimum above the loss of predicting zero: either the units are
        # saturated, or the steps are too small to make progress.
        reason = Reason.STUCK
    if finding is None:
        finding = _plain_finding(reason, monitor, fixed_length)
    return Convergence(
        # a plain string can be saved without this package's types
        reason=reason.value,
        n_iter=monitor.n_iter,
        gradient_norm=gradient_norm,
        is_flat=finding.is_flat,
        advice=finding.advice,
        n_recoveries=monitor.n_recoveries,
        parameter=finding.parameter,
        problem=finding.sentence,
    )


def _plain_finding(reason: Reason, monitor: Monitor, fixed_length: bool) -> Finding:
    """Make the advice that follows from the reason alone, for a usable fit."""
    is_limit = reason in (Reason.MAX_ITER, Reason.MAX_FUN, Reason.MAX_TIME)
    has_diverged = reason == Reason.DIVERGED or monitor.n_recoveries > FEW_RECOVERIES
    if has_diverged or (monitor.n_recoveries and not is_limit):
        return Finding("", "learning_rate_init", _lower_rate(monitor))
    if fixed_length and reason == Reason.MAX_ITER:
        advice = _lower_rate(monitor) if monitor.n_recoveries else ""
        return Finding("", "learning_rate_init" if advice else "", advice)
    return Finding("", PARAMETERS.get(reason, ""), ADVICE[reason])


def _lower_rate(monitor: Monitor) -> str:
    """Advice after divergence; it does not name "auto" where that is on already."""
    rates = monitor.initial_rates
    if rates is None:
        return ""
    lower = rates.eta / 2.0 ** max(monitor.n_recoveries, 1)
    is_given = rates.rule is not None and rates.rule.eta is not None
    if is_given and lower > LARGEST_RATE:
        return "Use learning_rate_init='auto'."
    return f"Start with learning_rate_init={lower:.3g}" + (
        ", or 'auto'." if is_given else "."
    )


def warning_message(
    convergence: Convergence, *, fixed_length: bool, rate: float | None
) -> str:
    """Text of a ConvergenceWarning; "" if there is nothing to warn about.

    Parameters
    ----------
    convergence : Convergence
    fixed_length : bool
        Whether the user has chosen the number of epochs, so that reaching it is no
        reason for a warning.
    rate : float or None
        Initial learning rate.
    """
    n = convergence.n_recoveries
    sentence = WARNINGS.get(Reason(convergence.reason), "")
    is_limit = convergence.reason == Reason.MAX_ITER
    if is_limit and (fixed_length or n > FEW_RECOVERIES):
        sentence = ""
    if convergence.problem:
        sentence = convergence.problem
    if sentence:
        return f"{sentence} {convergence.advice}".rstrip()
    if n and rate is not None:
        return (
            f"Training diverged at learning_rate_init={rate:.3g}; it continued from "
            f"the best weights with the rate halved {n} times. {convergence.advice}"
        )
    return ""
