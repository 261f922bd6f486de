"""Random weights for a stream that began with too few rows to tell the inputs' scale.

Its first layer starts at zero.  A linear rule leads away from there, but where no input
alone tells anything about the targets, as in a table of XOR or for y = x^2, there is
next to no gradient, and the penalty keeps the weights at zero for ever.  Streams that
predict nothing after some hundred rows get random weights, therefore.
"""

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.initializers import biases_through_data, get_initializer
from sk_effprop.core.network import initialize
from sk_effprop.core.objective import Objective
from sk_effprop.estimators._build import BIAS_SPREAD, constant_inputs
from sk_effprop.estimators._parameters import Hyperparameters

# A first layer with weights of less than this share of initial ones is still at zero.
ASLEEP = 0.1
# A stronger penalty of the user's is what keeps it there.
WEAK_PENALTY = 0.1
# Normal numbers stand for the projections of rows, most of which have gone by.
N_PROJECTIONS = 100


def late_start(
    given: Hyperparameters,
    objective: Objective,
    theta: Array,
    rng: np.random.Generator,
) -> Array | None:
    """Weights with a random first layer; None if the first layer has left zero.

    Parameters
    ----------
    given : Hyperparameters
    objective : Objective
        On the latest batch.
    theta : ndarray of shape (n_weights,)
        Weights that many other rows have trained.
    rng : Generator
    """
    network = objective.network
    if not _can_be_drawn(given, objective):
        return None
    drawn = initialize(network, get_initializer(given.init), rng, theta.dtype)
    new, later = network.layers(drawn)[0], theta.copy()
    first = network.layers(later)[0]
    if np.sum(first[:-1] ** 2) >= ASLEEP**2 * np.sum(new[:-1] ** 2):
        return None
    # weights of inputs that have never moved are exactly zero
    moves = first[:-1].any(axis=1) | ~constant_inputs(objective.inputs)
    first[:-1][moves] = new[:-1][moves]
    if given.bias_init == "data":
        lengths = np.linalg.norm(first[:-1], axis=0)
        projections = rng.normal(size=(N_PROJECTIONS, len(lengths))) * lengths
        first[-1] = BIAS_SPREAD * biases_through_data(rng, projections, None)
    return later


def _can_be_drawn(given: Hyperparameters, objective: Objective) -> bool:
    """True if the first layer has random weights that the penalty would not remove."""
    is_linear = len(objective.network.sizes) == 2
    is_radial = objective.network.kinds[0] == "radial"
    is_weak = isinstance(given.alpha, str) or given.alpha <= WEAK_PENALTY
    return is_weak and not (
        isinstance(given.init, np.ndarray) or is_linear or is_radial
    )
