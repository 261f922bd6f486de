"""Passes in place, and the sweep: NumPy code that is fast for its own sake.

A sweep walks once through the shown examples, a batch at a time; batch size 1, a
mini-batch and the full batch are the same lines.  Everything is cut and allocated
before the loop, and the loop itself only calls BLAS and ufuncs with ``out=``.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy.linalg.blas import dgemm, sgemm

from sk_effprop.core.activations import (
    AnyActivation,
)
from sk_effprop.core.arrays import Array
from sk_effprop.core.losses import Loss

# Called after each batch with its passes, targets and weights.
Update: TypeAlias = Callable[["Passes", Array, Array | None], None]


class Passes:
    """Forward and backward through ``n_rows`` examples, all memory allocated once.

    Products go to BLAS directly, which knows columns first, so that it is handed
    transposes; arguments are positional, as f2py takes twice the time for names:
    alpha, a, b, beta, c, trans_a, trans_b, overwrite_c.

    Parameters
    ----------
    layers : sequence of ndarray of shape (fan_in + 1, fan_out)
        Views of theta; the passes follow when they change.
    activations : sequence of Activation
    n_rows : int

    Attributes
    ----------
    inputs : list of ndarray of shape (n_rows, fan_in + 1)
        What each layer is given, with a last column of ones that meets the bias row.
    outputs, output_gradient : ndarray of shape (n_rows, n_outputs)
        The caller fills the gradient between :meth:`forward` and :meth:`backward`.
    u, derivatives, deltas : list of ndarray of shape (n_rows, fan_out)
        slope * z, f'(z) / gain and dE/dz / gain of each layer, see
        :meth:`Activation.evaluate`.
    gains : list of float
    """

    def __init__(
        self, layers: Sequence[Array], activations: Sequence[AnyActivation], n_rows: int
    ) -> None:
        dtype = layers[0].dtype
        widths = [W.shape[1] for W in layers]
        # all in one piece: few large arrays come and go, not many of middle size
        total = 4 * sum(widths) + len(widths) + widths[-1]
        memory = np.empty(n_rows * total, dtype=dtype)
        used = 0

        def empty(width: int) -> Array:
            nonlocal used
            start, used = used, used + n_rows * width
            return memory[start:used].reshape(n_rows, width)

        self.layers, self.activations = layers, activations
        self.n_rows = n_rows
        self.gains = [activation.derivative_scale for activation in activations]
        self.inputs: list[Any] = [None]
        self.u = [empty(width) for width in widths]
        self.derivatives = [empty(width) for width in widths]
        self.deltas = [empty(width) for width in widths]
        self.values = []
        for width in widths[:-1]:
            extended = empty(width + 1)
            extended[:, -1] = 1.0
            self.inputs.append(extended)
            self.values.append(extended[:, :-1])
        self.linear_output = activations[-1].is_identity
        if self.linear_output:
            # an identity needs no pass of its own: f(z) is z, f'(z) is 1
            self.outputs = self.u[-1]
            self.output_gradient = self.deltas[-1]
        else:
            self.outputs, self.output_gradient = empty(widths[-1]), empty(widths[-1])
        self.values.append(self.outputs)
        self._cut()

    def first(self, n_rows: int) -> "Passes":
        """A view of the first ``n_rows`` rows."""
        if n_rows == self.n_rows:
            return self
        part = object.__new__(Passes)
        part.__dict__.update(self.__dict__)
        part.n_rows = n_rows
        for name in ("inputs", "u", "derivatives", "deltas", "values"):
            buffers = getattr(self, name)
            setattr(part, name, [b if b is None else b[:n_rows] for b in buffers])
        part.outputs = part.values[-1]
        part.output_gradient = (
            part.deltas[-1] if self.linear_output else self.output_gradient[:n_rows]
        )
        part._cut()
        return part

    def _cut(self) -> None:
        """Make every view that the passes need."""
        self._gemm = dgemm if self.layers[0].dtype == np.float64 else sgemm
        n_layers = len(self.layers)
        transposed_inputs = [None] + [x.T for x in self.inputs[1:]]
        self._up = [
            (
                self.activations[l].slope,
                self.layers[l].T,
                transposed_inputs[l],
                self.u[l],
                self.u[l].T,
                self.activations[l].evaluate,
                self.values[l],
                self.derivatives[l],
            )
            for l in range(n_layers)
        ]
        self._down = [
            (
                self.gains[l],
                self.layers[l][:-1].T,
                self.deltas[l].T,
                self.deltas[l - 1].T,
                self.deltas[l - 1],
                self.derivatives[l - 1],
            )
            for l in range(n_layers - 1, 0, -1)
        ]
        self._products = [
            (self.gains[l], self.deltas[l].T, transposed_inputs[l])
            for l in range(n_layers)
        ]

    def forward(self, inputs: Any, *, only_values: bool = False) -> None:
        """Fill ``outputs`` and the trace, eqs. (2)-(3).

        With ``only_values`` there are no derivatives to go back with.
        """
        self.inputs[0] = inputs
        gemm, up = self._gemm, self._up
        if type(inputs) is np.ndarray:
            x = inputs.T
        else:
            # sparse inputs: the product is theirs, the rest is the same
            x = None
            np.multiply(inputs @ self.layers[0], up[0][0], out=up[0][3])
        last = up[-1] if self.linear_output else None
        for step in up:
            slope, W, own_x, u, u_T, evaluate, value, derivative = step
            x = x if own_x is None else own_x
            if x is not None:
                gemm(slope, W, x, 0.0, u_T, 0, 0, 1)
            if step is not last:
                evaluate(u, value, None if only_values else derivative)

    def backward(self) -> None:
        """Go down from ``output_gradient`` to every layer's delta, eqs. (4)-(9)."""
        if not self.linear_output:
            np.multiply(self.output_gradient, self.derivatives[-1], out=self.deltas[-1])
        gemm = self._gemm
        for gain, W, delta, delta_below, out, derivative in self._down:
            gemm(gain, W, delta, 0.0, delta_below, 1, 0, 1)
            np.multiply(out, derivative, out=out)

    def add_gradient(
        self, layers: Sequence[Array], scales: Sequence[float] | None = None
    ) -> None:
        """Add the gradient, summed over the rows and scaled, to each layer's matrix.

        The layers may be those of theta: scaled by minus the learning rates, this is
        the step of gradient descent.
        """
        first_input = self.inputs[0]
        for l, (gain, delta, x) in enumerate(self._products):
            scale = gain if scales is None else gain * scales[l]
            if x is not None:
                self._gemm(scale, delta, x, 1.0, layers[l].T, 0, 1, 1)
            elif type(first_input) is np.ndarray:
                self._gemm(scale, delta, first_input.T, 1.0, layers[l].T, 0, 1, 1)
            else:
                layers[l][...] += scale * (first_input.T @ self.deltas[l])

    def slope(self, l: int) -> Array:
        """f'(z) of layer l."""
        if self.linear_output and l == len(self.layers) - 1:
            return np.ones_like(self.outputs)
        return self.gains[l] * self.derivatives[l]

    def z(self, l: int) -> Array:
        """Pre-activations of layer l."""
        return np.asarray(self.u[l] / self.activations[l].slope)


def sweep(
    passes: Passes,
    loss: Loss,
    inputs: Any,
    targets: Array,
    weights: Array | None,
    update: Update,
) -> Array:
    """Show the examples in batches of ``passes.n_rows``, with an update after each.

    Parameters
    ----------
    passes : Passes
        On the views of theta that ``update`` changes.
    loss : Loss
    inputs : ndarray or FoldedSparse of shape (n, n_in + 1)
        In the order they are shown.
    targets : ndarray of shape (n, n_outputs)
    weights : ndarray of shape (n,) or None
        Of mean 1.
    update : callable
        ``update(passes, targets, weights)``; the last batch may be smaller.

    Returns
    -------
    ndarray of shape (n, n_outputs)
        The outputs for each example at the moment it was shown.
    """
    shown = np.empty_like(targets)
    size = passes.n_rows
    n = targets.shape[0]
    gradient = loss.gradient
    batch_weights = None
    for start in range(0, n, size):
        stop = start + size
        if stop > n:
            passes = passes.first(n - start)
        passes.forward(inputs[start:stop])
        outputs, output_gradient = passes.outputs, passes.output_gradient
        shown[start:stop] = outputs
        batch_targets = targets[start:stop]
        gradient(outputs, batch_targets, output_gradient)
        if weights is not None:
            batch_weights = weights[start:stop]
            output_gradient *= batch_weights[:, None]
        passes.backward()
        update(passes, batch_targets, batch_weights)
    return shown
