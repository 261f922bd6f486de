"""Memory and speed of a fit on a file that is larger than the memory limit.

The file holds X in single precision, 20 columns, in pieces that are sorted by y.  It is
read as numpy.memmap, and as Parquet if pyarrow is installed.  A process of its own fits
it; printed are the anonymous memory of that process (RssAnon, which does not count
the cache of the file) before the fit and at its peak, and rows per second of processor
time and epoch.  The second table compares the loss after shuffling by blocks with a
full shuffle in memory, and with no shuffle of the file.

``OUT_OF_CORE_ROWS`` in the environment is the number of rows, 20 million by default.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import process_time
from warnings import catch_warnings, simplefilter

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks._race import header, table
from sk_effprop import EffPropRegressor
from sk_effprop.out_of_core import ArrayBatches, ParquetBatches, fit_batches

N_ROWS = int(os.environ.get("OUT_OF_CORE_ROWS", "20_000_000"))
N_FEATURES, CHUNK, GROUP_ROWS = 20, 2**17, 2**13
# Source, solver, and epochs or iterations of each fit.
FITS = [("memmap", "sgd", 1), ("memmap", "sgd", 2), ("memmap", "lbfgs", 2)]
if find_spec("pyarrow"):
    FITS.append(("parquet", "sgd", 2))
# Rows of the comparison of orders, and its block sizes.
N_SORTED, BLOCKS, SEEDS = 400_000, (1, 64, 256), range(2)


def rows(rng, n):
    """Random rows and their targets."""
    X = rng.standard_normal((n, N_FEATURES), dtype=np.float32)
    noise = 0.3 * rng.standard_normal(n, dtype=np.float32)
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + noise


def write(folder):
    """Write the files, in pieces that are each sorted by y."""
    rng = np.random.default_rng(0)
    X = np.memmap(folder / "X", np.float32, "w+", shape=(N_ROWS, N_FEATURES))
    y = np.memmap(folder / "y", np.float32, "w+", shape=N_ROWS)
    for start in range(0, N_ROWS, CHUNK):
        part = slice(start, min(start + CHUNK, N_ROWS))
        X_part, y_part = rows(rng, part.stop - part.start)
        order = np.argsort(y_part)
        X[part], y[part] = X_part[order], y_part[order]


def write_parquet(folder):
    """Write the same rows as one Parquet file of small row groups."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    X, y = read(folder)
    names = [f"x{j}" for j in range(N_FEATURES)]
    schema = pa.schema([(name, pa.float32()) for name in [*names, "y"]])
    with ParquetWriter(folder / "parquet", schema) as writer:
        for start in range(0, N_ROWS, CHUNK):
            part = slice(start, start + CHUNK)
            columns = [np.ascontiguousarray(x) for x in X[part].T]
            table = pa.table([*columns, np.asarray(y[part])], schema=schema)
            writer.write_table(table, row_group_size=GROUP_ROWS)


def batches_of(folder, kind):
    """Return all batches, and a few of them for a warm-up fit."""
    X, y = read(folder)
    few = ArrayBatches(X[:5000], y[:5000])
    if kind == "memmap":
        return ArrayBatches(X, y), few
    return ParquetBatches(folder / "parquet", "y"), few


def read(folder):
    """Open the files as memory-mapped arrays."""
    X = np.memmap(folder / "X", np.float32, "r", shape=(N_ROWS, N_FEATURES))
    return X, np.memmap(folder / "y", np.float32, "r", shape=N_ROWS)


def anonymous_megabytes():
    """RssAnon of this process."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("RssAnon")]
    return int(line.split()[1]) / 1024


class Peak:
    """Thread that records the largest RssAnon while it runs."""

    def __init__(self):
        self.megabytes, self._over = anonymous_megabytes(), Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self._over.wait(0.02):
            self.megabytes = max(self.megabytes, anonymous_megabytes())

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def measure(folder, kind, solver, max_iter):
    """Fit a file in this process, and print a line for the table."""
    batches, few = batches_of(folder, kind)
    warm_up = EffPropRegressor(random_state=0, solver=solver, max_iter=1)
    fit_batches(warm_up, few)
    est = EffPropRegressor(random_state=0, solver=solver, max_iter=max_iter, tol=0)
    before = anonymous_megabytes()
    with Peak() as peak, threadpool_limits(1):
        start = process_time()
        fit_batches(est, batches)
        seconds = process_time() - start
    speed = N_ROWS * max_iter / seconds
    print(
        f"{est.engine_} {before:.0f} {peak.megabytes:.0f} {speed:.0f} {est.loss_:.4f}"
    )


def in_a_process(*arguments):
    """Run :func:`measure` in a new process; return the line that it prints."""
    code = (
        "import warnings; warnings.simplefilter('ignore');"
        "from pathlib import PosixPath; from benchmarks.out_of_core import measure;"
        f"measure{arguments!r}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.split()


def orders():
    """Rows of the table of losses, relative to a full shuffle."""
    losses = {}
    for seed in SEEDS:
        X, y = rows(np.random.default_rng(seed), N_SORTED)
        order = np.argsort(y)
        X, y = X[order], y[order]
        size = N_SORTED // 4
        est = EffPropRegressor(random_state=seed, max_iter=5, tol=0)
        losses.setdefault("in memory", []).append(est.fit(X, y).loss_)
        for block in BLOCKS:
            batches = ArrayBatches(X, y, batch_rows=size, block_rows=block)
            loss = fit_batches(est, batches).loss_
            losses.setdefault(f"blocks of {block}", []).append(loss)
        plain = Plain(list(ArrayBatches(X, y, batch_rows=size)))
        losses.setdefault("as in the file", []).append(fit_batches(est, plain).loss_)
    full = np.mean(losses["in memory"])
    for name, found in losses.items():
        yield [name, f"{np.mean(found):.5f}", f"{np.mean(found) / full:.3f}"]


class Plain:
    """Batches that are not shuffled."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def main():
    """Print both tables."""
    header(f"out_of_core: {N_ROWS} rows, {N_FEATURES} columns, float32", "numpy")
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        if find_spec("pyarrow"):
            write_parquet(folder)
        found = [[*map(str, fit), *in_a_process(folder, *fit)] for fit in FITS]
    table(
        ["file", "solver", "epochs", "engine", "MB before", "MB at the peak",
         "rows/s and epoch", "loss"],
        found,
    )  # fmt: skip
    print()
    with catch_warnings():
        simplefilter("ignore")
        header(f"order of {N_SORTED} sorted rows, 4 batches, 5 epochs", "numpy")
        table(["order", "loss", "of a full shuffle"], list(orders()))
