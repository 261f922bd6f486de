"""Initial centres and widths of radial basis functions from data (section 4.8)."""

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from sk_effprop.core.arrays import Array
from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.network import forward
from sk_effprop.core.objective import Objective

# No more rows than this are clustered, and not longer: training moves the centres.
MAX_CLUSTERED_ROWS, CLUSTERING_ITERATIONS = 2000, 5
# Widths squared are this share of the mean squared distance of a row and a centre.
# Wider units are nearly constant and train slowly; narrower ones leave rows unseen.
WIDTH_SHARE = 0.25


def place_centres(objective: Objective, theta: Array, rng: np.random.Generator) -> None:
    """Write centres and widths of the radial layer, if there is one, into theta.

    The centres are those of clusters of the layer's inputs, with the weights of the
    examples.  All units have the same width.  Layers below must have their weights.
    """
    network = objective.network
    if "radial" not in network.kinds:
        return
    own_rng = np.random.default_rng(rng.integers(2**63))
    some = objective.sample(MAX_CLUSTERED_ROWS, own_rng)
    W = network.layers(theta)[network.kinds.index("radial")]
    x = _inputs_of(some, theta)
    # weights so large that the layers below overflow leave nothing to cluster
    if np.isfinite(x).all():
        W[:-1] = _clusters(x, some.sample_weight, W.shape[1], own_rng).T
        W[-1] = _log_width(x, W[:-1])


def _inputs_of(objective: Objective, theta: Array) -> Array:
    """Inputs of the radial layer, without their ones."""
    network, x = objective.network, objective.inputs
    layer = network.kinds.index("radial")
    if layer > 0:
        x = forward(network, theta, x, only_values=True).inputs[layer]
    x = x.filled() if isinstance(x, FoldedSparse) else x
    return np.asarray(x[:, :-1], dtype=np.float64)


def _clusters(
    x: Array, weight: Array | None, n_units: int, rng: np.random.Generator
) -> Array:
    """Centres of as many clusters as there are units, (n_units, n_inputs)."""
    seed = int(rng.integers(2**31))
    rows, row_of = np.unique(x, axis=0, return_inverse=True)
    # neither the order of the rows nor equal ones decide about random draws
    weight = np.bincount(row_of.ravel(), weight)
    n_clusters = min(n_units, len(rows))
    means = KMeans(
        n_clusters, n_init=1, max_iter=CLUSTERING_ITERATIONS, random_state=seed
    )
    # the order in which threads add rounding errors would decide the last bits
    with threadpool_limits(1, user_api="openmp"):
        centres = means.fit(rows, sample_weight=weight).cluster_centers_
    # units beyond the different rows lie around them
    extra = centres[rng.integers(n_clusters, size=n_units - n_clusters)]
    scale = np.std(x, axis=0)
    noise = rng.standard_normal(extra.shape) * np.where(scale > 0.0, scale, 1.0)
    return np.concatenate([centres, extra + noise])


def _log_width(x: Array, centres: Array) -> float:
    """Logarithm of the width of all units; 0 where all distances are zero."""
    squared = np.mean(x**2, axis=0).sum() + np.mean(centres**2, axis=1).sum()
    squared -= 2.0 * np.mean(x, axis=0) @ np.mean(centres, axis=1)
    return 0.5 * float(np.log(WIDTH_SHARE * squared)) if squared > 0.0 else 0.0
