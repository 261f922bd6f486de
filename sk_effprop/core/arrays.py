"""The type of an array, blocks of rows, and small helpers for arrays."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

Array: TypeAlias = np.ndarray[Any, Any]

# Numbers in a block of rows.  The scratch memory of a pass over many examples then
# fits into the processor's cache, and is reused instead of returned to the system.
BLOCK_SIZE = 2**16
# Numbers whose copy takes much less than 0.1 s.
COPIED_AT_ONCE = 2**22


def row_blocks(n_rows: int, width: int) -> Iterator[slice]:
    """Yield slices of consecutive rows that hold about BLOCK_SIZE numbers each."""
    step = max(1, BLOCK_SIZE // width)
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def take_rows(array: Any, rows: Any) -> Any:
    """Return ``array[rows]``; many rows are copied by blocks, for Ctrl-C."""
    is_long = type(array) is np.ndarray and type(rows) is np.ndarray
    if not is_long or array.size <= COPIED_AT_ONCE:
        return array[rows]
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    taken = np.empty((len(rows), *array.shape[1:]), dtype=array.dtype)
    for block in row_blocks(len(rows), array[:1].size):
        taken[block] = array[rows[block]]
    return taken


def stacked(row: Array, n_rows: int) -> Array:
    """Array of shape (n_rows, len(row)) with equal rows.

    NumPy combines arrays of one shape in a single loop, but starts one for each row
    where a row is broadcast, which takes several times as long if columns are few.
    """
    rows = np.empty((n_rows, len(row)), dtype=row.dtype)
    rows[:] = row
    return rows


def read_only(array: Array) -> Array:
    """View of an array that cannot be written to, for user-defined functions."""
    view = array.view()
    view.flags.writeable = False
    return view


def as_floating(values: Any) -> Array:
    """Array of floats: float32 and float64 stay, everything else becomes float64."""
    array = np.asarray(values)
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(float)


def diagonal_matrices(entries: Array) -> Array:
    """Turn rows of shape (n, k) into diagonal matrices of shape (n, k, k)."""
    return np.asarray(
        entries[:, :, None] * np.eye(entries.shape[1], dtype=entries.dtype)
    )


def dense(X: Any) -> Array:
    """Convert X to a dense array; meant for blocks of a sparse X."""
    return np.asarray(X.toarray()) if sparse.issparse(X) else X
