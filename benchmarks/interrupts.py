"""How long training goes on after Ctrl-C, in the middle of epochs that take minutes.

A signal comes at a random moment of a long epoch; the delay is that of the solver, in
seconds of a core, so that other processes do not matter.  It does not include the
evaluation of the weights that are kept::

    python -m benchmarks interrupts
"""

import argparse
import signal
import time
import warnings
from itertools import pairwise, product

import numpy as np

from sk_effprop import EffPropRegressor
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

    Monitor.begin, Monitor.end = begun, ending
    try:
        model.fit(X, X[:, 0])
    finally:
        Monitor.begin, Monitor.end = begin, end
    return ended[0] - pressed[0]


def press(*args):
    """What Ctrl-C does."""
    raise KeyboardInterrupt


def main(arguments=()):
    """Print the longest delay of each engine and network."""
    parser = argparse.ArgumentParser("python -m benchmarks interrupts")
    parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGPROF, press)
    rng, longest = np.random.default_rng(0), 0.0
    for engine, hidden in product(("numpy", "numba"), NETWORKS):
        delays = [
            delay(rng, engine, hidden, *rest) for rest in product(BATCHES, VARIANTS)
        ]
        longest = max(longest, *delays)
        print(f"{engine} {hidden}: {max(delays):.3f} s", flush=True)
    print(f"The longest delay is {longest:.3f} s, the limit {LIMIT} s.")
    return int(longest > LIMIT)
