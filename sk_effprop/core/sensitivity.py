"""How much the outputs of a network depend on each of its inputs, from derivatives."""

from dataclasses import replace

import numpy as np

from sk_effprop.core.activations import IDENTITY
from sk_effprop.core.arrays import Array
from sk_effprop.core.kernels import Passes
from sk_effprop.core.network import Network, forward


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
    passes = forward(network, theta, inputs)
    total: Array = np.zeros(inputs.shape[1] - 1 if axes is None else axes.shape[1])
    contrasts = np.eye(network.sizes[-1]) if contrasts is None else contrasts
    for contrast in contrasts:
        slopes = _slopes(passes, contrast)
        if chain is not None:
            slopes = slopes * chain
        if axes is not None:
            slopes = slopes @ axes
        total += np.average(np.abs(slopes), axis=0, weights=weight)
    return total


def with_linear_outputs(network: Network) -> Network:
    """Return the network whose outputs are the preactivations of this one."""
    return replace(network, activations=(*network.activations[:-1], IDENTITY))


def differences_from_mean(n_outputs: int) -> Array:
    """Contrasts of outputs that only matter up to a common constant."""
    return np.asarray(np.eye(n_outputs) - 1.0 / n_outputs)


def _slopes(passes: Passes, contrast: Array) -> Array:
    """Derivatives of a combination of the outputs with respect to the inputs."""
    passes.output_gradient[...] = contrast
    passes.backward()
    slopes = passes.kind(0).backpropagate(passes.deltas[0])
    return np.asarray(passes.derivative_scales[0] * slopes)
