"""A network is its sizes and activations; the weights are one flat vector, theta.

``Network.layers(theta)`` cuts theta into views ``W[l]`` of shape ``(n_in + 1, n_out)``
with the bias in the last row, so a layer is one product with inputs that end in a
column of ones.  The passes are free functions of (network, theta, data)::

    >>> import numpy as np
    >>> from sk_effprop.core.activations import ACTIVATIONS, IDENTITY
    >>> from sk_effprop.core.network import Network, forward, vjp
    >>> network = Network((2, 3, 1), (ACTIVATIONS["lecun_tanh"], IDENTITY))
    >>> theta = np.zeros(network.n_weights)
    >>> trace = forward(network, theta, np.array([[0.5, -1.0, 1.0]]))
    >>> trace.outputs
    array([[0.]])
    >>> vjp(network, theta, trace, np.ones((1, 1)))[-1]    # the output bias
    np.float64(1.0)
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sk_effprop.core.activations import (
    AnyActivation,
)
from sk_effprop.core.arrays import Array
from sk_effprop.core.initializers import Initializer
from sk_effprop.core.kernels import Passes


@dataclass(frozen=True)
class Network:
    """A chain of fully connected layers, without its weights.

    Attributes
    ----------
    sizes : tuple of int
        Number of inputs, of units in each hidden layer, of outputs.
    activations : tuple of Activation
        One for each layer of weights, the output's last.
    """

    sizes: tuple[int, ...]
    activations: tuple[AnyActivation, ...]

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shape of each layer's matrix, bias row included."""
        return tuple(
            (n_in + 1, n_out)
            for n_in, n_out in zip(self.sizes[:-1], self.sizes[1:], strict=True)
        )

    @cached_property
    def n_weights(self) -> int:
        """Length of theta."""
        return sum(rows * columns for rows, columns in self.shapes)

    def layers(self, theta: Array) -> tuple[Array, ...]:
        """Views of theta, layer after layer, each (n_in + 1, n_out)."""
        views, start = [], 0
        for rows, columns in self.shapes:
            stop = start + rows * columns
            views.append(theta[start:stop].reshape(rows, columns))
            start = stop
        return tuple(views)

    def per_layer(
        self, value: Callable[[int, int], float], *, biases: float | None = None
    ) -> Array:
        """A vector of theta's layout, constant within each layer.

        Parameters
        ----------
        value : callable
            ``(fan_in, fan_out) -> float``
        biases : float, optional
            What the biases get instead of their layer's value.
        """
        vector = np.empty(self.n_weights)
        for view in self.layers(vector):
            view[...] = value(view.shape[0] - 1, view.shape[1])
            if biases is not None:
                view[-1] = biases
        return vector


def forward(
    network: Network, theta: Array, inputs: Any, *, only_values: bool = False
) -> Passes:
    """Forward pass, eqs. (2)-(3), of ``inputs`` (n_samples, n_in + 1).

    Returns
    -------
    Passes
        The trace for :func:`vjp` and :func:`jvp`, which need more than
        ``only_values``; ``trace.outputs`` is the result.
    """
    trace = Passes(network.layers(theta), network.activations, inputs.shape[0])
    trace.forward(inputs, only_values=only_values)
    return trace


def vjp(network: Network, theta: Array, trace: Passes, output_gradient: Array) -> Array:
    """Gradient of ``sum(output_gradient * outputs)`` with respect to theta."""
    np.copyto(trace.output_gradient, output_gradient)
    trace.backward()
    gradient = np.zeros_like(theta)
    trace.add_gradient(network.layers(gradient))
    return gradient


def jvp(network: Network, theta: Array, trace: Passes, direction: Array) -> Array:
    """Change of the outputs, (n_samples, n_outputs), as theta moves in a direction.

    The forward half of Pearlmutter's R-operator (section 7.5).
    """
    change = None
    for l, (W, V) in enumerate(
        zip(network.layers(theta), network.layers(direction), strict=True)
    ):
        z_change = trace.inputs[l] @ V
        if change is not None:
            z_change += change @ W[:-1]
        change = z_change * trace.derivative(l)
    return np.asarray(change)


def initialize(
    network: Network, initializer: Initializer, rng: np.random.Generator, dtype: Any
) -> Array:
    """Draw all weights, biases zero."""
    theta = np.zeros(network.n_weights, dtype=dtype)
    for view in network.layers(theta):
        fan_in, fan_out = view.shape[0] - 1, view.shape[1]
        view[:-1] = initializer(rng, fan_in, fan_out)
    return theta
