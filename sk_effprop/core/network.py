"""Network: sizes and activations, with the weights in one flat vector theta.

``Network.layers(theta)`` cuts theta into views ``W[l]`` of shape ``(n_in + 1, n_out)``
with the bias in the last row, so a layer is one product with inputs that end in a
column of ones.  The weights are no part of a network, so passes are functions of
(network, theta, inputs)::

    >>> import numpy as np
    >>> from sk_effprop.core.activations import ACTIVATIONS, IDENTITY
    >>> from sk_effprop.core.network import Network, forward
    >>> network = Network((2, 3, 1), (ACTIVATIONS["lecun_tanh"], IDENTITY))
    >>> theta = np.zeros(network.n_weights)
    >>> forward(network, theta, np.array([[0.5, -1.0, 1.0]])).outputs
    array([[0.]])
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sk_effprop.core.activations import AnyActivation
from sk_effprop.core.arrays import Array
from sk_effprop.core.initializers import Initializer
from sk_effprop.core.kernels import Passes


@dataclass(frozen=True)
class Network:
    """Chain of fully connected layers, without its weights.

    Attributes
    ----------
    sizes : tuple of int
        Number of inputs, of units in each hidden layer, of outputs.
    activations : tuple of Activation
        One for each layer of weights, the last for the output.
    kinds : tuple of str
        Kind of each layer, which computes its preactivations: a name in
        :data:`~sk_effprop.core.kernels.KINDS`; by default, all are affine.
    """

    sizes: tuple[int, ...]
    activations: tuple[AnyActivation, ...]
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.kinds:
            # A frozen dataclass can only be completed this way.
            object.__setattr__(self, "kinds", ("affine",) * len(self.activations))

    def passes(self, theta: Array, n_rows: int) -> Passes:
        """Buffers for forward and backward passes of so many rows."""
        return Passes(self.layers(theta), self.activations, n_rows, self.kinds)

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shape of each layer's matrix, including the row of biases."""
        return tuple(
            (n_in + 1, n_out)
            for n_in, n_out in zip(self.sizes[:-1], self.sizes[1:], strict=True)
        )

    @cached_property
    def n_weights(self) -> int:
        """Length of theta."""
        return sum(rows * columns for rows, columns in self.shapes)

    def layers(self, theta: Array) -> tuple[Array, ...]:
        """Views of theta, layer by layer, each of shape (n_in + 1, n_out)."""
        views, start = [], 0
        for rows, columns in self.shapes:
            stop = start + rows * columns
            views.append(theta[start:stop].reshape(rows, columns))
            start = stop
        return tuple(views)

    def per_layer(
        self, value: Callable[[int, int], float], *, biases: float | None = None
    ) -> Array:
        """Vector of theta's layout that is constant within each layer.

        Parameters
        ----------
        value : callable
            ``(fan_in, fan_out) -> float``
        biases : float, optional
            Value of the biases, if it differs from that of their layer.
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
        Its ``outputs`` are the result.  With ``only_values`` it lacks the derivatives
        that :class:`~sk_effprop.core.trace.Trace` needs.
    """
    passes = network.passes(theta, inputs.shape[0])
    passes.forward(inputs, only_values=only_values)
    return passes


def initialize(
    network: Network, initializer: Initializer, rng: np.random.Generator, dtype: Any
) -> Array:
    """Draw all weights; biases are zero."""
    theta = np.zeros(network.n_weights, dtype=dtype)
    for view in network.layers(theta):
        fan_in, fan_out = view.shape[0] - 1, view.shape[1]
        view[:-1] = initializer(rng, fan_in, fan_out)
    return theta
