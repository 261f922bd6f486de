"""Normalisation of the inputs (section 4.3) by an immutable affine map with a clip.

Centring, scaling, rotating and clipping are one map of a row x::

    z = clip((x - shift) A),    clip(z) = z / sqrt(1 + (z / c)^2)

where A is diagonal, or holds the principal axes of the columns.  A record is applied
to dense rows, folded into the products of the first layer for sparse ones, inverted,
and compared with another, so that a layer can follow when the statistics of a stream
change::

    >>> import numpy as np
    >>> from sk_effprop.core.normalization import Normalization
    >>> record = Normalization(shift=np.array([1.0, 10.0]), scale=np.array([2.0, 5.0]))
    >>> record.apply(np.array([[3.0, 0.0]]))
    array([[ 1., -2.]])
    >>> record.invert(np.array([[1.0, -2.0]]))
    array([[3., 0.]])
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from sk_effprop.core.arrays import Array, row_blocks, stacked
from sk_effprop.core.inputs import FoldedSparse, empty_with_ones, matrix_product

# Directions with a smaller share of the largest variance consist of rounding errors.
NULL_VARIANCE = 1e-10
# Sparse columns with a scale beyond this power of the largest number are scaled first.
USUAL_SCALE = 0.25


@dataclass(frozen=True, eq=False)
class Normalization:
    """The map ``z = clip((x - shift) A)`` with ``A = diag(1 / scale) components'``.

    Attributes
    ----------
    shift : ndarray of shape (n_features,)
        It stays float64 whatever the data are, as rounding a large mean would move
        every z.
    scale : ndarray of shape (n_features,)
        Positive divisor of each column.
    components : ndarray of shape (n_features, n_features) or None
        Orthogonal rows that the scaled columns are projected on; rows of directions
        without variance are zero. None leaves the columns as they are.
    clip : float or None
        Bound of the absolute values of z.
    """

    shift: Array
    scale: Array
    components: Array | None = None
    clip: float | None = None

    @property
    def A(self) -> Array:
        """The matrix A in float64; a vector stands for a diagonal matrix."""
        A = 1.0 / self.scale
        if self.components is None:
            return np.asarray(A)
        return np.asarray(A[:, None] * self.components.T)

    @property
    def B(self) -> Array:
        """Matrix B of the inverse map ``x = shift + z B``, a pseudo-inverse of A.

        A vector stands for a diagonal matrix; directions without variance have rows of
        zeros.
        """
        if self.components is None:
            return self.scale
        return np.asarray(_orthogonal_pinv(self.components.T) * self.scale)

    def taking(self, columns: Array, other: "Normalization") -> "Normalization":
        """Return a copy with some columns of another object; all if it is rotated."""
        if self.components is not None:
            return other
        return replace(
            self,
            shift=np.where(columns, other.shift, self.shift),
            scale=np.where(columns, other.scale, self.scale),
        )

    def apply(self, X: Array) -> Array:
        """Normalise dense X."""
        Z = np.empty((len(X), self.A.shape[-1]), dtype=X.dtype)
        self._write(X, Z)
        return Z

    def apply_with_ones(self, X: Array) -> Array:
        """Normalise dense X and append a column of ones, without a second copy of X."""
        inputs = empty_with_ones(len(X), self.A.shape[-1], X.dtype)
        self._write(X, inputs[:, :-1])
        return inputs

    def _write(self, X: Array, out: Array) -> None:
        with np.errstate(over="ignore"):
            A = self.A.astype(X.dtype)
        if not np.isfinite(A).all():
            # single precision holds small columns, but not their inverse
            out[...] = self.apply(X.astype(np.float64))
            return
        blocks = list(row_blocks(*X.shape))
        n_rows = blocks[0].stop if blocks else 0
        shift = stacked(self.shift, n_rows)
        A = A if A.ndim == 2 else stacked(A, n_rows)
        with self._quiet():
            for rows in blocks:
                out[rows] = self._of_block(X[rows], shift, A)

    def _of_block(self, X: Array, shift: Array, A: Array) -> Array:
        """Normalise rows; shift and a diagonal A are stacked."""
        Z = X.astype(np.float64, order="C")
        Z -= shift[: len(X)]
        Z = Z.astype(X.dtype, copy=False)
        if self.components is None:
            Z *= A[: len(X)]
        else:
            Z = Z @ A
        return Z if self.clip is None else smooth_clip(Z, self.clip)

    def _quiet(self) -> np.errstate:
        """Context in which values that are clipped next may overflow to infinity."""
        return np.errstate() if self.clip is None else np.errstate(over="ignore")

    def invert(self, Z: Array) -> Array:
        """Map Z back to X, except for directions without variance."""
        if self.clip is not None:
            Z = smooth_unclip(Z, self.clip)
        B = self.B.astype(Z.dtype)
        X = Z * B if B.ndim == 1 else Z @ B
        return np.asarray((X + self.shift).astype(Z.dtype))

    def fold(self, X: Any) -> FoldedSparse:
        """Normalise sparse X (CSR) without filling it, as inputs of the first layer.

        Raises
        ------
        ValueError
            If a clip follows a rotation, since each clipped value then depends on a
            whole row.
        """
        bound = float(np.finfo(X.dtype).max) ** USUAL_SCALE
        if self.scale.max() > bound or self.scale.min() < 1.0 / bound:
            # sums over rows would overflow in the units of X
            scaled = map_stored(X, lambda x, j: (x / self.scale[j]).astype(x.dtype))
            units = np.ones_like(self.scale)
            return replace(self, shift=self.shift / self.scale, scale=units).fold(
                scaled
            )
        shift, A = self.shift.astype(X.dtype), self.A.astype(X.dtype)
        if self.clip is None:
            return FoldedSparse(X, shift, A)
        if A.ndim == 2:
            raise ValueError(
                f"Sparse X cannot be clipped at {self.clip} after a rotation of its "
                "columns, as every clipped value would depend on a whole row. Use "
                "clip=None, a method without rotation, or dense X."
            )
        # The clipped value of an absent entry goes into the shift, so that the stored
        # entries hold their difference from it and absent entries stay absent.
        clip = self.clip
        with self._quiet():
            absent = smooth_clip(-shift * A, clip)
            stored = map_stored(
                X, lambda x, j: smooth_clip((x - shift[j]) * A[j], clip) - absent[j]
            )
        return FoldedSparse(stored, -absent, np.ones_like(shift))

    def scale_stored(self, X: Any) -> Any:
        """Normalise sparse X whose columns are neither centred nor rotated."""

        def forwards(x: Array, columns: Array) -> Array:
            z = x / self.scale[columns].astype(x.dtype)
            return z if self.clip is None else smooth_clip(z, self.clip)

        with self._quiet():
            return map_stored(X, forwards)

    def unscale_stored(self, Z: Any) -> Any:
        """Invert :meth:`scale_stored`."""

        def backwards(z: Array, columns: Array) -> Array:
            if self.clip is not None:
                z = smooth_unclip(z, self.clip)
            return np.asarray(z * self.scale[columns].astype(z.dtype))

        return map_stored(Z, backwards)


def identity(n_features: int) -> Normalization:
    """Make the normalisation that leaves its inputs unchanged."""
    return Normalization(np.zeros(n_features), np.ones(n_features))


def follow_inputs(W: Array, before: Normalization, after: Normalization) -> None:
    """Change the first layer in place when its inputs are normalised differently.

    The layer then computes from the new inputs what it computed from the old ones::

        (x - s) A W + b = (x - s') A' W' + b'
        W' = B' A W,  b' = b + (s' - s) A W

    where B' undoes A' for all x that vary as the training data did.

    Parameters
    ----------
    W : ndarray of shape (n_in + 1, n_out)
        Weights of the first layer, biases in the last row.
    before, after : Normalization
        Without a clip, for which there is no such layer.
    """
    raw = matrix_product(before.A, W[:-1])
    W[-1] += (after.shift - before.shift) @ raw
    W[:-1] = matrix_product(after.B, raw)


def principal_axes(correlation: Array, *, unit_variance: bool) -> Array:
    """Rows that decorrelate columns with this correlation matrix: scaled eigenvectors.

    Parameters
    ----------
    correlation : ndarray of shape (n_features, n_features)
    unit_variance : bool
        Divide each axis by the standard deviation along it (whitening).

    Returns
    -------
    ndarray of shape (n_features, n_features)
        Largest variance first. The largest entry of each axis is positive, so that
        axes do not flip between updates. Directions without variance are zero.
    """
    variance, axes = np.linalg.eigh(correlation)
    variance, axes = variance[::-1], axes.T[::-1]
    largest = axes[np.arange(len(axes)), np.argmax(np.abs(axes), axis=1)]
    axes = axes * np.where(largest < 0, -1.0, 1.0)[:, None]
    # linearly dependent columns leave directions of rounding errors
    null = variance <= max(NULL_VARIANCE * variance[0], 0.0)
    deviation = np.sqrt(np.where(null, 1.0, variance))
    length = 1.0 / deviation if unit_variance else 1.0
    return np.asarray(np.where(null, 0.0, length)[:, None] * axes)


def smooth_clip(z: Array, c: float) -> Array:
    """Return z / sqrt(1 + (z / c)^2), which is about z near 0 and never exceeds +-c."""
    # Beyond c * 2^30 the result is +-c to the last bit, and the square could overflow.
    far = min(2.0**30 * c, float(np.finfo(z.dtype).max))
    z = np.clip(z, -far, far)
    length = z / c
    length *= length
    length += 1.0
    return np.asarray(z / np.sqrt(length))


def clip_derivative(z: Array, c: float) -> Array:
    """Return the derivative of :func:`smooth_clip` where its result is z."""
    return np.asarray((1.0 - np.minimum((z / c) ** 2, 1.0)) ** 1.5)


def smooth_unclip(z: Array, c: float) -> Array:
    """Invert :func:`smooth_clip`; values that were rounded to c come back finite."""
    squared = np.minimum((z / c) ** 2, 1.0 - np.finfo(z.dtype).eps)
    return np.asarray(z / np.sqrt(1.0 - squared))


def map_stored(X: Any, function: Callable[[Array, Array], Array]) -> Any:
    """Apply ``function(values, column numbers)`` to the stored entries of sparse X."""
    mapped = X.tocoo(copy=False)
    values = function(mapped.data, mapped.col)
    return sparse.coo_array((values, mapped.coords), shape=X.shape).asformat(X.format)


def _orthogonal_pinv(A: Array) -> Array:
    """Pseudo-inverse of a matrix with orthogonal columns, some of which are zero."""
    squares = (A**2).sum(axis=0)
    return np.asarray(A.T / np.where(squares > 0.0, squares, 1.0)[:, None])
