"""L2 penalty of ``alpha="auto"``: its strength, and how layers share it.

The strength c is a number per example and per unit of power, the mean squared length
of a layer's inputs.  It follows from the error of examples that are left out, see
:mod:`sk_effprop.core.left_out`::

    found = left_out(data, has_hidden_layers=True, is_stream=False)
    usual = usual_strength(problem)
    c = find_strength("auto", problem, data, usual, found, is_stochastic=False)
    spread_alpha("auto", c, problem)    # c * power / n in each layer
"""

import numpy as np

from sk_effprop.core.activations import ACTIVATIONS
from sk_effprop.core.arrays import Array
from sk_effprop.core.left_out import OutOfSample, out_of_sample
from sk_effprop.core.losses import SquaredError
from sk_effprop.core.strength import loss_scale, strength, tilt
from sk_effprop.core.targets import place_targets
from sk_effprop.estimators._plan import Problem
from sk_effprop.estimators._reading import TrainingData

# Strengths that are used where none is estimated from the data.
CLASSES_ALPHA, VALUES_ALPHA = 0.1, 0.25
# Targets that CLASSES_ALPHA was measured with.
USUAL_TARGETS = place_targets("max_curvature", ACTIVATIONS["lecun_tanh"])
# Rows in the first batch of a stream from which the strength is found.
FEWEST_MEASURED = 30


def usual_strength(problem: Problem) -> float:
    """L2 strength per unit of fan-in and example, where the data are not asked.

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
    alpha: float | str,
    problem: Problem,
    data: TrainingData,
    usual: float | Array,
    found: OutOfSample | None,
    *,
    is_stochastic: bool,
) -> float | Array:
    """L2 strength that ``alpha="auto"`` takes from the data, one number or one a layer.

    The rounds of ``alpha="evidence"`` begin there as well, or below: the evidence at a
    flat minimum calls for a penalty that keeps it flat, and at an overfitted one it
    knows only that minimum.

    Parameters
    ----------
    alpha : float or str
        The hyperparameter.
    problem : Problem
    data : TrainingData
    usual : float or ndarray of shape (n_layers - 1,)
        Result if alpha is given, or is not estimated from the data.  A stream gets no
        stronger penalty than this, as what is noise to its first rows may not be noise
        to all.
    found : OutOfSample or None
        Errors of left-out examples, see ``left_out``.
    is_stochastic : bool
        Of the solver.
    """
    if not isinstance(alpha, str) or found is None:
        return usual
    scale = loss_scale(problem.loss, data.targets, data.weight, error=found.error)
    has_classes = problem.target_range is not None
    measured = scale * strength(
        found,
        is_stochastic=is_stochastic,
        has_classes=has_classes,
        is_cautious=alpha != "evidence",
        powers=None if is_stochastic else problem.input_powers,
    )
    if problem.is_stream or alpha == "evidence":
        return np.minimum(measured, usual)
    # stochastic solvers do not get far along the narrow valleys that this makes, other
    # losses make no linear function of the targets, and no Gaussian has a linear part
    is_regression = not has_classes and isinstance(problem.loss, SquaredError)
    is_tilted = is_regression and not problem.is_radial and not is_stochastic
    return measured * tilt(found, len(problem.input_powers)) if is_tilted else measured


def left_out(
    data: TrainingData, *, has_hidden_layers: bool, is_stream: bool
) -> OutOfSample | None:
    """Errors of left-out examples; None in a stream that begins with few of them."""
    if is_stream and len(data.targets) < FEWEST_MEASURED:
        return None
    return out_of_sample(
        data.inputs, data.targets, data.weight, has_hidden_layers=has_hidden_layers
    )


def spread_alpha(
    alpha: float | str, per_input: float | Array, problem: Problem
) -> Array:
    """L2 strength of each layer: the given number, or ``per_input * power / n``.

    n is the number of examples, and power about the fan-in.  The first few rows of a
    stream are not all there will be, and a penalty for one example would leave nothing
    of the weights.
    """
    if not isinstance(alpha, str):
        return np.full(len(problem.sizes) - 1, float(alpha))
    n = problem.n_effective
    if problem.n_seen is not None:
        n = max(problem.n_seen, FEWEST_MEASURED)
    return per_input / n * problem.input_powers
