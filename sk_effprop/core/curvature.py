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
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sk_effprop.core.arrays import Array, row_blocks
from sk_effprop.core.kernels import Passes
from sk_effprop.core.losses import Loss

if TYPE_CHECKING:
    # Objectives descend with the diagonal that this module computes.
    from sk_effprop.core.objective import Objective

# Numbers of a trace that a linearisation keeps between products: few from the start,
# many from the third time that they are asked for, more never.
SOON_KEPT_NUMBERS, MAX_KEPT_NUMBERS = 2**16, 2**24
TRAVERSALS_BEFORE_KEEPING = 2
# traced blocks are so many times smaller than those that are passed through once
TRACE_SHARE = 2
# numbers in a block of rows of the Jacobian
JACOBIAN_BLOCK = 2**20


class Block:
    """A trace of some rows, with everything that products at this theta share.

    Attributes
    ----------
    passes : Passes
        After the pass up; never to be taken down, as ``slopes`` live in its memory.
    targets, weight : ndarray
        Of these rows; weights of mean 1 over all rows, or None.
    slopes : list of ndarray of shape (n_rows, fan_out) or None
        f'(z) of each layer; None for an identity.
    """

    def __init__(
        self, passes: Passes, loss: Loss, targets: Array, weight: Array | None
    ) -> None:
        self.passes, self.loss = passes, loss
        self.targets, self.weight = targets, weight
        self.slopes: list[Array | None] = list(passes.derivatives)
        if passes.linear_output:
            self.slopes[-1] = None
        for slope, gain in zip(self.slopes, passes.derivative_scales, strict=True):
            if slope is not None:
                np.multiply(slope, gain, out=slope)

    def times_slope(self, l: int, error: Array) -> Array:
        """f'(z) error, in the memory of ``error``."""
        slope = self.slopes[l]
        return error if slope is None else np.multiply(error, slope, out=error)

    def pull(self, l: int, delta: Array) -> Array:
        """From dE/dz of a layer to dE/dx of the one below."""
        return np.asarray(delta @ self.passes.layers[l][:-1].T)

    @cached_property
    def errors_and_deltas(self) -> tuple[list[Array], list[Array]]:
        """dE/dx, x = f(z), and dE/dz of each layer, not yet divided by n."""
        error = np.empty_like(self.passes.outputs)
        self.loss.gradient(self.passes.outputs, self.targets, error)
        if self.weight is not None:
            error *= self.weight[:, None]
        errors, deltas = [error], [self.times_slope(len(self.slopes) - 1, error.copy())]
        for l in range(len(self.slopes) - 1, 0, -1):
            errors.insert(0, self.pull(l, deltas[0]))
            deltas.insert(0, self.times_slope(l - 1, errors[0].copy()))
        return errors, deltas

    @property
    def deltas(self) -> list[Array]:
        """dE/dz of each layer."""
        return self.errors_and_deltas[1]

    @cached_property
    def bends(self) -> list[Array]:
        """f''(z) dE/dx of each layer, which only the exact Hessian needs."""
        errors, _ = self.errors_and_deltas
        bends = []
        for l, activation in enumerate(self.passes.activations):
            bend = activation.second(self.passes.u[l])
            np.multiply(bend, errors[l], out=bend)
            bends.append(bend)
        return bends


class Linearization:
    """The objective near one theta, to second order.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_weights,)
    """

    def __init__(self, objective: "Objective", theta: Array) -> None:
        self.objective, self.theta = objective, theta
        self.layers = objective.network.layers(theta)
        self._n_traversals = 0
        self._n_kept = 6 * objective.n_samples * sum(objective.network.sizes)
        self._kept: list[Block] | None = None

    def blocks(self) -> Iterator[Block]:
        """Blocks of rows, remembered when they are asked for again and again.

        A trace that is used at once and forgotten stays in the processor's cache.
        """
        self._n_traversals += 1
        if self._kept is None and self._n_kept <= MAX_KEPT_NUMBERS:
            often = self._n_traversals > TRAVERSALS_BEFORE_KEEPING
            if often or self._n_kept <= SOON_KEPT_NUMBERS:
                self._kept = list(self._trace())
        return iter(self._kept) if self._kept is not None else self._trace()

    def _trace(self) -> Iterator[Block]:
        objective = self.objective
        network, weight = objective.network, objective.sample_weight
        width = TRACE_SHARE * max(network.sizes)
        for rows in row_blocks(objective.n_samples, width):
            targets = objective.targets[rows]
            passes = Passes(self.layers, network.activations, len(targets))
            passes.forward(objective.inputs[rows])
            w = None if weight is None else weight[rows]
            yield Block(passes, objective.loss, targets, w)

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
            change = self._output_change(block, direction)
            self._pull_plain(block, self._loss_curvature(block, change), product)
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
                z_change += changes[-1] @ self.layers[l][:-1]
            z_changes.append(z_change)
            changes.append(block.times_slope(l, z_change.copy()))
        return changes, z_changes

    def _output_change(self, block: Block, direction: Array) -> Array:
        """J direction: the last of R{x}, with nothing kept."""
        change: Any = None
        for l, V in enumerate(self.objective.network.layers(direction)):
            z_change = block.passes.inputs[l] @ V
            if l > 0:
                z_change += change @ self.layers[l][:-1]
            change = block.times_slope(l, z_change)
        return np.asarray(change)

    def _loss_curvature(self, block: Block, change: Array) -> Array:
        """H_L times a change of the outputs."""
        outputs = block.passes.outputs
        curved = self.objective.loss.hessian_product(outputs, block.targets, change)
        return curved if block.weight is None else block.weight[:, None] * curved

    def _pull_plain(self, block: Block, error: Array, into: Array) -> None:
        """Add J' error, which is used up."""
        views = self.objective.network.layers(into)
        for l in reversed(range(len(self.layers))):
            delta = block.times_slope(l, error)
            views[l][...] += block.passes.inputs[l].T @ delta
            if l > 0:
                error = block.pull(l, delta)

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
            delta_change = block.times_slope(l, error_change)
            np.multiply(z_changes[l], block.bends[l], out=z_changes[l])
            delta_change += z_changes[l]
            views[l][...] += block.passes.inputs[l].T @ delta_change
            if l > 0:
                views[l][:-1] += changes[l - 1].T @ block.deltas[l]
                error_change = block.pull(l, delta_change)
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
                    slope = block.slopes[l]
                    if slope is not None:
                        near, far = slope[rows, :, None], slope[rows, None, :]
                        curvature = near * curvature * far
                    own = np.einsum("nii->ni", curvature)
                    own += block.bends[l][rows]
                    x = _dense_rows(block.passes.inputs[l], rows)
                    views[l][...] += np.square(x).T @ own
                    if l > 0:
                        W = self.layers[l][:-1]
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
            slope = block.slopes[l]
            delta = error if slope is None else error * slope[:, None, :]
            yield l, delta
            if l > 0:
                W = self.layers[l][:-1]
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

        A pattern counts with its weight, as if it were shown as often: the step that
        it makes has grown by that weight.

        G^p = J' S S' J has the eigenvalues of the small S' J R J' S, a sum over layers
        of products of deltas, each unit weighted with ``sum_i x_i^2 R_ij``.
        """
        layer_rates = self.objective.network.layers(rates.astype(self.theta.dtype))
        total = sum_of_weights = 0.0
        for block in self.blocks():
            small: Any = 0.0
            for l, delta in self._root_deltas(block, self._loss_root(block)):
                power = _squared(block.passes.inputs[l]) @ layer_rates[l]
                small = small + (delta * power[:, None, :]) @ delta.transpose(0, 2, 1)
            largest = np.linalg.eigvalsh(small)[:, -1]
            weight = np.ones(len(largest)) if block.weight is None else block.weight
            total += float(weight @ largest)
            sum_of_weights += float(np.sum(weight))
        return total / sum_of_weights


def add_lecun_diagonal(
    passes: Passes,
    slopes: Sequence[Array | None],
    curvature: Array,
    into: Sequence[Array],
    bends: Sequence[Array] | None = None,
) -> None:
    """Push curvature down from the outputs, eqs. (54)-(56), summed over the rows.

    Parameters
    ----------
    passes : Passes
        After the pass up.
    slopes : sequence of ndarray of shape (n_rows, fan_out) or None
        f'(z) of each layer; None for an identity.
    curvature : ndarray of shape (n_rows, n_outputs)
        Second derivatives of the loss with respect to the outputs; is used up.
    into : sequence of ndarray of shape (fan_in + 1, fan_out)
        Is added to.
    bends : sequence of ndarray, optional
        f''(z) dE/dx, the term of (54) that is usually dropped.
    """
    for l in reversed(range(len(slopes))):
        slope = slopes[l]
        if slope is not None:
            np.multiply(curvature, slope, out=curvature)
            np.multiply(curvature, slope, out=curvature)
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
