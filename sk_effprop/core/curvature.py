"""Curvature of the objective (sections 6 and 7): products, diagonals and Jacobian.

A Hessian is something to multiply with.  Everything here is a chain of the same maps
at one theta, where V is a direction, J the Jacobian of the outputs and H_L the Hessian
of the loss with respect to the outputs:

========================  ==========================================================
gradient                  J' dloss
Gauss-Newton product      V -> J V -> H_L J V -> J' H_L J V
Hessian product           the same, and the change of J itself (R-operator)
Gauss-Newton diagonal     squares of J' S, where H_L = S S'
LeCun's diagonal          squares propagated back layer by layer, eqs. (54)-(56)
Jacobian                  J' of unit vectors, row by row
kernel                    products of rows of the Jacobian, layer by layer
========================  ==========================================================

Units are those of the objective: means over examples, penalty included.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property, singledispatch
from typing import Any

import numpy as np
from scipy.linalg.blas import dsyrk

from sk_effprop.core.arrays import Array, row_blocks
from sk_effprop.core.inputs import stack_rows
from sk_effprop.core.layer_kinds import Motion
from sk_effprop.core.objective import Objective
from sk_effprop.core.trace import Block, Trace

# Traces of up to SOON_KEPT_NUMBERS numbers are kept from the first product on.  Those
# of up to MAX_KEPT_NUMBERS are kept once there have been TRAVERSALS_BEFORE_KEEPING
# products, and larger ones never: a trace that is used only once stays in the cache.
SOON_KEPT_NUMBERS, MAX_KEPT_NUMBERS = 2**18, 2**24
TRAVERSALS_BEFORE_KEEPING = 2
# Traced blocks are this many times smaller than blocks of a plain forward pass, as a
# trace holds more arrays.
TRACE_SHARE = 2
# Numbers in a block of rows of the Jacobian, which bounds its memory.  A product of it
# with itself takes less than a tenth of a second, if that leaves rows enough.
JACOBIAN_BLOCK, JACOBIAN_PRODUCTS, ENOUGH_ROWS = 2**20, 2**31, 64


class Linearization:
    """The objective around one theta, to second order.

    Parameters
    ----------
    objective : Objective
    theta : ndarray of shape (n_weights,)
    """

    def __init__(self, objective: Objective, theta: Array) -> None:
        self.objective, self.theta = objective, theta
        self.layers = objective.network.layers(theta)
        self._n_traversals = 0
        # inputs, u, f', errors, deltas and second-order terms of every unit; sparse
        # inputs stay as they are stored
        n_units = sum(objective.network.sizes[1:]) + objective.row_width
        self._n_kept = 6 * objective.n_samples * n_units
        self._kept: list[Block] | None = None

    def blocks(self) -> Iterator[Block]:
        """Blocks of rows, which are kept if several products need them."""
        self._n_traversals += 1
        if self._kept is None and self._n_kept <= MAX_KEPT_NUMBERS:
            is_frequent = self._n_traversals > TRAVERSALS_BEFORE_KEEPING
            if is_frequent or self._n_kept <= SOON_KEPT_NUMBERS:
                self._kept = list(self._trace())
        for block in self._trace() if self._kept is None else self._kept:
            self.objective.clock()
            yield block

    def kept(self) -> "Linearization":
        """The same, with all its blocks computed and kept, for a few rows."""
        self._kept = list(self._trace())
        return self

    def _trace(self) -> Iterator[Block]:
        objective = self.objective
        network, weight = objective.network, objective.sample_weight
        width = TRACE_SHARE * objective.row_width
        for rows in objective.row_blocks(width):
            targets = objective.targets[rows]
            passes = network.passes(self.theta, len(targets))
            passes.forward(objective.inputs[rows])
            w = None if weight is None else weight[rows]
            yield Block(Trace(passes), objective.loss, targets, w)

    # --------------------------------------------------------------------- products

    def hessian_product(self, direction: Array) -> Array:
        """H v by the R-operator (section 7.5), exact."""
        product = np.zeros_like(self.theta)
        directions, into = self._cut(direction), self._cut(product)
        for block in self.blocks():
            changes = list(block.trace.changes(directions, keep=True))
            self._add_gradient_change(block, directions, changes, into)
        return self._finish(product, direction)

    def gauss_newton_product(self, direction: Array) -> Array:
        """G v = J' H_L J v (section 7.2), positive semi-definite for a convex loss."""
        product = np.zeros_like(self.theta)
        directions, into = self._cut(direction), self._cut(product)
        for block in self.blocks():
            # v -> J v -> H_L J v -> J' H_L J v
            change = block.trace.jvp(directions)
            block.trace.vjp(block.loss_curvature(change), into)
        return self._finish(product, direction)

    def _cut(self, vector: Array) -> tuple[Array, ...]:
        return self.objective.network.layers(vector)

    def _finish(self, product: Array, direction: Array) -> Array:
        """From a sum over rows to the mean, with the penalty."""
        product /= self.objective.n_samples
        product += (self.objective.penalty * direction).astype(product.dtype)
        return product

    @staticmethod
    def _add_gradient_change(
        block: Block,
        directions: Sequence[Array],
        changes: Sequence[tuple[Array, Array]],
        into: Sequence[Array],
    ) -> None:
        """Add R{gradient}, the backward half of the R-operator."""
        trace = block.trace
        error_change = block.loss_curvature(changes[-1][1])
        for l in reversed(range(len(into))):
            # R{delta} = f' R{e} + f'' R{z} e
            z_change, _ = changes[l]
            delta_change = trace.times_derivative(l, error_change)
            np.multiply(z_change, block.second_order_terms[l], out=z_change)
            delta_change += z_change
            kind, delta = trace.kinds[l], block.deltas[l]
            motion = Motion(directions[l], changes[l - 1][1] if l > 0 else None)
            kind.add_gradient_change(delta, delta_change, motion, into[l])
            if l > 0:
                error_change = kind.error_change(delta, delta_change, motion)

    # -------------------------------------------------------------------- diagonals

    def diagonal(self, *, with_second_derivative: bool = False) -> Array:
        """LeCun's diagonal, eqs. (54)-(56): squares propagated back layer by layer.

        It is the exact diagonal of the Gauss-Newton matrix for the top two layers under
        squared error, and an approximation below.  ``with_second_derivative`` keeps the
        second-order term of (54), which can make the result negative.
        """
        diagonal = np.zeros_like(self.theta)
        into = self._cut(diagonal)
        for block in self.blocks():
            terms = block.second_order_terms if with_second_derivative else None
            deltas = block.deltas if with_second_derivative else None
            block.trace.add_lecun_diagonal(block.loss_diagonal(), into, terms, deltas)
        return self._finish(diagonal, np.ones_like(self.theta))

    def hessian_diagonal(self) -> Array:
        """The exact diagonal of H, from second derivatives of every pair of units.

        In place of the squares of (54)-(56), whole matrices are propagated back for
        every example: ``H_z = f' H_x f' + diag(f'' dE/dx)`` and ``H_x = W H_z W'``.
        """
        diagonal = np.zeros_like(self.theta)
        into = self._cut(diagonal)
        step = max(1, JACOBIAN_BLOCK // max(self.objective.network.sizes[1:]) ** 2)
        for block in self.blocks():
            root = block.loss_root()
            for start in range(0, len(root), step):
                rows = slice(start, start + step)
                curvature = root[rows] @ root[rows].transpose(0, 2, 1)
                self._add_hessian_diagonal(block, rows, curvature, into)
        return self._finish(diagonal, np.ones_like(self.theta))

    @staticmethod
    def _add_hessian_diagonal(
        block: Block, rows: slice, curvature: Array, into: Sequence[Array]
    ) -> None:
        trace = block.trace
        for l in reversed(range(len(into))):
            derivative = trace.derivatives[l]
            if derivative is not None:
                d = derivative[rows]
                curvature = d[:, :, None] * curvature * d[:, None, :]
            own = np.einsum("nii->ni", curvature)
            own += block.second_order_terms[l][rows]
            kind, delta = trace.kinds[l].rows(rows), block.deltas[l][rows]
            kind.add_squares(own, into[l], delta)
            if l > 0:
                curvature = kind.backpropagate_matrices(curvature, delta)

    def gauss_newton_diagonal(self) -> Array:
        """The exact diagonal of G, from one backward pass for each output."""
        diagonal = np.zeros_like(self.theta)
        into = self._cut(diagonal)
        for block in self.blocks():
            for l, delta in block.root_deltas(block.loss_root()):
                squares = np.einsum("nck,nck->nk", delta, delta)
                block.trace.kinds[l].add_squares(squares, into[l])
        return self._finish(diagonal, np.ones_like(self.theta))

    # ------------------------------------------------------------- Jacobian and more

    def jacobian_blocks(self, *, scaled: bool = True) -> Iterator[Array]:
        """Yield the Jacobian of the outputs, J, for a block of examples at a time.

        Blocks have the shape (n_rows * n_outputs, n_weights).  With ``scaled`` they are
        S' J, where S S' is the Hessian of the loss of an example, so that
        ``sum(B.T @ B for B in blocks)`` is the Gauss-Newton matrix without penalty,
        summed over the examples.
        """
        step = self._jacobian_step()
        for block in self.blocks():
            root = block.loss_root()
            if not scaled:
                n, k = block.trace.outputs.shape
                root = np.broadcast_to(np.eye(k, dtype=self.theta.dtype), (n, k, k))
            layer_deltas = list(block.root_deltas(root))
            for start in range(0, len(root), step):
                rows = slice(start, start + step)
                self.objective.clock()
                yield self._jacobian_rows(block, layer_deltas, rows)

    def _jacobian_step(self) -> int:
        """Examples in a block of the Jacobian."""
        n_weights = len(self.theta)
        n_rows = max(ENOUGH_ROWS, JACOBIAN_PRODUCTS // n_weights**2)
        n_rows = min(n_rows, JACOBIAN_BLOCK // n_weights)
        return max(1, n_rows // self.objective.targets.shape[1])

    def gauss_newton_matrix(self) -> Array:
        """G without penalty; only the upper triangle is meant to be read."""
        matrix = self._zeros()
        share = 1.0 / self.objective.n_samples
        for J in self.jacobian_blocks():
            # the upper triangle of J'J; BLAS reads J.T, as it stores columns first
            matrix = dsyrk(share, J.T, 1.0, matrix, overwrite_c=1)
        return matrix

    def _zeros(self) -> Array:
        """A matrix of zeros, by the clock: large memory takes long when first used."""
        n_weights = len(self.theta)
        matrix = np.empty((n_weights, n_weights), order="F")
        for columns in row_blocks(n_weights, n_weights):
            self.objective.clock()
            matrix[:, columns] = 0.0
        return matrix

    def _jacobian_rows(
        self, block: Block, layer_deltas: list[tuple[int, Array]], rows: slice
    ) -> Array:
        """Rows of the Jacobian: outer products of each layer's inputs and deltas."""
        n, columns, _ = layer_deltas[0][1][rows].shape
        jacobian = np.empty((n, columns, len(self.theta)), dtype=self.theta.dtype)
        stops = np.cumsum([W.size for W in self.layers])
        for l, deltas in layer_deltas:
            part = jacobian[:, :, stops[l] - self.layers[l].size : stops[l]]
            shaped = part.reshape(n, columns, *self.layers[l].shape)
            product = block.trace.kinds[l].rows(rows).jacobian(deltas[rows])
            if np.shares_memory(shaped, part):
                shaped[...] = product
            else:
                part[...] = product.reshape(part.shape)
        return jacobian.reshape(n * columns, -1)

    def root_product(self, v: Array) -> Array:
        """S' J v of all rows, of shape (n_rows * n_outputs,)."""
        directions, parts = self._cut(v), []
        for block in self.blocks():
            change = block.trace.jvp(directions)
            parts.append(np.einsum("nkc,nk->nc", block.loss_root(), change).ravel())
        return np.concatenate(parts)

    def transposed_root_product(self, z: Array) -> Array:
        """J' S z, the transpose of :meth:`root_product`."""
        product = np.zeros_like(self.theta)
        into, start = self._cut(product), 0
        for block in self.blocks():
            root = block.loss_root()
            n, _, columns = root.shape
            part = z[start : start + n * columns].reshape(n, columns)
            block.trace.vjp(np.einsum("nkc,nc->nk", root, part), into)
            start += n * columns
        return product

    def root_kernel(self, P: Array) -> Array:
        """S' J P^-1 J' S, where P is constant in each layer, biases apart.

        It is a sum over the layers, none of which forms its rows of J.
        """
        blocks = list(self.blocks())
        deltas = [dict(block.root_deltas(block.loss_root())) for block in blocks]
        kernel: Any = None
        for l, p in enumerate(self._cut(P)):
            self.objective.clock()
            kinds = [block.trace.kinds[l] for block in blocks]
            x = stack_rows([kind.x for kind in kinds])
            whole = type(kinds[0])(x, kinds[0].W)
            own = whole.kernel(np.concatenate([d[l] for d in deltas]), p)
            # in place, as the matrices are large
            kernel = own if kernel is None else np.add(kernel, own, out=own)
        return np.asarray(kernel)

    @cached_property
    def value(self) -> float:
        """The objective at theta."""
        total = 0.0
        for block in self.blocks():
            losses = block.loss.value(block.trace.outputs, block.targets)
            total += float(np.sum(block.weighted(losses[:, None])))
        mean = total / self.objective.n_samples
        return mean + self.objective.penalty_value(self.theta)

    def predicted(self, step: Array) -> float:
        """Reduction of the objective in the quadratic model with G.

        It is ``-g's - s'(G + penalty)s / 2`` for a step s.
        """
        change = self.root_product(step)
        curvature = float(change @ change) / self.objective.n_samples
        curvature += 2.0 * self.objective.penalty_value(step)
        return -float(self.gradient @ step) - 0.5 * curvature

    @cached_property
    def gradient(self) -> Array:
        """The gradient of the objective."""
        gradient = np.zeros_like(self.theta)
        views = self._cut(gradient)
        for block in self.blocks():
            for view, kind, delta in zip(
                views, block.trace.kinds, block.deltas, strict=True
            ):
                kind.add_gradient(delta, view)
        return self._finish(gradient, self.theta)

    def pattern_curvature(self, rates: Array) -> Array:
        """Largest eigenvalue of R^1/2 G^p R^1/2 of each pattern, with its weight.

        G^p = J' S S' J has the eigenvalues of the small matrix S' J R J' S, which is a
        sum over layers of products of deltas, each unit weighted by the power of its
        derivatives dz/dW.
        """
        layer_rates = self._cut(rates.astype(self.theta.dtype))
        largest = []
        for block in self.blocks():
            small: Any = 0.0
            for l, delta in block.root_deltas(block.loss_root()):
                power = block.trace.kinds[l].power(layer_rates[l])
                small = small + (delta * power[:, None, :]) @ delta.transpose(0, 2, 1)
            largest.append(largest_eigenvalues(small))
        return np.concatenate(largest)


@singledispatch
def linearize(objective: Any, theta: Array) -> Any:
    """The objective around theta, to second order, whatever kind of objective it is."""
    return Linearization(objective, theta)


def largest_eigenvalues(matrices: Array) -> Array:
    """Largest eigenvalue of each symmetric matrix; inf for all if one has overflowed.

    Parameters
    ----------
    matrices : ndarray of shape (n, k, k)
    """
    if not np.isfinite(matrices).all():
        return np.full(len(matrices), np.inf)
    return np.asarray(np.linalg.eigvalsh(matrices)[:, -1])
