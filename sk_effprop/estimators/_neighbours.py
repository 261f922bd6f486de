"""Errors that neighbouring examples share, which a network could learn.

Noise is different at every example, but what a network has missed is nearly the same
at examples close to each other.  The correlation between the errors of an example and
of its nearest neighbour so tells noise from a fit that was flattened or got stuck, on
any data and for any loss.  With more than a few inputs no example is close to another,
but what a single input explains shows in the order of its values::

    finding = missed_structure(case, monitor.reason)
    finding.parameter    # "alpha"
    finding.advice       # "Decrease alpha, to 0.0002 say."
"""

import numpy as np
from scipy.spatial import cKDTree

from sk_effprop.core.arrays import Array
from sk_effprop.core.network import forward
from sk_effprop.estimators._rules import Case
from sk_effprop.solvers import BATCH
from sk_effprop.solvers.base import Reason
from sk_effprop.training.convergence import Finding

# In more dimensions, neighbours are as far away as any other example.
MOST_INPUTS = 50
# Correlations count if they exceed this one, and that of pure noise by so many of its
# standard deviations.
CORRELATED, N_DEVIATIONS = 0.35, 3.0
# Nothing but what a network has missed makes errors so similar.
NEARLY_EQUAL = 0.9
# A weaker penalty than this is not what keeps a network from learning.
WEAK_PENALTY = 1e-3
# A network with fewer weights may be too small for data with this many times more rows.
FEW_WEIGHTS, MANY_RESIDUALS = 50, 20
# Levenberg-Marquardt takes seconds for larger Jacobians.
LARGEST_JACOBIAN = 10**7


def missed_structure(
    case: Case, reason: Reason, least: float = CORRELATED
) -> Finding | None:
    """Find errors that neighbours share, and what has kept the network from them.

    Parameters
    ----------
    case : Case
        At the weights that are kept.
    reason : Reason
        Why training has ended.
    least : float
        Smaller correlations are no sign.
    """
    if not has_neighbours(case) or len(case.some.network.sizes) == 2:
        return None
    rows, errors = _errors_by_place(case)
    if len(rows) < 3 or not errors.any():
        return None
    errors = errors / np.sqrt(np.sum(errors**2))
    correlation, who = _shared_nearby(rows, errors), "neighbouring examples"
    if correlation < max(least, N_DEVIATIONS / np.sqrt(len(rows))):
        correlation = _shared_along_inputs(rows, errors)
        who = "examples with similar values of one input"
        # the largest of so many numbers of pure noise
        n_deviations = np.sqrt(N_DEVIATIONS**2 + 2.0 * np.log(rows.shape[1]))
        if correlation < max(least, n_deviations / np.sqrt(len(rows))):
            return None
    sentence = (
        f"{who} share their errors (correlation {correlation:.2f}), so that there is "
        "more to be learnt."
    )
    parameter, value, advice = _remedy(case, reason)
    return Finding(
        sentence, parameter, advice, cause="structure left in the errors", value=value
    )


def has_neighbours(case: Case) -> bool:
    """True if there are so few inputs that some examples are close to each other."""
    return case.some.network.sizes[0] <= MOST_INPUTS


def _errors_by_place(case: Case) -> tuple[Array, Array]:
    """Different rows of inputs, and the mean error of the examples at each."""
    some = case.some
    outputs = forward(some.network, case.theta, some.inputs, only_values=True).outputs
    errors = np.empty_like(outputs)
    some.loss.gradient(outputs, some.targets, errors)
    return _merged(case.inputs.astype(np.float64), errors - errors.mean(axis=0))


def _shared_nearby(rows: Array, errors: Array) -> float:
    """Correlation of the errors of nearest neighbours."""
    nearest = cKDTree(rows).query(rows, k=2)[1][:, 1]
    return float(np.sum(errors * errors[nearest]))


def _shared_along_inputs(rows: Array, errors: Array) -> float:
    """Largest correlation of the errors of successive values of one input."""
    # equal values are in random order
    order = np.random.default_rng(0).permutation(len(rows))
    rows, errors = rows[order], errors[order]
    sorted_errors = (errors[np.argsort(column, kind="stable")] for column in rows.T)
    return max(float(np.sum(one[1:] * one[:-1])) for one in sorted_errors)


def _merged(rows: Array, errors: Array) -> tuple[Array, Array]:
    """Different rows, and the mean error at each: repeated rows share any noise."""
    different, group = np.unique(rows, axis=0, return_inverse=True)
    sums = np.zeros((len(different), errors.shape[1]))
    np.add.at(sums, group.ravel(), errors)
    return different, sums / np.bincount(group.ravel())[:, None]


def _remedy(case: Case, reason: Reason) -> tuple[str, object, str]:
    """Choose the first remedy that is not in use: parameter, value and sentence."""
    plan, strongest = case.plan, float(case.plan.alpha.max())
    longer = 4 * plan.max_iter
    more_epochs = "max_iter", longer, f"Increase max_iter, to {longer} say."
    if reason == Reason.MAX_ITER and not isinstance(plan.given.max_iter, str):
        # the user's limit, rather than what was found for these data
        return more_epochs
    more_units = "Use more hidden units, or another random_state."
    if strongest > WEAK_PENALTY and not plan.is_evidence:
        weaker = float(f"{strongest / 100.0:.1g}")
        return "alpha", weaker, f"Decrease alpha, to {weaker:.1g} say."
    n_weights = len(case.theta)
    is_small = MANY_RESIDUALS * n_weights < case.objective.n_residuals
    if is_small and n_weights < FEW_WEIGHTS:
        return "hidden_layer_sizes", None, more_units
    n_numbers = case.objective.n_residuals * n_weights
    if plan.solver != "lm" and n_numbers <= LARGEST_JACOBIAN:
        return "solver", "lm", "Use solver='lm'."
    if plan.solver in BATCH and plan.solver != "lm":
        return "solver", "sgd", "Use solver='sgd'."
    if reason == Reason.MAX_ITER:
        return more_epochs
    return "hidden_layer_sizes", None, more_units
