"""A committee: networks of one shape, whose mean output is that of one wider network.

The hidden layers stand side by side, without connections from one member to another, so
the weights between two hidden layers are block-diagonal.  The output layer holds the
mean of the members' output weights::

    joint = joint_network(network, len(thetas))
    theta = join(network, thetas)    # forward(joint, theta, X) is the mean of all

The mean is that of the outputs before their activation.  Without hidden layers the
joint network has the shape of a member.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.network import Network


def joint_network(network: Network, n_members: int) -> Network:
    """Make the network whose outputs are the mean of ``n_members`` networks."""
    n_in, *hidden, n_out = network.sizes
    sizes = (n_in, *(n_members * size for size in hidden), n_out)
    return replace(network, sizes=sizes)


def join(network: Network, thetas: Array) -> Array:
    """Compute the weights of the joint network from those of the members.

    Parameters
    ----------
    network : Network
        Of each member.
    thetas : ndarray of shape (n_members, n_weights)

    Returns
    -------
    ndarray
        In the layout of ``joint_network(network, n_members)``, as precise as thetas.
    """
    joint = joint_network(network, len(thetas))
    theta = np.zeros(joint.n_weights, dtype=thetas.dtype)
    for member, parts in enumerate(thetas):
        blocks = _blocks(network, joint.layers(theta), member)
        shares = _shares(network, len(thetas))
        for W, block, share in zip(network.layers(parts), blocks, shares, strict=True):
            weights, biases = block
            weights += share * W[:-1]
            biases += share * W[-1]
    return theta


def _blocks(
    network: Network, layers: tuple[Array, ...], member: int
) -> Iterator[tuple[Array, Array]]:
    """Views of a member's weights and biases in each layer of the joint network."""
    last = len(layers) - 1
    for depth, (W, (n_rows, n_out)) in enumerate(
        zip(layers, network.shapes, strict=True)
    ):
        n_in = n_rows - 1
        # all members see the inputs, and add to the outputs
        rows = slice(None) if depth == 0 else slice(member * n_in, (member + 1) * n_in)
        columns = (
            slice(None)
            if depth == last
            else slice(member * n_out, (member + 1) * n_out)
        )
        yield W[:-1][rows, columns], W[-1, columns]


def _shares(network: Network, n_members: int) -> list[float]:
    """Factor of a member's weights in each layer: 1 / n_members in the last, else 1."""
    return [1.0] * (len(network.shapes) - 1) + [1.0 / n_members]


def join_strengths(alpha: Array, n_members: int) -> Array:
    """L2 strength of each layer of the joint network.

    Its penalty is then the mean of the members' penalties, whose strengths are
    ``alpha``.  A linear model keeps its strength: the penalty of the mean of its
    weights is at most the mean of the penalties.
    """
    if len(alpha) == 1:
        return alpha
    joint = alpha / n_members
    # the output weights are divided by the number of members
    joint[-1] = alpha[-1] * n_members
    return joint
