"""L2 penalty of ``alpha="auto"``: its strength, and how layers share it.

The strength c is a number per unit of fan-in and example.  It comes from the data where
two ridge regressions can tell how noisy the targets are, and is a constant elsewhere::

    c = find_strength("auto", problem, data, usual_strength(problem))
    spread_alpha("auto", c, problem)    # c * fan_in / n, one number per layer
"""

import numpy as np

from sk_effprop.core.activations import ACTIVATIONS
from sk_effprop.core.arrays import Array
from sk_effprop.core.losses import LogLoss, SquaredError
from sk_effprop.core.noise import (
    N_UNITS,
    strength_for_classification,
    strength_for_regression,
    unexplained,
)
from sk_effprop.core.targets import place_targets
from sk_effprop.estimators._auto import Problem
from sk_effprop.estimators._reading import TrainingData

# Strengths where the data are not asked.
CLASSES_ALPHA, VALUES_ALPHA = 0.1, 0.25
# Targets that CLASSES_ALPHA was measured with.
USUAL_TARGETS = place_targets("max_curvature", ACTIVATIONS["lecun_tanh"])
# The strength is found from the data if there are at least this many examples, and not
# more inputs than this: it takes a dense matrix with a column for each input.
FEWEST_MEASURED, MAX_MEASURED_INPUTS = 30, 2000


def usual_strength(problem: Problem) -> float:
    """L2 strength per unit of fan-in and example where the data are not asked.

    The penalty is in units of the loss: squared errors of targets that are closer to
    each other than the usual ones are smaller by their squared distance.
    """
    if problem.target_range is None:
        return VALUES_ALPHA
    if not isinstance(problem.loss, SquaredError):
        return CLASSES_ALPHA
    (low, high), (usual_low, usual_high) = problem.target_range, USUAL_TARGETS
    return CLASSES_ALPHA * ((high - low) / (usual_high - usual_low)) ** 2


def find_strength(
    alpha: float | str, problem: Problem, data: TrainingData, usual: float
) -> float:
    """L2 strength that ``alpha="auto"`` takes from the data.

    Parameters
    ----------
    alpha : float or str
        The hyperparameter.
    problem : Problem
    data : TrainingData
    usual : float
        What is returned if the data are not asked, or too few.
    """
    strength_of = None
    if isinstance(problem.loss, LogLoss):
        strength_of = strength_for_classification
    elif problem.loss == SquaredError() and problem.target_range is None:
        strength_of = strength_for_regression
    is_small = problem.n_effective < FEWEST_MEASURED
    is_wide = problem.sizes[0] > MAX_MEASURED_INPUTS
    if alpha != "auto" or strength_of is None or is_small or is_wide:
        return usual
    n_units = N_UNITS if len(problem.sizes) > 2 else 0
    left = unexplained(
        data.inputs,
        data.targets,
        data.weight,
        # uneven weights leave as many rows to fit as even ones
        count=max(problem.n_effective, len(data.targets)),
        n_units=n_units,
    )
    return strength_of(left)


def spread_alpha(alpha: float | str, strength: float, problem: Problem) -> Array:
    """L2 strength of each layer: the given number, or ``strength * fan_in / n``.

    n is the number of examples.  The first few rows of a stream are not all there will
    be, and a penalty for one example would leave nothing of the weights.
    """
    if not isinstance(alpha, str):
        return np.full(len(problem.sizes) - 1, float(alpha))
    n = problem.n_effective
    if problem.n_seen is not None:
        n = max(problem.n_seen, FEWEST_MEASURED)
    return strength / n * problem.fan_ins
