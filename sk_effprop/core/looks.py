"""Number of examples after which stochastic descent looks at the clock.

Compiled loops also notice Ctrl-C only then.  The number of examples does not depend on
the clock, as the compiled loops round differently at the end of a part.
"""

from sk_effprop.core.objective import Objective

# Updates by an engine, and products of an example and a weight, that take less than a
# tenth of a second.  NumPy takes as long for an update as it has layers.
UPDATES_PER_LOOK, PRODUCTS_PER_LOOK = {"numpy": 2**11, "numba": 2**13}, 2**26


def examples_per_look(objective: Objective, batch_size: int) -> int:
    """Number of examples between two checks of the time limit, in whole batches."""
    network = objective.network
    n_batches = PRODUCTS_PER_LOOK // (network.n_weights * batch_size)
    if objective.engine.name == "numba":
        most = UPDATES_PER_LOOK["numba"]
    else:
        most = UPDATES_PER_LOOK["numpy"] // len(network.activations)
    return batch_size * max(min(most, n_batches), 1)
