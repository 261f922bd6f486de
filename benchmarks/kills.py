"""Test that fits killed at random moments resume to bit-identical results.

Fits of all solvers and schedules write their checkpoint wherever they can.  Each runs
in a process of its own, which is killed at a random moment and begun again with
``resume=True``, until it gets to its end::

    python -m benchmarks kills --kills 200
"""

import argparse
import os
import signal
import tempfile
import time
import warnings
from hashlib import sha256
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sk_effprop import EffPropRegressor

SMALL = {"hidden_layer_sizes": (6,), "random_state": 0, "max_iter": 15, "tol": 0.0}
SETTINGS = (
    *({"solver": solver} for solver in ("sgd", "sdlm", "adam", "lbfgs", "lm", "cg")),
    {"solver": "scg"},
    {"solver": "lm", "alpha": "evidence"},
    {"solver": "lm", "batch_size": 16},
    *(
        {"solver": "sgd", "learning_rate": schedule, "engine": engine}
        for schedule in ("cosine", "flow", "adaptive", "invscaling", "annealing")
        for engine in ("numpy", "numba")
    ),
    {"solver": "sgd", "emphasis": 0.5, "averaging": True, "input_gains": True},
)
WRONG, WARNED = 1, 3
# Each attempt may last longer than the one before, by this factor.
PATIENCE = 1.1


def data():
    """A smooth curve of 400 examples."""
    X = np.random.default_rng(0).normal(size=(400, 4))
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2]


def fit(**settings):
    """Fit, and return a digest of weights, loss curve and count of examples."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = EffPropRegressor(**SMALL | settings).fit(*data())
    left = model.theta_.tobytes() + repr((model.loss_curve_, model.t_)).encode()
    return sha256(left).hexdigest()


def in_child(expected, settings):
    """Fit in a forked process; its exit status says whether the result is right."""
    child = os.fork()
    if child:
        return child
    try:
        os._exit(0 if fit(**settings) == expected else WRONG)
    finally:
        os._exit(WARNED)


def until_the_end(expected, settings, longest, rng):
    """Kill and resume a fit until it ends; return the kills and its exit status."""
    n_kills = 0
    while True:
        child = in_child(expected, settings)
        time.sleep(rng.uniform(0.0, longest))
        # a process that has ended waits for its parent, so that it can still be killed
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        if os.WIFEXITED(status):
            return n_kills, os.WEXITSTATUS(status)
        n_kills += 1
        # a busy machine may be slower than it was
        longest *= PATIENCE


def main(arguments=()):
    """Print the number of kills, and of fits that ended with the right result."""
    parser = argparse.ArgumentParser("python -m benchmarks kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    rng, n_kills, endings = np.random.default_rng(options.seed), 0, []
    while n_kills < options.kills:
        settings = SETTINGS[len(endings) % len(SETTINGS)]
        expected = fit(**settings)
        with tempfile.TemporaryDirectory() as folder:
            kept = {"checkpoint": Path(folder), "checkpoint_interval": 0.0}
            start = time.monotonic()
            fit(**settings, checkpoint=Path(folder, "whole"), checkpoint_interval=0.0)
            longest = time.monotonic() - start
            kept |= settings | {"resume": True}
            kills, status = until_the_end(expected, kept, longest, rng)
        n_kills += kills
        endings.append(status)
    print(
        f"{n_kills} kills of {len(endings)} fits: {endings.count(0)} ended bit for bit "
        f"as unbroken ones, {endings.count(WRONG)} otherwise, {endings.count(WARNED)} "
        "with an error or a warning."
    )
    return int(any(endings))
