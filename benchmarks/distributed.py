"""Bytes, flops and bits of fits on a Dask cluster of local processes.

Printed are the largest difference between the weights of a fit on workers and in one
process, which must be 0, with a worker killed on the way too; the bytes that workers
send each other for an evaluation of the objective, next to the model of
docs/distributed.md; and the flops per second and worker.
"""

import logging
import os
import signal
from time import perf_counter, process_time
from warnings import catch_warnings, simplefilter

import numpy as np

from benchmarks._race import header, table
from sk_effprop import EffPropRegressor
from sk_effprop.distributed import fit_dask
from sk_effprop.distributed._parts import DaskParts

N_ROWS, N_FEATURES, N_PARTS, N_ITERATIONS = 80_000, 20, 16, 5
N_WORKERS = 1, 2
# Forward pass, and backward pass to weights and inputs: two flops each per weight.
FLOPS_PER_WEIGHT = 6


class Counter:
    """Counts the sums over parts, and kills a worker at one of them."""

    def __init__(self):
        self.n_sums, self.kill_at, self.client = 0, None, None
        self.reduce = DaskParts.reduce

    def __call__(self, parts, function, combine, *arguments):
        self.n_sums += 1
        if self.n_sums == self.kill_at:
            victim = next(iter(self.client.run(os.getpid).values()))
            os.kill(victim, signal.SIGKILL)
        return self.reduce(parts, function, combine, *arguments)


def data():
    """Dask collections of random rows, generated on the workers."""
    import dask.array as da

    rng = da.random.default_rng(0)
    X = rng.standard_normal((N_ROWS, N_FEATURES), chunks=(N_ROWS // N_PARTS, -1))
    y = da.sin(X[:, 0]) + X[:, 1] * X[:, 2]
    return X, y


def model(solver):
    """The default network, limited to the measured number of iterations."""
    return EffPropRegressor(
        solver=solver, max_iter=N_ITERATIONS, tol=0, random_state=0, alpha=1e-4
    )


def bytes_sent(client):
    """Bytes that the workers have sent each other so far."""
    sent = client.run(lambda dask_worker: dask_worker.transfer_outgoing_bytes_total)
    return sum(sent.values())


def bytes_per_sum(client, counter, solver):
    """Bytes between workers for one sum, without those of reading the data."""
    found = []
    for n_iterations in N_ITERATIONS, 4 * N_ITERATIONS:
        before = bytes_sent(client)
        est = model(solver).set_params(max_iter=n_iterations)
        counter.n_sums = 0
        fit_dask(est, *data(), client=client)
        found.append((bytes_sent(client) - before, counter.n_sums))
    (few, n_few), (many, n_many) = found
    return (many - few) / (n_many - n_few)


def fit(client, counter, solver, *, kill_at=None):
    """Estimator, seconds and number of sums of a fit."""
    counter.n_sums, counter.kill_at, counter.client = 0, kill_at, client
    start = perf_counter()
    est = fit_dask(model(solver), *data(), client=client)
    seconds = perf_counter() - start
    return est, seconds, counter.n_sums


def measure(counter, solver, alone):
    """Measure a solver; return its rows of the table."""
    from distributed import Client, LocalCluster

    for n_workers in N_WORKERS:
        settings = {"n_workers": n_workers, "threads_per_worker": 1}
        with (
            LocalCluster(
                **settings, dashboard_address=":0", silence_logs=logging.CRITICAL
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            est, seconds, n_sums = fit(client, counter, solver)
            sent = bytes_per_sum(client, counter, solver)
            difference = np.abs(est.theta_ - alone.theta_).max()
            killed = "-"
            if n_workers > 1:
                after, *_ = fit(client, counter, solver, kill_at=n_sums // 2)
                killed = f"{np.abs(after.theta_ - alone.theta_).max():g}"
        yield [
            solver, str(n_workers), str(n_sums), f"{seconds:.1f}",
            f"{difference:g}", killed,
            f"{sent / 1e3:.1f}", *model_bytes(len(est.theta_), n_workers),
        ]  # fmt: skip


def model_bytes(n_weights, n_workers):
    """Theoretical bounds of the kilobytes sent between workers per sum of gradients."""
    vector = 8 * n_weights / 1e3
    others = n_workers - 1
    most = (others + N_PARTS + N_PARTS // 8) * vector if others else 0.0
    return f"{others * vector:.1f}", f"{most:.1f}"


def speed():
    """Rows and flops per second of processor time, on one thread."""
    from threadpoolctl import threadpool_limits

    X, y = (one.compute() for one in data())
    est = model("lbfgs").set_params(max_iter=1).fit(X[:1000], y[:1000])
    with threadpool_limits(1):
        est.loss_and_gradient(X, y)
        start = process_time()
        est.loss_and_gradient(X, y)
        seconds = process_time() - start
    flops = FLOPS_PER_WEIGHT * N_ROWS * len(est.theta_) / seconds
    return len(est.theta_), N_ROWS / seconds, flops


def main():
    """Print the table."""
    counter = Counter()
    DaskParts.reduce = lambda *arguments: counter(*arguments)
    header(f"distributed: {N_ROWS} rows, {N_FEATURES} columns, {N_PARTS} partitions, "
           f"{N_ITERATIONS} iterations", "numpy", "dask", "distributed")  # fmt: skip
    rows = []
    with catch_warnings():
        simplefilter("ignore")
        for solver in ("lbfgs",):
            alone, *_ = fit(None, counter, solver)
            rows += measure(counter, solver, alone)
        n_weights, rows_per_second, flops = speed()
    table(
        ["solver", "workers", "sums", "seconds", "largest difference",
         "after a kill", "kB between workers per sum", "least", "most"],
        rows,
    )  # fmt: skip
    print(
        f"\n{n_weights} weights: {rows_per_second / 1e6:.2f} million rows/s, "
        f"{flops / 1e9:.1f} GFlop/s for value and gradient, one thread"
    )
