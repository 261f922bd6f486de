"""How training ended, in a word for programs and a sentence for people."""

from typing import Any

from sklearn.utils import Bunch

from sk_effprop.training.monitor import Monitor

ADVICE = {
    "": "",
    "converged": "",
    "precision": "",
    "goal": "",
    "callback": "",
    "stalled": "",
    "max_iter": "Raise max_iter.",
    "max_fun": "Raise max_fun.",
    "max_time": "Raise max_time.",
    "interrupted": "Go on from here with warm_start=True.",
    "stuck": "Leave learning_rate_init on 'auto', and normalize the inputs.",
    "diverged": "Lower learning_rate_init or leave it on 'auto', and normalize the "
    "inputs.",
}


FLAT = "The penalty leaves outputs that hardly depend on the inputs."
ADVICE_IF_FLAT = (
    "Lower alpha, which MLPClassifier and MLPRegressor divide by a batch's size, or "
    "leave it on 'auto'."
)


def describe(monitor: Monitor, *, gradient_norm: float, is_flat: bool) -> Any:
    """``convergence_``: see the attributes of the estimators."""
    reason = monitor.reason
    is_stall = reason == "stalled" and monitor.validate is None
    if is_stall and 0.0 < monitor.null_value < monitor.best_value:
        # no minimum is up there: saturated units, or steps too small to see
        reason = "stuck"
    return Bunch(
        reason=reason,
        n_iter=monitor.n_iter,
        gradient_norm=gradient_norm,
        is_flat=is_flat,
        advice=ADVICE_IF_FLAT if is_flat else ADVICE[reason],
        n_recoveries=monitor.n_recoveries,
    )


def complaint(convergence: Any, *, fixed_length: bool, rate: float | None) -> str:
    """What a ConvergenceWarning should say; "" if there is nothing to warn about.

    Parameters
    ----------
    convergence : Bunch
        From :func:`describe`.
    fixed_length : bool
        Whether the number of epochs was the user's plan, so that using them up is
        no reason for a warning.
    rate : float or None
        Initial learning rate.
    """
    sentences = {
        "max_iter": "" if fixed_length else "max_iter was reached before convergence.",
        "max_fun": "All max_fun evaluations were used before convergence.",
        "interrupted": "Training was interrupted; the best weights so far are kept.",
        "stuck": "Training came to a standstill above the loss of outputs that are all "
        "zero.",
        "diverged": "Training diverged; the best weights so far are kept.",
    }
    sentence = FLAT if convergence.is_flat else sentences.get(convergence.reason, "")
    if sentence:
        return f"{sentence} {convergence.advice}"
    n = convergence.n_recoveries
    if n and rate is not None:
        return (
            f"Training diverged at learning_rate_init={rate:.3g}; it went on from the "
            f"best weights with the rate halved {n} times. Start with "
            f"learning_rate_init={rate / 2**n:.3g} or 'auto'."
        )
    return ""
