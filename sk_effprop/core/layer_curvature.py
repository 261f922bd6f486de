"""Curvature of each layer, and the relative learning rates that follow from it.

The block of the Gauss-Newton matrix that belongs to a layer limits the steps on its
weights.  On-line it is the block of a single pattern, which grows with the number of
inputs, so that the rate of a layer is about the inverse of its fan-in.  In a batch it
is the block of the mean, which does not grow if the inputs are centred: the inverse of
the fan-in would then keep the first layer of a wide network from learning.  The batch
size decides between the two, by the same formula as for the global rate.
"""

from typing import NamedTuple

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.curvature import Linearization, largest_eigenvalues
from sk_effprop.core.inputs import stack_rows
from sk_effprop.core.layer_kinds import LayerKind, Motion
from sk_effprop.core.spectrum import (
    MANY_OUTPUTS,
    RATE_TOLERANCE,
    MeasuredPart,
    has_small_kernel,
    largest_by_pattern,
    largest_eigenvalue,
    largest_of_product,
    leading_of_kernel,
)

# Backpropagated errors that vanish at the initial weights, as those below an output
# layer of zeros, grow in training.  They count for at least this share of the largest.
LEAST_SENSITIVITY = 0.1


class LayerCurvature(NamedTuple):
    """Largest Gauss-Newton eigenvalues of the diagonal block of each layer.

    Attributes
    ----------
    pattern : ndarray of shape (n_layers,)
        Means of the largest eigenvalues of single patterns.
    mean : ndarray of shape (n_layers,)
        Largest eigenvalues of the mean over the patterns.
    """

    pattern: Array
    mean: Array

    def rates(self, batch_size: int) -> Array:
        """The learning rate of each layer, if it were the only one to learn."""
        curvature = self.pattern + (batch_size - 1) * self.mean
        is_flat = curvature <= 0.0
        return np.where(is_flat, 1.0, batch_size / np.where(is_flat, 1.0, curvature))


def layer_curvature(
    measured: MeasuredPart, theta: Array, rates: Array, rng: np.random.Generator
) -> LayerCurvature:
    """Measure the curvature of each layer at theta.

    Parameters
    ----------
    measured : MeasuredPart
    theta : ndarray of shape (n_weights,)
    rates : ndarray of shape (n_weights,)
        Relative learning rates R; the eigenvalues are those of R^1/2 G R^1/2.
    rng : Generator

    Returns
    -------
    LayerCurvature
    """
    theta = theta.astype(measured.objective.targets.dtype)
    if measured.objective.targets.shape[1] > MANY_OUTPUTS:
        power, pattern, mean = _by_products(measured, theta, rates, rng)
    else:
        power, pattern, mean = _by_deltas(measured, theta, rates, rng)
    least = LEAST_SENSITIVITY * float(np.max(pattern / power))
    raised = np.maximum(pattern, least * power)
    # A block of zeros does not tell how its patterns will add up.  In the worst case
    # all of them have the same direction.
    growth = raised / np.where(pattern > 0.0, pattern, 1.0)
    return LayerCurvature(raised, np.where(pattern > 0.0, mean * growth, raised))


def _by_deltas(
    measured: MeasuredPart, theta: Array, rates: Array, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Power and both eigenvalues of each layer, from the deltas of every output."""
    linearization = Linearization(measured.objective, theta)
    is_small = has_small_kernel(measured.objective, rates)
    blocks = [
        _LayerBlock(linearization, R) for R in measured.objective.network.layers(rates)
    ]
    for rows in linearization.blocks():
        for l, delta in rows.root_deltas(rows.loss_root()):
            blocks[l].add(rows.trace.kinds[l], delta)
    pattern = np.array(
        [measured.mean_over_patterns(block.eigenvalues()) for block in blocks]
    )
    power = np.array([block.power() for block in blocks])
    means = [block.mean_of_kernel if is_small else block.mean for block in blocks]
    return power, pattern, np.array([mean(rng) for mean in means])


def _by_products(
    measured: MeasuredPart, theta: Array, rates: Array, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Power and both eigenvalues of each layer, from products; for many outputs."""
    objective = measured.objective
    linearization, network = Linearization(objective, theta), objective.network
    found = []
    for l, R in enumerate(network.layers(rates)):
        block = _LayerBlock(linearization, R)
        for rows in linearization.blocks():
            block.add_power(rows.trace.kinds[l])
        root = np.zeros(len(theta))
        network.layers(root)[l][...] = np.sqrt(R)
        patterns = largest_by_pattern(objective, theta, root, rng)
        mean = largest_of_product(linearization, root, rng)
        found.append((block.power(), measured.mean_over_patterns(patterns), mean))
    power, pattern, means = np.array(found).T
    return power, pattern, means


class _LayerBlock:
    """Diagonal block of the Gauss-Newton matrix that belongs to one layer.

    Parameters
    ----------
    linearization : Linearization
    rates : ndarray of shape (fan_in + 1, fan_out)
        Relative learning rates of the layer.
    """

    def __init__(self, linearization: Linearization, rates: Array) -> None:
        self.dtype = linearization.theta.dtype
        self.n_rows = linearization.objective.n_samples
        self.clock = linearization.objective.clock
        self.rates = rates.astype(self.dtype)
        self.root = np.sqrt(self.rates)
        self.pairs: list[tuple[LayerKind, Array]] = []
        self.powers: list[Array] = []

    def add(self, kind: LayerKind, delta: Array) -> None:
        """Add rows: the layer for n rows, and deltas (n, columns, fan_out)."""
        self.pairs.append((kind, delta))
        self.add_power(kind)

    def add_power(self, kind: LayerKind) -> None:
        """Add the power of some rows, without their deltas."""
        self.powers.append(kind.power(self.rates))

    def power(self) -> float:
        """Mean squared length of dz/dW, in the coordinates of the rates."""
        total = sum(float(np.sum(np.max(power, axis=1))) for power in self.powers)
        return max(total / self.n_rows, float(np.finfo(self.dtype).tiny))

    def eigenvalues(self) -> Array:
        """Largest eigenvalue of the block of each pattern."""
        largest = []
        for (_, delta), power in zip(self.pairs, self.powers, strict=True):
            self.clock()
            small = (delta * power[:, None, :]) @ delta.transpose(0, 2, 1)
            largest.append(largest_eigenvalues(small))
        return np.maximum(np.concatenate(largest), 0.0)

    def mean(self, rng: np.random.Generator) -> float:
        """Largest eigenvalue of the mean over the patterns."""
        start = self.root * rng.standard_normal(self.root.shape).astype(self.dtype)
        if not start.any():
            return 0.0
        start = start.reshape(-1)
        value = largest_eigenvalue(self._product, start, tolerance=RATE_TOLERANCE)
        return max(value, 0.0)

    def mean_of_kernel(self, rng: np.random.Generator) -> float:
        """Result of :meth:`mean`, computed from the kernel matrix of the patterns."""
        if not self.rates.all():
            return self.mean(rng)
        kinds, deltas = zip(*self.pairs, strict=True)
        x = stack_rows([kind.x for kind in kinds])
        whole = type(kinds[0])(x, kinds[0].W)
        kernel = whole.kernel(np.concatenate(deltas), 1.0 / self.rates)
        return max(leading_of_kernel(kernel, self.n_rows, rng), 0.0)

    def _product(self, v: Array) -> Array:
        direction = self.root * v.reshape(self.root.shape)
        image = np.zeros_like(direction)
        for kind, delta in self.pairs:
            self.clock()
            z_change = kind.change(Motion(direction))
            change = np.einsum("nku,nu->nk", delta, z_change)
            kind.add_gradient(np.einsum("nku,nk->nu", delta, change), image)
        return np.asarray((self.root * image / self.n_rows).reshape(-1))
