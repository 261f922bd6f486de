"""One example after another, with one rate for each layer and nothing else."""

from typing import Any

from sk_effprop.core.compiled._jit import compiled
from sk_effprop.core.compiled.arrays import DELTAS, VALUES, Layer, Z
from sk_effprop.core.compiled.layers import kind_at, layer_of
from sk_effprop.core.compiled.pointers import at, number


@compiled
def step_plainly(
    W: Any, layer: Layer, x: Any, deltas: Any, rate: Any, penalty: Any
) -> None:
    """Move a layer against the gradient of one example."""
    n_in, n_columns = layer.n_in, layer.n_columns
    keep = number(W, 1.0) - rate * penalty
    for i in range(n_in):
        w, step = at(W, i * n_columns), rate * x[i]
        for j in range(n_columns):
            w[j] = keep * w[j] - step * deltas[j]
    w = at(W, n_in * n_columns)
    for j in range(n_columns):
        w[j] -= rate * deltas[j]


@compiled
def step_and_affine(W: Any, layer: Layer, now: Any, numbers: Any) -> None:
    """Move a layer as :func:`step_plainly` does, and feed it the next example.

    Both take one way through memory: for a large layer, fetching it takes the longest.
    ``now`` holds the inputs and errors of this example, the inputs of the next one, and
    where to write its z; ``numbers`` are the rate and the penalty.
    """
    x, deltas, next_x, z = now
    rate, penalty = numbers
    n_in, n_columns = layer.n_in, layer.n_columns
    keep = number(W, 1.0) - rate * penalty
    w = at(W, n_in * n_columns)
    for j in range(n_columns):
        w[j] -= rate * deltas[j]
        z[j] = next_x[n_in] * w[j]
    # Two rows at a time: for more, no compiler sees that they do not overlap.
    whole = n_in - n_in % 2
    for i in range(0, whole, 2):
        w, w1 = at(W, i * n_columns), at(W, (i + 1) * n_columns)
        step, step1 = rate * x[i], rate * x[i + 1]
        x0, x1 = next_x[i], next_x[i + 1]
        for j in range(n_columns):
            first = keep * w[j] - step * deltas[j]
            second = keep * w1[j] - step1 * deltas[j]
            w[j] = first
            w1[j] = second
            z[j] += x0 * first + x1 * second
    if whole < n_in:
        w, step, x0 = at(W, whole * n_columns), rate * x[whole], next_x[whole]
        for j in range(n_columns):
            first = keep * w[j] - step * deltas[j]
            w[j] = first
            z[j] += x0 * first


@compiled
def step_above_first(net: Any, units: Any, update: Any) -> None:
    """Take a gradient step on the weights of all layers but the first."""
    for l in range(net.n_layers - 1, 0, -1):
        layer = layer_of(net, l)
        step_plainly(
            at(net.theta, layer.start), layer,
            kind_at(net, units, VALUES, layer.unit_before),
            kind_at(net, units, DELTAS, layer.unit),
            update.rate * update.scaling[l], update.penalty[l],
        )  # fmt: skip


@compiled
def step_first(net: Any, units: Any, update: Any, x: Any, next_x: Any) -> None:
    """Move the first layer, and compute its z for the next example."""
    layer, deltas = layer_of(net, 0), kind_at(net, units, DELTAS, 0)
    now = (x, deltas, next_x, kind_at(net, units, Z, 0))
    numbers = (update.rate * update.scaling[0], update.penalty[0])
    step_and_affine(net.theta, layer, now, numbers)
