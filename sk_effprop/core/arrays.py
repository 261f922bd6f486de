"""The type of an array, and how long arrays are cut into blocks of rows."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]

# Numbers in a block of rows.  Scratch memory of a pass over many examples then fits
# into the processor's cache, and is reused instead of returned to the system.
BLOCK_SIZE = 2**16


def row_blocks(n_rows: int, width: int) -> Iterator[slice]:
    """Slices of consecutive rows that hold about BLOCK_SIZE numbers each."""
    step = max(1, BLOCK_SIZE // width)
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))
