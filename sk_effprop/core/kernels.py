"""Forward and backward passes in place, and the sweep over batches, on BLAS.

A sweep goes once through the examples, a batch at a time.  Batch size 1, a mini-batch
and the full batch are the same code.  All views and buffers are made before the loop,
and the loop itself only calls BLAS and ufuncs with ``out=``, as a step of a single
example takes a few microseconds.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy.linalg.blas import dgemm, sgemm

from sk_effprop.core.activations import AnyActivation
from sk_effprop.core.arrays import Array
from sk_effprop.core.layer_kinds import Affine, LayerKind
from sk_effprop.core.losses import Loss
from sk_effprop.core.radial import Radial

# Called after the two passes of each batch with the passes, targets and weights.
AfterBatch: TypeAlias = Callable[["Passes", Array, Array | None], None]

# Kinds of layers by name: what they compute before their activations.
KINDS: dict[str, type[LayerKind]] = {"affine": Affine, "radial": Radial}


class Passes:
    """Forward and backward pass of ``n_rows`` examples in buffers allocated once.

    Products are calls of BLAS, whose matrices are stored column by column, so that it
    receives transposes.  Its arguments are positional, as f2py takes twice the time for
    names: alpha, a, b, beta, c, trans_a, trans_b, overwrite_c.

    Parameters
    ----------
    layers : sequence of ndarray of shape (fan_in + 1, fan_out)
        Views of theta; when theta changes, the next pass uses the new weights.
    activations : sequence of Activation
    n_rows : int
    kinds : sequence of str, optional
        Kind of each layer, which computes its preactivations; by default affine.

    Attributes
    ----------
    inputs : list of ndarray of shape (n_rows, fan_in + 1)
        Inputs of each layer, with a last column of ones for the biases.
    outputs, output_gradient : ndarray of shape (n_rows, n_outputs)
        The caller fills the gradient between :meth:`forward` and :meth:`backward`.
    u, derivatives, deltas : list of ndarray of shape (n_rows, fan_out)
        ``slope * z``, ``f'(z) / derivative_scale`` and ``dE/dz / derivative_scale`` of
        each layer, see :meth:`Activation.evaluate`.
    derivative_scales : list of float
        ``amplitude * slope`` of each activation.  BLAS multiplies products by a number
        for free, so the factor is left out of the elementwise derivatives.
    """

    def __init__(
        self,
        layers: Sequence[Array],
        activations: Sequence[AnyActivation],
        n_rows: int,
        kinds: Sequence[str] = (),
    ) -> None:
        dtype = layers[0].dtype
        widths = [W.shape[1] for W in layers]
        # One large allocation is faster than many of middle size.
        total = 4 * sum(widths) + len(widths) + widths[-1]
        memory = np.empty(n_rows * total, dtype=dtype)
        used = 0

        def empty(width: int) -> Array:
            nonlocal used
            start, used = used, used + n_rows * width
            return memory[start:used].reshape(n_rows, width)

        self.layers, self.activations = layers, activations
        self.n_rows = n_rows
        self.kinds = tuple(KINDS[kind] for kind in kinds) or (Affine,) * len(layers)
        self.derivative_scales = [f.derivative_scale for f in activations]
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
            # An identity shares the buffers, as f(z) is z and f'(z) is 1.
            self.outputs = self.u[-1]
            self.output_gradient = self.deltas[-1]
        else:
            self.outputs, self.output_gradient = empty(widths[-1]), empty(widths[-1])
        self.values.append(self.outputs)
        self._make_views()

    def first(self, n_rows: int) -> "Passes":
        """A view of the first ``n_rows`` rows."""
        if n_rows == self.n_rows:
            return self
        # A new Passes would allocate its own buffers.
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
        part._make_views()
        return part

    def _make_views(self) -> None:
        """Make every view in advance, as that takes as long as a small product."""
        # ``x.T`` of a matrix that is stored by rows is stored by columns.
        self._gemm = dgemm if self.layers[0].dtype == np.float64 else sgemm
        n_layers = len(self.layers)
        transposed_inputs = [None] + [x.T for x in self.inputs[1:]]
        # Other layers than affine ones are computed by their kind alone.
        others = [None if kind is Affine else l for l, kind in enumerate(self.kinds)]
        self._made: dict[int, LayerKind] = {}
        self._forward_steps = [
            (
                self.activations[l].slope,
                self.layers[l].T,
                transposed_inputs[l],
                self.u[l],
                self.u[l].T,
                self.activations[l].evaluate,
                self.values[l],
                self.derivatives[l],
                others[l],
            )
            for l in range(n_layers)
        ]
        self._backward_steps = [
            (
                self.derivative_scales[l],
                self.layers[l][:-1].T,
                self.deltas[l].T,
                self.deltas[l - 1].T,
                self.deltas[l - 1],
                self.derivatives[l - 1],
                others[l],
            )
            for l in range(n_layers - 1, 0, -1)
        ]
        self._products = [
            (
                self.derivative_scales[l],
                self.deltas[l].T,
                transposed_inputs[l],
                others[l],
            )
            for l in range(n_layers)
        ]

    def forward(self, inputs: Any, *, only_values: bool = False) -> None:
        """Compute ``outputs`` and the values of all layers, eqs. (2)-(3).

        ``only_values`` skips the derivatives, which :meth:`backward` needs.
        """
        self.inputs[0] = inputs
        gemm, steps = self._gemm, self._forward_steps
        # Sparse inputs know how to multiply; all else is as for dense ones.
        x = inputs.T if type(inputs) is np.ndarray else None
        last = steps[-1] if self.linear_output else None
        for step in steps:
            slope, W, own_x, u, u_T, evaluate, value, derivative, other = step
            x = x if own_x is None else own_x
            if x is not None and other is None:
                gemm(slope, W, x, 0.0, u_T, 0, 0, 1)
            else:
                np.multiply(self._make(other or 0).z(), slope, out=u)
            if step is not last:
                evaluate(u, value, None if only_values else derivative)

    def backward(self) -> None:
        """Compute the deltas of all layers from ``output_gradient``, eqs. (4)-(9)."""
        if not self.linear_output:
            np.multiply(self.output_gradient, self.derivatives[-1], out=self.deltas[-1])
        gemm = self._gemm
        for (
            scale,
            W,
            delta,
            delta_below,
            out,
            derivative,
            other,
        ) in self._backward_steps:
            if other is None:
                gemm(scale, W, delta, 0.0, delta_below, 1, 0, 1)
            else:
                error = self._made[other].backpropagate(self.deltas[other])
                np.multiply(error, scale, out=out)
            np.multiply(out, derivative, out=out)

    def add_gradient(
        self, layers: Sequence[Array], scales: Sequence[float] | None = None
    ) -> None:
        """Add the gradient of the summed loss to matrices of the shapes of the layers.

        Each part is multiplied by the scale of its layer first.  If the matrices are
        the weights and the scales are minus the learning rates, this is a step of
        gradient descent.
        """
        first_input = self.inputs[0]
        first = first_input.T if type(first_input) is np.ndarray else None
        for l, (own_scale, delta, own_x, other) in enumerate(self._products):
            scale = own_scale if scales is None else own_scale * scales[l]
            x = first if own_x is None else own_x
            if x is not None and other is None:
                # gemm adds to the layer in place, with beta = 1.
                self._gemm(scale, delta, x, 1.0, layers[l].T, 0, 1, 1)
            else:
                # the gradient is linear in delta, which is smaller than a wide layer
                self._made[l].add_gradient(scale * self.deltas[l], layers[l])

    def _make(self, l: int) -> LayerKind:
        """Layer l at its inputs and weights, for the rest of both passes."""
        self._made[l] = self.kind(l)
        return self._made[l]

    def kind(self, l: int) -> LayerKind:
        """Layer l at its inputs and weights."""
        return self.kinds[l](self.inputs[l], self.layers[l])

    def z(self, l: int) -> Array:
        """Pre-activations of layer l."""
        return np.asarray(self.u[l] / self.activations[l].slope)


def sweep(
    passes: Passes,
    loss: Loss,
    inputs: Any,
    targets: Array,
    weights: Array | None,
    after_batch: AfterBatch,
) -> Array:
    """Go through the examples in batches of ``passes.n_rows``.

    Parameters
    ----------
    passes : Passes
        Its layers are views of the theta that ``after_batch`` changes.
    loss : Loss
    inputs : ndarray or FoldedSparse of shape (n, n_in + 1)
        Examples in their order of presentation.
    targets : ndarray of shape (n, n_outputs)
    weights : ndarray of shape (n,) or None
        Weights with a mean of 1.
    after_batch : callable
        ``after_batch(passes, targets, weights)``; the last batch may be smaller.

    Returns
    -------
    ndarray of shape (n, n_outputs)
        The outputs for each example just before its update.  Their losses are computed
        together afterwards, which is faster than batch by batch.
    """
    all_outputs = np.empty_like(targets)
    size = passes.n_rows
    n = targets.shape[0]
    gradient = loss.gradient
    batch_weights = None
    for start in range(0, n, size):
        stop = start + size
        # The last batch may be smaller.
        if stop > n:
            passes = passes.first(n - start)
        passes.forward(inputs[start:stop])
        outputs, output_gradient = passes.outputs, passes.output_gradient
        all_outputs[start:stop] = outputs
        batch_targets = targets[start:stop]
        gradient(outputs, batch_targets, output_gradient)
        if weights is not None:
            batch_weights = weights[start:stop]
            output_gradient *= batch_weights[:, None]
        passes.backward()
        after_batch(passes, batch_targets, batch_weights)
    return all_outputs
