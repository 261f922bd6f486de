"""How the error bends (sections 6 and 7): products, diagonals, Jacobian.

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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sk_effprop.core.activations import Array
from sk_effprop.core.kernels import Passes
from sk_effprop.core.objective import Objective, row_blocks

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
            squares = self.objective.loss.hessian_diagonal(
                block.passes.outputs, block.targets
            )
            if block.weight is not None:
                squares = block.weight[:, None] * squares
            bends = block.bends if with_second_derivative else None
            add_lecun_diagonal(block.passes, block.slopes, squares, views, bends)
        return self._finish(diagonal, np.ones_like(self.theta))

    def hessian_diagonal(self) -> Array:
        """The exact diagonal of H, from second derivatives of every pair of units.

        In place of the squares of (54)-(56), whole matrices are pushed down:
        ``H_z = f' H_x f' + diag(f'' dE/dx)`` and ``H_x = W H_z W'`` for every example.
        """
        diagonal = np.zeros_like(self.theta)
        views = self.objective.network.layers(diagonal)
        for block in self.blocks():
            step = max(1, JACOBIAN_BLOCK // max(self.objective.network.sizes[1:]) ** 2)
            root = self._loss_root(block)
            for start in range(0, len(root), step):
                rows = slice(start, start + step)
                curvature = root[rows] @ root[rows].transpose(0, 2, 1)
                for l in reversed(range(len(self.layers))):
                    slope = block.slopes[l][rows]
                    curvature = slope[:, :, None] * curvature * slope[:, None, :]
                    own = np.einsum("nii->ni", curvature)
                    own += block.bends[l][rows]
                    x = _dense_rows(block.passes.inputs[l], rows)
                    views[l][...] += np.square(x).T @ own
                    if l > 0:
                        W = self._weights[l]
                        curvature = W @ curvature @ W.T
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
        of products of deltas, each unit weighted with ``sum_i x_i^2 R_ij``.
        """
        layer_rates = self.objective.network.layers(rates.astype(self.theta.dtype))
        total = 0.0
        for block in self.blocks():
            small: Any = 0.0
            for l, delta in self._root_deltas(block, self._loss_root(block)):
                power = _squared(block.passes.inputs[l]) @ layer_rates[l]
                small = small + (delta * power[:, None, :]) @ delta.transpose(0, 2, 1)
            total += float(np.sum(np.linalg.eigvalsh(small)[:, -1]))
        return total / self.objective.n_samples


def add_lecun_diagonal(
    passes: Passes,
    slopes: Sequence[Array],
    curvature: Array,
    into: Sequence[Array],
    bends: Sequence[Array] | None = None,
) -> None:
    """Push curvature down from the outputs, eqs. (54)-(56), summed over the rows.

    Parameters
    ----------
    passes : Passes
        After the pass up.
    slopes : sequence of ndarray of shape (n_rows, fan_out)
        f'(z) of each layer.
    curvature : ndarray of shape (n_rows, n_outputs)
        Second derivatives of the loss with respect to the outputs.
    into : sequence of ndarray of shape (fan_in + 1, fan_out)
        Is added to.
    bends : sequence of ndarray, optional
        f''(z) dE/dx, the term of (54) that is usually dropped.
    """
    for l in reversed(range(len(slopes))):
        curvature = curvature * slopes[l] ** 2
        if bends is not None:
            curvature += bends[l]
        into[l][...] += _squared(passes.inputs[l]).T @ curvature
        if l > 0:
            curvature = curvature @ (passes.layers[l][:-1] ** 2).T


def _squared(x: Any) -> Any:
    """Elementwise square of a layer's inputs; sparse ones are filled for it."""
    return np.square(x if isinstance(x, np.ndarray) else x.filled())


def _dense_rows(x: Any, rows: slice) -> Array:
    return x[rows] if isinstance(x, np.ndarray) else x[rows].filled()
