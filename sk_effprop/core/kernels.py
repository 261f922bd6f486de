"""The only code that is fast for its own sake: passes in place, and the sweep.

A sweep walks once through the shown examples, a batch at a time; batch size 1, a
mini-batch and the full batch are the same lines.  Everything is cut and allocated
before the loop, and the loop itself only calls BLAS and ufuncs with ``out=``.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy.linalg.blas import dgemm, sgemm

from sk_effprop.core.activations import Activation, Array
from sk_effprop.core.losses import Loss

# (inputs of each layer, delta of each layer, share of a full batch) -> None
Update: TypeAlias = Callable[[Sequence[Any], Sequence[Array], float], None]


class Workspace:
    """Scratch memory of the passes for ``n_rows`` examples.

    Attributes
    ----------
    inputs : list of ndarray of shape (n_rows, fan_in + 1)
        What each layer is given, with a last column of ones that meets the bias row.
        ``inputs[0]`` is set by the caller.
    z, values, slopes, deltas : list of ndarray of shape (n_rows, fan_out)
        Pre-activations, activations f(z), slopes f'(z), and dE/dz of each layer.
    """

    def __init__(
        self, sizes: Sequence[int], activations: Sequence[Activation], n_rows: int,
        dtype: Any,
    ) -> None:  # fmt: skip
        def empty(width: int) -> Array:
            return np.empty((n_rows, width), dtype=dtype)

        self.n_rows = n_rows
        self.inputs: list[Any] = [None]
        self.z = [empty(width) for width in sizes[1:]]
        self.deltas = [empty(width) for width in sizes[1:]]
        self.values: list[Array] = []
        for width in sizes[1:-1]:
            extended = empty(width + 1)
            extended[:, -1] = 1.0
            self.inputs.append(extended)
            self.values.append(extended[:, :-1])
        # an identity at the output needs no pass of its own: f(z) is z, f'(z) is 1
        linear_output = activations[-1].is_identity
        self.values.append(self.z[-1] if linear_output else empty(sizes[-1]))
        self.slopes: list[Any] = [empty(width) for width in sizes[1:]]
        if linear_output:
            self.slopes[-1] = None

    def first(self, n_rows: int) -> "Workspace":
        """A view of the first ``n_rows`` rows."""
        part = object.__new__(Workspace)
        part.n_rows = n_rows
        for name in ("inputs", "z", "values", "slopes", "deltas"):
            buffers = getattr(self, name)
            setattr(part, name, [b if b is None else b[:n_rows] for b in buffers])
        return part


def forward(
    layers: Sequence[Array], activations: Sequence[Activation], work: Workspace
) -> Array:
    """Fill ``work`` from ``work.inputs[0]``; return the outputs (a view of it)."""
    for W, activation, x, z, value, slope in zip(
        layers, activations, work.inputs, work.z, work.values, work.slopes, strict=True
    ):
        if type(x) is np.ndarray:
            np.dot(x, W, out=z)
        else:
            z[...] = x @ W
        if slope is not None:
            activation.evaluate(z, value, slope)
    return work.values[-1]


def backward(transposed: Sequence[Array], work: Workspace) -> None:
    """Turn ``work.deltas[-1]`` from dE/doutput to dE/dz, and go down, eqs. (4)-(9).

    ``transposed[l]`` is the transpose of layer l's weights without the bias row.
    """
    slopes, deltas = work.slopes, work.deltas
    if slopes[-1] is not None:
        np.multiply(deltas[-1], slopes[-1], out=deltas[-1])
    for l in range(len(deltas) - 1, 0, -1):
        np.dot(deltas[l], transposed[l], out=deltas[l - 1])
        np.multiply(deltas[l - 1], slopes[l - 1], out=deltas[l - 1])


def add_product(W: Array, x: Any, delta: Array, scale: float) -> None:
    """W += scale * x.T @ delta in place: a layer's gradient, summed over the rows."""
    if type(x) is np.ndarray:
        gemm = dgemm if W.dtype == np.float64 else sgemm
        # BLAS counts columns first, so it is handed the transposes of all three;
        # positional arguments, as f2py takes twice the time for names:
        # alpha, a, b, beta, c, trans_a, trans_b, overwrite_c
        gemm(scale, delta.T, x.T, 1.0, W.T, 0, 1, 1)
    else:
        W += scale * (x.T @ delta)


def sweep(
    layers: Sequence[Array],
    activations: Sequence[Activation],
    loss: Loss,
    examples: tuple[Any, Array, Array | None],
    value: Array,
    work: Workspace,
    update: Update,
) -> None:
    """Show the examples in batches of ``work.n_rows``, with an update after each.

    Parameters
    ----------
    layers : sequence of ndarray of shape (fan_in + 1, fan_out)
        Views of theta, which ``update`` changes.
    activations : sequence of Activation
    loss : Loss
    examples : (inputs, targets, weights)
        In the order they are shown; inputs of shape (n, n_in + 1); weights (n,) of
        mean 1, or None.
    value : ndarray of shape (n,)
        Receives the loss of each example at the moment it is shown.
    work : Workspace
    update : callable
        ``update(inputs, deltas, share)``, with ``share`` = size of this batch over
        ``work.n_rows``, below 1 only for a last, smaller batch.
    """
    inputs, targets, weights = examples
    transposed = [W[:-1].T for W in layers]
    size = work.n_rows
    n = targets.shape[0]
    for start in range(0, n, size):
        stop = start + size
        if stop > n:
            work = work.first(n - start)
        work.inputs[0] = inputs[start:stop]
        outputs = forward(layers, activations, work)
        loss.evaluate(
            outputs, targets[start:stop], value[start:stop], work.deltas[-1]
        )
        if weights is not None:
            work.deltas[-1] *= weights[start:stop, None]
        backward(transposed, work)
        update(work.inputs, work.deltas, work.n_rows / size)
