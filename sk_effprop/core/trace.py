"""The derivative of the outputs with respect to theta, as products.

J is the Jacobian of the outputs of some rows.  It is never formed: ``jvp`` multiplies
it with a direction in the space of theta, and ``vjp`` multiplies its transpose with
errors at the outputs::

    >>> import numpy as np
    >>> from sk_effprop.core.activations import ACTIVATIONS, IDENTITY
    >>> from sk_effprop.core.network import Network, forward
    >>> from sk_effprop.core.trace import Trace
    >>> network = Network((2, 3, 1), (ACTIVATIONS["lecun_tanh"], IDENTITY))
    >>> theta, gradient = np.zeros(network.n_weights), np.zeros(network.n_weights)
    >>> trace = Trace(forward(network, theta, np.array([[0.5, -1.0, 1.0]])))
    >>> trace.vjp(np.ones((1, 1)), into=network.layers(gradient))
    >>> gradient[-1]    # the output bias
    np.float64(1.0)
    >>> trace.jvp(network.layers(gradient))    # along the output bias
    array([[1.]])

A :class:`Block` adds the loss of the rows, and its Hessian H_L at the outputs.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.kernels import Passes
from sk_effprop.core.layer_kinds import Motion
from sk_effprop.core.losses import Loss


class Trace:
    """A forward pass with the derivatives of its activations.

    Parameters
    ----------
    passes : Passes
        After the forward pass.  Its backward pass must not follow, as the derivatives
        are scaled in its memory.

    Attributes
    ----------
    layers : sequence of ndarray of shape (fan_in + 1, fan_out)
    kinds : list of LayerKind
        Kind of each layer, at its inputs and weights.
    derivatives : list of ndarray of shape (n_rows, fan_out) or None
        f'(z) of each layer; None for an identity at the output.
    """

    def __init__(self, passes: Passes) -> None:
        self.passes = passes
        self.layers = passes.layers
        self.kinds = [passes.kind(l) for l in range(len(self.layers))]
        self.derivatives: list[Array | None] = list(passes.derivatives)
        if passes.linear_output:
            self.derivatives[-1] = None
        for derivative, f in zip(self.derivatives, passes.activations, strict=True):
            if derivative is not None:
                np.multiply(derivative, f.derivative_scale, out=derivative)

    @property
    def outputs(self) -> Array:
        """Outputs of the network, (n_rows, n_outputs)."""
        return self.passes.outputs

    def times_derivative(self, l: int, error: Array) -> Array:
        """Multiply ``error`` by f'(z) in place, and return it."""
        derivative = self.derivatives[l]
        return error if derivative is None else np.multiply(error, derivative, error)

    def jvp(self, directions: Sequence[Array]) -> Array:
        """Return J v, the directional derivative of the outputs along v.

        Parameters
        ----------
        directions : sequence of ndarray of shape (fan_in + 1, fan_out)
            The layers of v.
        """
        _, change = deque(self.changes(directions, keep=False), maxlen=1).pop()
        return change

    def changes(
        self, directions: Sequence[Array], *, keep: bool
    ) -> Iterator[tuple[Array, Array]]:
        """Yield R{z} and R{x} of every layer, the forward half of the R-operator (7.5).

        They share their memory unless ``keep`` is set.
        """
        change: Array | None = None
        for l, V in enumerate(directions):
            z_change = self.kinds[l].change(Motion(V, change))
            change = self.times_derivative(l, z_change.copy() if keep else z_change)
            yield z_change, change

    def vjp(self, error: Array, into: Sequence[Array]) -> None:
        """Add J' error to each layer's matrix; ``error`` is overwritten.

        Parameters
        ----------
        error : ndarray of shape (n_rows, n_outputs)
        into : sequence of ndarray of shape (fan_in + 1, fan_out)
        """
        for l in reversed(range(len(self.layers))):
            delta = self.times_derivative(l, error)
            self.kinds[l].add_gradient(delta, into[l])
            if l > 0:
                error = self.kinds[l].backpropagate(delta)

    def add_lecun_diagonal(
        self,
        curvature: Array,
        into: Sequence[Array],
        second_order_terms: Sequence[Array] | None = None,
        deltas: Sequence[Array] | None = None,
    ) -> None:
        """Propagate curvature back from the outputs, eqs. (54)-(56), summed over rows.

        Parameters
        ----------
        curvature : ndarray of shape (n_rows, n_outputs)
            Second derivatives of the loss with respect to the outputs; overwritten.
        into : sequence of ndarray of shape (fan_in + 1, fan_out)
            The result is added to these.
        second_order_terms : sequence of ndarray, optional
            f''(z) dE/dx of each layer, the term of (54) that is usually dropped.
        deltas : sequence of ndarray, optional
            dE/dz of each layer, for the second derivatives of z.
        """
        for l in reversed(range(len(self.layers))):
            # Multiplying twice takes no array for the square.
            curvature = self.times_derivative(l, curvature)
            curvature = self.times_derivative(l, curvature)
            if second_order_terms is not None:
                curvature += second_order_terms[l]
            delta = None if deltas is None else deltas[l]
            self.kinds[l].add_squares(curvature, into[l], delta)
            if l > 0:
                curvature = self.kinds[l].backpropagate_squares(curvature, delta)


class Block:
    """Loss and trace of some rows, with everything that products at this theta share.

    Attributes
    ----------
    trace : Trace
    targets, weight : ndarray
        Those of the rows.  Weights have mean 1 over all rows; None if they are equal.
    """

    def __init__(
        self, trace: Trace, loss: Loss, targets: Array, weight: Array | None
    ) -> None:
        self.trace, self.loss = trace, loss
        self.targets, self.weight = targets, weight

    def weighted(self, values: Array) -> Array:
        """Multiply values of the rows by the weights of the examples."""
        return values if self.weight is None else self.weight[:, None] * values

    def loss_curvature(self, change: Array) -> Array:
        """Return the product of H_L with a change of the outputs."""
        outputs = self.trace.outputs
        return self.weighted(self.loss.hessian_product(outputs, self.targets, change))

    def loss_diagonal(self) -> Array:
        """Diagonal of H_L, (n_rows, n_outputs)."""
        return self.weighted(
            self.loss.hessian_diagonal(self.trace.outputs, self.targets)
        )

    def loss_root(self) -> Array:
        """S of H_L = S S', (n_rows, n_outputs, n_columns)."""
        root = self.loss.hessian_root(self.trace.outputs, self.targets)
        if self.weight is None:
            return root
        return np.asarray(np.sqrt(self.weight)[:, None, None] * root)

    @cached_property
    def errors_and_deltas(self) -> tuple[list[Array], list[Array]]:
        """Return dE/dx of x = f(z) and dE/dz of each layer, summed and not averaged."""
        trace = self.trace
        error = np.empty_like(trace.outputs)
        self.loss.gradient(trace.outputs, self.targets, error)
        if self.weight is not None:
            error *= self.weight[:, None]
        top = len(trace.layers) - 1
        errors, deltas = [error], [trace.times_derivative(top, error.copy())]
        for l in range(top, 0, -1):
            errors.insert(0, trace.kinds[l].backpropagate(deltas[0]))
            deltas.insert(0, trace.times_derivative(l - 1, errors[0].copy()))
        return errors, deltas

    @property
    def deltas(self) -> list[Array]:
        """dE/dz of each layer."""
        return self.errors_and_deltas[1]

    @cached_property
    def second_order_terms(self) -> list[Array]:
        """f''(z) dE/dx of each layer and example, where x = f(z) is its output.

        Only the exact Hessian has these terms, the Gauss-Newton matrix leaves them out.
        """
        errors, _ = self.errors_and_deltas
        passes = self.trace.passes
        terms = []
        for f, u, error in zip(passes.activations, passes.u, errors, strict=True):
            term = f.second(u)
            np.multiply(term, error, out=term)
            terms.append(term)
        return terms

    def root_deltas(self, root: Array) -> Iterator[tuple[int, Array]]:
        """Backpropagate the columns of S: layer and delta (n_rows, columns, units).

        The layers come from the output downwards.
        """
        trace = self.trace
        error = root.transpose(0, 2, 1)
        for l in reversed(range(len(trace.layers))):
            derivative = trace.derivatives[l]
            delta = error if derivative is None else error * derivative[:, None, :]
            yield l, delta
            if l > 0:
                error = trace.kinds[l].backpropagate_several(delta)
