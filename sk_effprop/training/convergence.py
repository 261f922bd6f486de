"""How training ended: ``convergence_`` for programs, and a warning for people."""

from dataclasses import dataclass

from sk_effprop.solvers.base import Reason
from sk_effprop.training.monitor import Monitor

ADVICE = dict.fromkeys(Reason, "") | {
    Reason.MAX_ITER: "Increase max_iter.",
    Reason.MAX_FUN: "Increase max_fun.",
    Reason.MAX_TIME: "Increase max_time.",
    Reason.INTERRUPTED: "Continue from here with warm_start=True.",
    Reason.STUCK: "Leave learning_rate_init on 'auto', and normalize the inputs.",
    Reason.DIVERGED: "Decrease learning_rate_init or leave it on 'auto', and normalize "
    "the inputs.",
}
ADVICE_IF_FLAT = (
    "Decrease alpha, which MLPClassifier and MLPRegressor divide by the batch size, or "
    "leave it on 'auto'."
)

WARNINGS = {
    Reason.MAX_ITER: "Maximum number of iterations (max_iter) reached before "
    "convergence.",
    Reason.MAX_FUN: "Maximum number of function evaluations (max_fun) reached before "
    "convergence.",
    Reason.INTERRUPTED: "Training was interrupted; the best weights so far are kept.",
    Reason.STUCK: "Training stalled at a higher loss than that of predicting zero.",
    Reason.DIVERGED: "Training diverged; the best weights so far are kept.",
}
WARNING_IF_FLAT = "The penalty leaves outputs that hardly depend on the inputs."


@dataclass(frozen=True)
class Convergence:
    """How training ended.

    Attributes
    ----------
    reason : str
        One of :class:`sk_effprop.solvers.base.Reason`.
    n_iter : int
        Iterations.
    gradient_norm : float
        Norm of the gradient of the objective at the weights that were kept.
    advice : str
        What to change; empty if nothing has to be.
    is_flat : bool
        Whether the penalty has left outputs that hardly depend on the inputs.
    n_recoveries : int
        How often training diverged and continued from the best weights.
    """

    reason: str
    n_iter: int
    gradient_norm: float
    advice: str
    is_flat: bool
    n_recoveries: int


def describe(monitor: Monitor, *, gradient_norm: float, is_flat: bool) -> Convergence:
    """Make ``convergence_`` from a monitor whose training has ended, or is going on."""
    reason = monitor.reason
    is_stall = reason == Reason.STALLED and monitor.validate is None
    if is_stall and 0.0 < monitor.null_value < monitor.best_value:
        # There is no minimum above the loss of predicting zero: either the units are
        # saturated, or the steps are too small to make progress.
        reason = Reason.STUCK
    return Convergence(
        # a plain string can be saved without this package's types
        reason=reason.value,
        n_iter=monitor.n_iter,
        gradient_norm=gradient_norm,
        is_flat=is_flat,
        advice=ADVICE_IF_FLAT if is_flat else ADVICE[reason],
        n_recoveries=monitor.n_recoveries,
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
    sentence = WARNINGS.get(Reason(convergence.reason), "")
    if convergence.reason == Reason.MAX_ITER and fixed_length:
        sentence = ""
    if convergence.is_flat:
        sentence = WARNING_IF_FLAT
    if sentence:
        return f"{sentence} {convergence.advice}"
    n = convergence.n_recoveries
    if n and rate is not None:
        return (
            f"Training diverged at learning_rate_init={rate:.3g}; it continued from "
            f"the best weights with the rate halved {n} times. Start with "
            f"learning_rate_init={rate / 2**n:.3g} or 'auto'."
        )
    return ""
