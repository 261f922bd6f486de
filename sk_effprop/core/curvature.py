"""How the error bends (sections 6, 7 and 9.2): products, diagonals, Jacobian, rate.

A Hessian is something to multiply with.  Everything here is a chain of the same maps,
at one theta, with V a direction, J the Jacobian of the outputs and H_L the second
derivative of the loss at the outputs:

========================  ==========================================================
gradient                  J' dloss
Gauss-Newton product      V -> J V -> H_L J V -> J' H_L J V
Hessian product           the same, and what moves because J itself does (R-operator)
Gauss-Newton diagonal     squares of J' S, where H_L = S S'
LeCun's diagonal          squares pushed down layer by layer, eqs. (54)-(56)
Jacobian                  J' of unit vectors, row by row
========================  ==========================================================

Units are those of the objective: means over examples, penalty included.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from sk_effprop.core.activations import Array
from sk_effprop.core.kernels import Passes
from sk_effprop.core.objective import Objective, row_blocks

POWER_ITERATIONS = 20
MAX_PATTERNS = 200
# numbers that a linearisation keeps between products; beyond, it computes them again
MAX_KEPT_NUMBERS = 2**24
# numbers in a block of rows of the Jacobian
JACOBIAN_BLOCK = 2**20


@dataclass(frozen=True)
class Block:
    """A trace of some rows, with everything that products at this theta share.

    Attributes
    ----------
    passes : Passes
        After the pass up; ``backward`` has not been called for gradients here.
    targets, weight : ndarray
        Of these rows; weights of mean 1 over all rows, or None.
    slopes : list of ndarray of shape (n_rows, fan_out)
        f'(z) of each layer.
    errors, deltas : list of ndarray
        dE/dx, x = f(z), and dE/dz of each layer, not yet divided by n.
    """

    passes: Passes
    targets: Array
    weight: Array | None
    slopes: list[Array]
    errors: list[Array]
    deltas: list[Array]

    @cached_property
    def bends(self) -> list[Array]:
        """f''(z) dE/dx of each layer, which only the exact Hessian needs."""
        return [
            activation.d2f(self.passes.z(l)) * self.errors[l]
            for l, activation in enumerate(self.passes.activations)
        ]


class Linearization:
    """The objective near one theta, to second order.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_weights,)
    """

    def __init__(self, objective: Objective, theta: Array) -> None:
        self.objective, self.theta = objective, theta
        self.layers = objective.network.layers(theta)
        self._weights = [W[:-1] for W in self.layers]
        n_kept = 6 * objective.n_samples * sum(objective.network.sizes)
        self._kept: list[Block] | None = None
        if n_kept <= MAX_KEPT_NUMBERS:
            self._kept = list(self._trace())

    def blocks(self) -> Iterator[Block]:
        """Blocks of rows, remembered where that is cheap."""
        return iter(self._kept) if self._kept is not None else self._trace()

    def _trace(self) -> Iterator[Block]:
        objective = self.objective
        network, weight = objective.network, objective.sample_weight
        for rows in row_blocks(objective.n_samples, max(network.sizes)):
            targets = objective.targets[rows]
            passes = Passes(self.layers, network.activations, len(targets))
            passes.forward(objective.inputs[rows])
            w = None if weight is None else weight[rows]
            yield self._block(passes, targets, w)

    def _block(self, passes: Passes, targets: Array, weight: Array | None) -> Block:
        depth = len(self.layers)
        slopes = [passes.slope(l) for l in range(depth)]
        error = np.empty_like(passes.outputs)
        self.objective.loss.gradient(passes.outputs, targets, error)
        if weight is not None:
            error *= weight[:, None]
        errors, deltas = [error] * depth, [error] * depth
        for l in reversed(range(depth)):
            deltas[l] = slopes[l] * errors[l]
            if l > 0:
                errors[l - 1] = deltas[l] @ self._weights[l].T
        return Block(passes, targets, weight, slopes, errors, deltas)

    # --------------------------------------------------------------------- products

    def hessian_product(self, direction: Array) -> Array:
        """H v by the R-operator (section 7.5), exact."""
        product = np.zeros_like(self.theta)
        for block in self.blocks():
            changes, z_changes = self._push(block, direction)
            self._pull(block, direction, changes, z_changes, product)
        return self._finish(product, direction)

    def gauss_newton_product(self, direction: Array) -> Array:
        """G v = J' H_L J v (section 7.2), positive semi-definite for a convex loss."""
        product = np.zeros_like(self.theta)
        for block in self.blocks():
            changes, _ = self._push(block, direction)
            delta = self._loss_curvature(block, changes[-1])
            self._pull_plain(block, delta, product)
        return self._finish(product, direction)

    def _finish(self, product: Array, direction: Array) -> Array:
        """From a sum over rows to the mean, with the penalty."""
        product /= self.objective.n_samples
        product += (self.objective.penalty * direction).astype(product.dtype)
        return product

    def _push(self, block: Block, direction: Array) -> tuple[list[Array], list[Array]]:
        """R{x} and R{z} of every layer as theta moves in a direction."""
        changes: list[Array] = []
        z_changes: list[Array] = []
        for l, V in enumerate(self.objective.network.layers(direction)):
            z_change = block.passes.inputs[l] @ V
            if l > 0:
                z_change += changes[-1] @ self._weights[l]
            z_changes.append(z_change)
            changes.append(block.slopes[l] * z_change)
        return changes, z_changes

    def _loss_curvature(self, block: Block, change: Array) -> Array:
        """H_L times a change of the outputs."""
        outputs = block.passes.outputs
        curved = self.objective.loss.hessian_product(outputs, block.targets, change)
        return curved if block.weight is None else block.weight[:, None] * curved

    def _pull_plain(self, block: Block, error: Array, into: Array) -> None:
        """Add J' error."""
        views = self.objective.network.layers(into)
        for l in reversed(range(len(self.layers))):
            delta = block.slopes[l] * error
            views[l][...] += block.passes.inputs[l].T @ delta
            if l > 0:
                error = delta @ self._weights[l].T

    def _pull(
        self,
        block: Block,
        direction: Array,
        changes: list[Array],
        z_changes: list[Array],
        into: Array,
    ) -> None:
        """Add R{gradient}: the backward half of the R-operator."""
        views = self.objective.network.layers(into)
        directions = self.objective.network.layers(direction)
        error_change = self._loss_curvature(block, changes[-1])
        for l in reversed(range(len(self.layers))):
            # R{delta} = f' R{e} + f'' R{z} e
            delta_change = block.slopes[l] * error_change
            delta_change += block.bends[l] * z_changes[l]
            views[l][...] += block.passes.inputs[l].T @ delta_change
            if l > 0:
                views[l][:-1] += changes[l - 1].T @ block.deltas[l]
                error_change = delta_change @ self._weights[l].T
                error_change += block.deltas[l] @ directions[l][:-1].T

    # -------------------------------------------------------------------- diagonals

    def diagonal(self, *, with_second_derivative: bool = False) -> Array:
        """LeCun's diagonal, eqs. (54)-(56): squares pushed down layer by layer.

        Exact for the Gauss-Newton matrix in the top two layers under squared error, an
        approximation below.  ``with_second_derivative`` keeps the f'' term of (54),
        which can make it negative.
        """
        diagonal = np.zeros_like(self.theta)
        views = self.objective.network.layers(diagonal)
        for block in self.blocks():
            root = self._loss_root(block)
            curvature = np.einsum("nkj,nkj->nk", root, root)
            for l in reversed(range(len(self.layers))):
                curvature = curvature * block.slopes[l] ** 2
                if with_second_derivative:
                    curvature += block.bends[l]
                views[l][...] += _squared(block.passes.inputs[l]).T @ curvature
                if l > 0:
                    curvature = curvature @ (self._weights[l] ** 2).T
        return self._finish(diagonal, np.ones_like(self.theta))

    def gauss_newton_diagonal(self) -> Array:
        """The exact diagonal of G, from one pass down for each output."""
        diagonal = np.zeros_like(self.theta)
        views = self.objective.network.layers(diagonal)
        for block in self.blocks():
            for deltas in self._root_deltas(block, self._loss_root(block)):
                l, delta = deltas
                squares = np.einsum("nck,nck->nk", delta, delta)
                views[l][...] += _squared(block.passes.inputs[l]).T @ squares
        return self._finish(diagonal, np.ones_like(self.theta))

    def _loss_root(self, block: Block) -> Array:
        """S of H_L = S S', (n_rows, n_outputs, n_columns), weights included."""
        root = self.objective.loss.hessian_root(block.passes.outputs, block.targets)
        if block.weight is None:
            return root
        return np.asarray(np.sqrt(block.weight)[:, None, None] * root)

    def _root_deltas(self, block: Block, root: Array) -> Iterator[tuple[int, Array]]:
        """Pull all columns of S down at once: layer and delta (n_rows, columns, units).

        From the output downwards.
        """
        n, _, columns = root.shape
        error = root.transpose(0, 2, 1)
        for l in reversed(range(len(self.layers))):
            delta = error * block.slopes[l][:, None, :]
            yield l, delta
            if l > 0:
                W = self._weights[l]
                error = (delta.reshape(n * columns, -1) @ W.T).reshape(n, columns, -1)

    # ------------------------------------------------------------- Jacobian and more

    def jacobian_blocks(self, *, scaled: bool = True) -> Iterator[Array]:
        """Row blocks of S' J (``scaled``) or of J, each (rows * n_outputs, n_weights).

        ``sum(B.T @ B for B in blocks)`` is the Gauss-Newton matrix, summed over the
        examples and without penalty.
        """
        step = max(
            1, JACOBIAN_BLOCK // (len(self.theta) * self.objective.targets.shape[1])
        )
        for block in self.blocks():
            root = self._loss_root(block)
            if not scaled:
                n, k = block.passes.outputs.shape
                root = np.broadcast_to(np.eye(k, dtype=self.theta.dtype), (n, k, k))
            pulled = list(self._root_deltas(block, root))
            for start in range(0, len(root), step):
                rows = slice(start, start + step)
                yield self._jacobian_rows(block, pulled, rows)

    def _jacobian_rows(
        self, block: Block, pulled: list[tuple[int, Array]], rows: slice
    ) -> Array:
        n, columns, _ = pulled[0][1][rows].shape
        jacobian = np.empty((n, columns, len(self.theta)), dtype=self.theta.dtype)
        stops = np.cumsum([W.size for W in self.layers])
        for l, deltas in pulled:
            delta, x = deltas[rows], _dense_rows(block.passes.inputs[l], rows)
            part = jacobian[:, :, stops[l] - self.layers[l].size : stops[l]]
            shaped = part.reshape(n, columns, *self.layers[l].shape)
            product = x[:, None, :, None] * delta[:, :, None, :]
            if np.shares_memory(shaped, part):
                shaped[...] = product
            else:
                part[...] = product.reshape(part.shape)
        return jacobian.reshape(n * columns, -1)

    @cached_property
    def gradient(self) -> Array:
        """The gradient of the objective."""
        gradient = np.zeros_like(self.theta)
        views = self.objective.network.layers(gradient)
        for block in self.blocks():
            for view, x, delta in zip(
                views, block.passes.inputs, block.deltas, strict=True
            ):
                view += x.T @ delta
        return self._finish(gradient, self.theta)

    def pattern_curvature(self, rates: Array) -> float:
        """Mean over patterns of the largest eigenvalue of R^1/2 G^p R^1/2.

        G^p = J' S S' J has the eigenvalues of the small S' J R J' S, a sum over layers
        of |x|^2 times products of deltas.  The rates are constant in a layer.
        """
        layer_rates = [
            float(view[0, 0]) for view in self.objective.network.layers(rates)
        ]
        total = 0.0
        for block in self.blocks():
            small: Any = 0.0
            for l, delta in self._root_deltas(block, self._loss_root(block)):
                power = layer_rates[l] * _row_norms_squared(block.passes.inputs[l])
                products = delta @ delta.transpose(0, 2, 1)
                small = small + power[:, None, None] * products
            total += float(np.sum(np.linalg.eigvalsh(small)[:, -1]))
        return total / self.objective.n_samples


class LeadingCurvature(NamedTuple):
    """Largest Gauss-Newton eigenvalues, in coordinates scaled by the rates.

    A learning rate is stable up to twice the inverse of the largest eigenvalue of the
    Hessian, and best near the inverse, eq. (39).  That is a statement about batch
    descent.  On-line, a step sees the curvature of a single pattern, which with centred
    inputs is many times that of the mean, so the rate must respect both.

    Attributes
    ----------
    pattern : float
        E lambda_max(G^p), the mean over single patterns.
    mean : float
        lambda_max(G), of the mean over all patterns looked at.
    """

    pattern: float
    mean: float

    def rate(self, batch_size: int) -> float:
        """The learning rate for updates on ``batch_size`` patterns."""
        curvature = self.pattern + (batch_size - 1) * self.mean
        return batch_size / curvature if curvature > 0 else 1.0


def leading_curvature(
    objective: Objective, theta: Array, rates: Array, rng: np.random.Generator
) -> LeadingCurvature:
    """Estimate the largest curvature at theta from at most 200 random patterns.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_weights,)
    rates : ndarray of shape (n_weights,)
        Relative learning rates R, constant in each layer; the eigenvalues are those of
        R^1/2 G R^1/2.
    rng : Generator

    Returns
    -------
    LeadingCurvature
    """
    # the patterns' output Hessians take n_outputs^2 numbers each
    n_rows = min(MAX_PATTERNS, max(8, 2**22 // objective.targets.shape[1] ** 2))
    if n_rows < objective.n_samples:
        rows = np.sort(rng.choice(objective.n_samples, size=n_rows, replace=False))
        objective = objective.subset(rows)
    penalty = float(np.max(objective.penalty * rates))
    near = Linearization(objective.without_penalty(), theta)
    root = np.sqrt(rates).astype(theta.dtype)
    direction = root * rng.standard_normal(len(theta)).astype(theta.dtype)
    mean = 0.0
    for _ in range(POWER_ITERATIONS):
        direction /= np.linalg.norm(direction)
        direction = root * near.gauss_newton_product(root * direction)
        mean = float(np.linalg.norm(direction))
        if mean == 0.0:
            break
    pattern = near.pattern_curvature(rates)
    return LeadingCurvature(max(pattern, mean) + penalty, mean + penalty)


def _squared(x: Any) -> Any:
    """Elementwise square of a layer's inputs; sparse ones are filled for it."""
    return np.square(x if isinstance(x, np.ndarray) else x.filled())


def _dense_rows(x: Any, rows: slice) -> Array:
    return x[rows] if isinstance(x, np.ndarray) else x[rows].filled()


def _row_norms_squared(x: Any) -> Array:
    if isinstance(x, np.ndarray):
        return np.asarray(np.einsum("ij,ij->i", x, x))
    return np.asarray(x.row_norms_squared())
