"""Batches of rows that are read when they are needed.

Any object that can be iterated again and again will do, if it yields tuples (X, y) or
(X, y, sample_weight).  A method ``shuffled(rng)`` makes the batches of an epoch of a
stochastic solver; the classes here read small blocks from everywhere and join them to
batches, which the solver shuffles once more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

Batch: TypeAlias = tuple[Any, ...]

# Rows of a batch, and of the blocks of which a shuffled batch consists.  A batch of 20
# columns in single precision takes 21 MB.
BATCH_ROWS, BLOCK_ROWS = 2**18, 2**8


@dataclass(frozen=True, eq=False)
class ArrayBatches:
    """Batches of rows of arrays, such as ``numpy.memmap``.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Anything whose slices of rows are arrays.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,), optional
    batch_rows : int, default=262144
        Rows in memory at a time.
    block_rows : int, default=256
        Rows that are read in one piece if the order is random.  It must not be larger
        than ``batch_rows``.

    Raises
    ------
    ValueError
        If the arrays have different lengths, or a number of rows is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_effprop.out_of_core import ArrayBatches
    >>> batches = ArrayBatches(np.ones((5, 2)), np.arange(5.0), batch_rows=3)
    >>> [len(y) for X, y in batches]
    [3, 2]
    """

    X: Any
    y: Any
    sample_weight: Any = None
    batch_rows: int = BATCH_ROWS
    block_rows: int = BLOCK_ROWS

    def __post_init__(self) -> None:
        lengths = {len(array) for array in self._arrays}
        if len(lengths) > 1:
            raise ValueError(
                "X, y and sample_weight must have the same number of rows, got "
                f"{[len(array) for array in self._arrays]}."
            )
        for name in ("batch_rows", "block_rows"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}.")

    @property
    def _arrays(self) -> tuple[Any, ...]:
        given = self.X, self.y, self.sample_weight
        return tuple(array for array in given if array is not None)

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self.y), self.batch_rows):
            rows = slice(start, start + self.batch_rows)
            yield tuple(np.asarray(array[rows]) for array in self._arrays)

    def shuffled(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield batches of all rows, in blocks of random order."""
        starts = rng.permutation(np.arange(0, len(self.y), self.block_rows))
        n_blocks = max(1, self.batch_rows // self.block_rows)
        for first in range(0, len(starts), n_blocks):
            # read in the order of the file
            chosen = np.sort(starts[first : first + n_blocks])
            yield tuple(
                np.concatenate([array[s : s + self.block_rows] for s in chosen])
                for array in self._arrays
            )


@dataclass(frozen=True, eq=False)
class ParquetBatches:
    """Batches of rows of Parquet files, one row group after the other.

    Shuffled batches consist of several row groups of random order, so row groups should
    be small, of some thousands of rows, if the rows are sorted.

    Parameters
    ----------
    files : str, Path or sequence of them
    target : str
        Column of the target.
    columns : sequence of str, optional
        Columns of X; by default all others.
    weight : str, optional
        Column of the sample weights.
    batch_rows : int, default=262144
        Rows in memory at a time, at least one row group.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    ValueError
        If a column is not in the files, if they have different columns, or if one is no
        Parquet file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import pyarrow as pa
    >>> import pyarrow.parquet as pq
    >>> from sk_effprop.out_of_core import ParquetBatches
    >>> file = Path(mkdtemp()) / "data.parquet"
    >>> pq.write_table(pa.table({"a": [1.0, 2.0, 3.0], "b": [0, 1, 0]}), file)
    >>> [(list(X.columns), len(y)) for X, y in ParquetBatches(file, "b")]
    [(['a'], 3)]
    """

    files: Any
    target: str
    columns: Sequence[str] | None = None
    weight: str | None = None
    batch_rows: int = BATCH_ROWS

    def __post_init__(self) -> None:
        known = _opened(self._paths[0]).schema_arrow.names
        given = [self.target, self.weight, *(self.columns or ())]
        missing = [name for name in given if name is not None and name not in known]
        if missing:
            raise ValueError(f"The files have no columns {missing}, only {known}.")
        for path in self._paths[1:]:
            others = _opened(path).schema_arrow.names
            if self.columns is None and set(others) != set(known):
                raise ValueError(
                    f"{path} has the columns {others}, but {self._paths[0]} has "
                    f"{known}. Give files with the same columns, or use columns=[...]."
                )

    @property
    def _paths(self) -> list[Path]:
        is_one = isinstance(self.files, str | Path)
        return [Path(file) for file in ([self.files] if is_one else self.files)]

    def _groups(self) -> list[tuple[int, int]]:
        """File and row group of each piece."""
        return [
            (number, group)
            for number, path in enumerate(self._paths)
            for group in range(_opened(path).num_row_groups)
        ]

    def __iter__(self) -> Iterator[Batch]:
        return self._read(self._groups())

    def shuffled(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield batches of all rows, in row groups of random order."""
        groups = self._groups()
        return self._read([groups[i] for i in rng.permutation(len(groups))])

    def _read(self, groups: list[tuple[int, int]]) -> Iterator[Batch]:
        files = [_opened(path) for path in self._paths]
        wanted = None
        if self.columns is not None:
            wanted = [*self.columns, self.target]
            wanted += [self.weight] if self.weight else []
        waiting: list[Any] = []
        for number, group in groups:
            waiting.append(files[number].read_row_group(group, columns=wanted))
            if sum(len(table) for table in waiting) >= self.batch_rows:
                yield self._batch(waiting)
        if waiting:
            yield self._batch(waiting)

    def _batch(self, tables: list[Any]) -> Batch:
        """The rows of all tables, which are removed from the list and the memory."""
        import pyarrow as pa

        table = pa.concat_tables(tables, promote_options="permissive")
        tables.clear()
        frame = table.to_pandas(split_blocks=True, self_destruct=True)
        y = frame.pop(self.target)
        if self.weight is None:
            return frame, y
        return frame, y, frame.pop(self.weight)


def mixed(batches: Sequence[Batch], rng: np.random.Generator) -> Iterator[Batch]:
    """Yield batches of rows from everywhere, made of blocks of batches in memory."""
    blocks = [
        (batch, slice(start, start + BLOCK_ROWS))
        for batch in batches
        for start in range(0, len(batch[1]), BLOCK_ROWS)
    ]
    order = rng.permutation(len(blocks))
    n_blocks = BATCH_ROWS // BLOCK_ROWS
    for first in range(0, len(order), n_blocks):
        chosen = [blocks[i] for i in order[first : first + n_blocks]]
        pieces = [[_rows(part, rows) for part in batch] for batch, rows in chosen]
        yield tuple(map(_joined, zip(*pieces, strict=True)))


def can_be_mixed(batches: Any) -> bool:
    """True for a list of arrays, sparse matrices or pandas frames of the same types."""
    if not isinstance(batches, list | tuple) or not batches:
        return False
    types = {tuple(map(_type_of, batch)) for batch in batches}
    return len(types) == 1 and None not in types.pop()


def _type_of(part: Any) -> Any:
    """Type of the rows of a batch; None if it is not known how to join them."""
    if isinstance(part, np.ndarray):
        return "array"
    if sparse.issparse(part):
        return "sparse"
    if hasattr(part, "iloc"):
        # categories of other levels would become objects
        return tuple(map(str, np.ravel(part.dtypes)))
    return None


def _rows(part: Any, rows: slice) -> Any:
    if sparse.issparse(part):
        return sparse.csr_array(part)[rows]
    return part.iloc[rows] if hasattr(part, "iloc") else part[rows]


def _joined(pieces: Sequence[Any]) -> Any:
    if sparse.issparse(pieces[0]):
        return sparse.vstack(pieces, format="csr")
    if isinstance(pieces[0], np.ndarray):
        return np.concatenate(pieces)
    import pandas as pd

    return pd.concat(pieces)


def _opened(path: Path) -> Any:
    """A Parquet file; errors name it."""
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            f"ParquetBatches needs pyarrow and pandas: pip install pyarrow pandas. "
            f"({error})"
        ) from error
    try:
        return pa.parquet.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} cannot be read as a Parquet file: {error}") from error
