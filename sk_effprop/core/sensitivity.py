"""Sensitivity of the outputs of a network to each of its inputs, from derivatives."""

from dataclasses import replace

import numpy as np

from sk_effprop.core.activations import IDENTITY
from sk_effprop.core.arrays import Array
from sk_effprop.core.kernels import Passes
from sk_effprop.core.network import Network, forward

# Numbers of the inputs in a block of rows, which takes much less than 0.1 s.
BLOCK_NUMBERS = 2**20


def mean_slopes(
    network: Network,
    theta: Array,
    inputs: Array,
    weight: Array,
    *,
    chain: Array | None = None,
    axes: Array | None = None,
    contrasts: Array | None = None,
) -> Array:
    """Mean absolute derivative with respect to each column, summed over the outputs.

    Parameters
    ----------
    network : Network
    theta : ndarray of shape (n_weights,)
    inputs : ndarray of shape (n_samples, n_in + 1)
        With a last column of ones.
    weight : ndarray of shape (n_samples,)
        Weights of the examples.
    chain : ndarray of shape (n_samples, n_in), optional
        Derivatives of the inputs with respect to the columns, if each input depends on
        a column of its own, or on one of the ``axes``.
    axes : ndarray of shape (n_in, n_columns), optional
        Directions of the columns that the inputs are projections on.
    contrasts : ndarray of shape (n_outputs, n_outputs), optional
        Combinations of the outputs whose derivatives count, a row each; by default the
        outputs themselves.

    Returns
    -------
    ndarray of shape (n_columns,)
    """
    total: Array = np.zeros(inputs.shape[1] - 1 if axes is None else axes.shape[1])
    contrasts = np.eye(network.sizes[-1]) if contrasts is None else contrasts
    size = max(1, BLOCK_NUMBERS // inputs.shape[1])
    for start in range(0, len(weight), size):
        rows = slice(start, start + size)
        passes = forward(network, theta, inputs[rows])
        share = weight[rows] / np.sum(weight)
        for contrast in contrasts:
            slopes = _slopes(passes, contrast)
            if chain is not None:
                slopes = slopes * chain[rows]
            if axes is not None:
                slopes = slopes @ axes
            total += share @ np.abs(slopes)
    return total


def with_linear_outputs(network: Network) -> Network:
    """Return the network whose outputs are the preactivations of this one."""
    return replace(network, activations=(*network.activations[:-1], IDENTITY))


def differences_from_mean(n_outputs: int) -> Array:
    """Matrix that subtracts the mean output, for outputs defined up to a constant."""
    return np.asarray(np.eye(n_outputs) - 1.0 / n_outputs)


def _slopes(passes: Passes, contrast: Array) -> Array:
    """Derivatives of a combination of the outputs with respect to the inputs."""
    passes.output_gradient[...] = contrast
    passes.backward()
    slopes = passes.kind(0).backpropagate(passes.deltas[0])
    return np.asarray(passes.derivative_scales[0] * slopes)
