"""Delay between Ctrl-C or ``max_time`` and the end of training, on large data.

In the first table Ctrl-C comes at a random moment of a long epoch, in the second one
the time is over at a moment of an iteration of a batch solver.  The delay is that of
the solver, in seconds of a core, so that other processes do not matter.  It does not
include the evaluation of the weights that are kept, which is the second number.

The third table is about the whole of a fit, with the preparation of large data.  Ctrl-C
comes between two operations of Python, so the longest of them is the longest delay.
``max_time`` cannot end the preparation, without which there is no model: the table has
how long it takes, how long training goes on after it, although the time is over, and
how long the evaluation takes that follows::

    python -m benchmarks interrupts
    python -m benchmarks interrupts --groups batch
    python -m benchmarks interrupts --groups preparation
"""

import argparse
import signal
import time
import warnings
from itertools import pairwise, product
from unittest import mock

import numpy as np
from scipy import sparse

from sk_effprop import EffPropRegressor
from sk_effprop.estimators import _base as base_module
from sk_effprop.training import monitor as monitor_module
from sk_effprop.training.monitor import Monitor

NETWORKS = ((), (10,), (5,) * 20, (300, 300))
BATCHES = (1, 8, 1000)
VARIANTS = (
    {"solver": "sgd"},
    {"solver": "sgd", "learning_rate": "flow", "input_gains": True},
    {"solver": "sdlm", "curvature_decay": 0.01},
    {"solver": "adam"},
)
# Large networks take as long for a tenth of the rows.
MOST_ROWS, N_PRODUCTS, LIMIT = 10**6, 10**9, 0.2
# Rows, columns and hidden units; the limits of time are shares of an iteration.
LARGE = ((10**6, 10, 20), (10**5, 50, 100), (20_000, 50, 60), (2000, 50, 60))
BATCH_VARIANTS = (
    *({"solver": solver} for solver in ("lbfgs", "cg", "scg", "lm")),
    {"solver": "lm", "alpha": "evidence"},
)
MOMENTS = (0.15, 0.4, 1.0, 2.5)
# Data whose preparation takes long, and settings that add to it.
PREPARED = {
    "10^6 x 50": lambda rng: rng.standard_normal((10**6, 50)),
    "10^5 x 500": lambda rng: rng.standard_normal((10**5, 500)),
    "10^4 x 50,000, sparse": lambda rng: sparse.csr_array(
        (
            rng.standard_normal(500_000),
            rng.integers(50_000, size=500_000),
            np.arange(0, 500_001, 50),
        ),
        shape=(10**4, 50_000),
    ),
}
PREPARED_VARIANTS = ({}, {"early_stopping": True}, {"n_estimators": 3},
                     {"solver": "lbfgs"})  # fmt: skip
SECONDS_PER_TICK = 0.01


def delay(rng, engine, hidden, batch_size, variant):
    """Seconds from a signal to the end of training."""
    n_weights = sum(a * b for a, b in pairwise((3, *hidden, 1)))
    n_rows = min(MOST_ROWS, N_PRODUCTS // n_weights)
    X = np.zeros((n_rows, 3), dtype=np.float32)
    X[:1000] = rng.normal(size=(1000, 3))
    model = EffPropRegressor(
        hidden, engine=engine, batch_size=batch_size, normalize=None, alpha=0.0,
        random_state=0, max_iter=1000, max_time=60.0, **variant,
    )  # fmt: skip
    model.fit(X[:1000], X[:1000, 0])
    begin, end, pressed, ended = Monitor.begin, Monitor.end, [], []

    def begun(self, rates):
        begin(self, rates)
        signal.setitimer(signal.ITIMER_PROF, rng.uniform(0.05, 0.3))
        pressed.append(time.process_time() + signal.getitimer(signal.ITIMER_PROF)[0])

    def ending(self, message):
        ended.append(time.process_time())
        end(self, message)

    with mock.patch.multiple(Monitor, begin=begun, end=ending):
        model.fit(X, X[:, 0])
    return ended[0] - pressed[0]


def press(*args):
    """Raise KeyboardInterrupt, as Ctrl-C does."""
    raise KeyboardInterrupt


def long_epochs(rng):
    """Print the longest delay of each engine and network; return the longest of all."""
    longest = 0.0
    for engine, hidden in product(("numpy", "numba"), NETWORKS):
        delays = [
            delay(rng, engine, hidden, *rest) for rest in product(BATCHES, VARIANTS)
        ]
        longest = max(longest, *delays)
        print(f"{engine} {hidden}: {max(delays):.3f} s", flush=True)
    return longest


def delay_of_iteration(X, y, hidden, seconds, variant):
    """Seconds from the end of ``max_time``, and of training, to the return of ``fit``.

    The time counts from the first look at the objective, after the preparation.
    """
    model = EffPropRegressor((hidden,), random_state=0, max_time=1.0, **variant)
    init, end, over, ended = Monitor.__init__, Monitor.end, [], []

    def begun(self, *args, **kwargs):
        init(self, *args, **kwargs | {"start_time": time.process_time(),
                                      "max_time": seconds})  # fmt: skip
        over.append(time.process_time() + seconds)

    def ending(self, message):
        ended.append(time.process_time())
        end(self, message)

    clock = {"monotonic": time.process_time}
    with (
        mock.patch.multiple(Monitor, __init__=begun, end=ending),
        mock.patch.multiple(monitor_module, **clock),
        mock.patch.multiple(base_module, **clock),
    ):
        model.fit(X, y)
    return ended[0] - over[0], time.process_time() - ended[0]


def batch_iterations(rng):
    """Print the longest delays of batch solvers; return the longest of all."""
    longest = 0.0
    for (n_rows, n_columns, hidden), variant in product(LARGE, BATCH_VARIANTS):
        X = rng.standard_normal((n_rows, n_columns), dtype=np.float32)
        y = np.sin(X[:, 0]) + X[:, 1]
        both = [
            delay_of_iteration(X, y, hidden, seconds, variant) for seconds in MOMENTS
        ]
        late, after = np.max(both, axis=0)
        longest = max(longest, late)
        n_weights = (n_columns + 2) * hidden + 1
        print(
            f"{variant}, {n_rows} rows, {n_weights} weights: {late:.3f} s, "
            f"then {after:.3f} s",
            flush=True,
        )
    return longest


def phases(X, y, variant):
    """Measure the longest operation of a fit, and the seconds of its three phases."""
    init, end, begun, ended, ticks = Monitor.__init__, Monitor.end, [], [], []

    def beginning(self, *args, **kwargs):
        begun.append(time.process_time())
        init(self, *args, **kwargs)

    def ending(self, message):
        ended.append(time.process_time())
        end(self, message)

    def tick(*_):
        ticks.append(time.process_time())

    model = EffPropRegressor(random_state=0, max_time=0.01, **variant)
    with mock.patch.multiple(Monitor, __init__=beginning, end=ending):
        before = signal.signal(signal.SIGPROF, tick)
        ticks.append(time.process_time())
        signal.setitimer(signal.ITIMER_PROF, SECONDS_PER_TICK, SECONDS_PER_TICK)
        model.fit(X, y)
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)
    over = time.process_time()
    trained = ended[-1] - begun[0]
    return max(np.diff(ticks)), begun[0] - ticks[0], trained, over - ended[-1]


def preparations(rng):
    """Print the phases of fits on large data; return the longest operation of all."""
    longest = 0.0
    for (name, make), variant in product(PREPARED.items(), PREPARED_VARIANTS):
        X = make(rng)
        y = np.sin(np.asarray(X[:, :3].sum(axis=1)).ravel())
        EffPropRegressor(random_state=0, max_iter=1, **variant).fit(X[:2000], y[:2000])
        gap, prepared, trained, after = phases(X, y, variant)
        longest = max(longest, gap)
        print(
            f"{name} {variant}: longest operation {gap:.3f} s; preparation "
            f"{prepared:.2f} s, then training {trained:.2f} s, then {after:.2f} s",
            flush=True,
        )
    return longest


GROUPS = {
    "epochs": long_epochs, "batch": batch_iterations, "preparation": preparations,
}  # fmt: skip


def main(arguments=()):
    """Print the longest delays of the solvers, and in the preparation."""
    parser = argparse.ArgumentParser("python -m benchmarks interrupts")
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS))
    groups = parser.parse_args(arguments).groups
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGPROF, press)
    longest = max(GROUPS[name](np.random.default_rng(0)) for name in groups)
    print(f"The longest delay is {longest:.3f} s, the limit {LIMIT} s.")
    return int(longest > LIMIT)
