"""Rules about validation data by which training was ended, and useless weights kept.

Training keeps the weights that predict the validation data best.  If even those are no
better than a constant there, either too few examples were left to train on, or the
validation data are not like them.
"""

import numpy as np

from sk_effprop.core.baseline import constant_value
from sk_effprop.estimators._run import Run
from sk_effprop.estimators._validation import Validation
from sk_effprop.training.convergence import Finding
from sk_effprop.training.monitor import Monitor

# Fewer validation examples than this may be predicted badly by chance.
FEWEST_ROWS = 20
# Smaller shares of a constant's loss are of no use, and suspicious together with few
# examples to train on.
LEAST_EXPLAINED, SUSPICIOUS = 0.01, 0.2


def few_to_train_on(run: Run, monitor: Monitor) -> Finding | None:
    """Find a split that holds out most examples, where the rest tells little."""
    validation, fraction = monitor.validate, run.plan.given.validation_fraction
    if not isinstance(validation, Validation) or validation.is_split_off is not True:
        return None
    share = _explained(validation, monitor)
    if validation.objective.n_samples <= run.n_rows or share >= SUSPICIOUS:
        return None
    return Finding(
        f"{_result(share)}: validation_fraction={fraction:.3g} leaves only "
        f"{run.n_rows} of {run.n_rows + validation.objective.n_samples} examples to "
        "train on.",
        "validation_fraction",
        "Use validation_fraction=0.1, or early_stopping=False.",
        cause="few examples to train on",
        value=0.1,
    )


def unlike_validation(monitor: Monitor) -> Finding | None:
    """Find validation data of the user's that are not like the training data."""
    validation = monitor.validate
    if not isinstance(validation, Validation) or validation.is_split_off is not False:
        return None
    share = _explained(validation, monitor)
    if share >= LEAST_EXPLAINED:
        return None
    return Finding(
        f"{_result(share)}, and training ended after {monitor.n_now} iterations "
        "because of them (X_val, y_val).",
        "X_val",
        "They need the units of X and y, and the order of rows must be the same in "
        "X_val and y_val; or use early_stopping=False, without them.",
        cause="validation data unlike training data",
    )


def _explained(validation: Validation, monitor: Monitor) -> float:
    """Share of the loss of their best constant that the kept weights explain."""
    objective, n = validation.objective, monitor.n_now
    if n == 0 or objective.n_samples < FEWEST_ROWS:
        return 1.0
    losses, scores = (
        np.array(curve[-n:])
        for curve in (
            monitor.history.validation_losses,
            monitor.history.validation_scores,
        )
    )
    constant = constant_value(objective)
    return 1.0 - float(losses[np.argmax(scores)]) / constant if constant > 0.0 else 1.0


def _result(share: float) -> str:
    if share < LEAST_EXPLAINED:
        return "The validation data are predicted no better than by a constant"
    return (
        f"The predictions explain {100 * share:.0f} % of the loss of a constant on the "
        "validation data"
    )
