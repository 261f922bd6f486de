"""Soak test: random fits for an hour, during which memory must not grow.

Each fit draws the estimator, the size and precision of the data, and some
hyperparameters, and also continues, predicts, and goes through pickle.  Printed are the
number of fits, and anonymous memory, open files and threads of the process over time.
The memory is flat if its median over the last quarter of the fits is at most
ALLOWED_GROWTH above that over the third; before, compiled loops are loaded one by one.

``SOAK_SECONDS`` in the environment is the duration, 3,600 by default.
"""

import gc
import os
import pickle
import sys
import threading
import warnings
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import numpy as np

from benchmarks._race import header, table
from benchmarks.out_of_core import anonymous_megabytes
from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.estimators._parameters import CLASSIFIER, REGRESSOR
from sk_effprop.out_of_core import ArrayBatches, fit_batches

SECONDS = float(os.environ.get("SOAK_SECONDS", "3600"))
# Megabytes that the medians of two quarters may differ by.
ALLOWED_GROWTH = 10.0
# Parameters that are drawn for a fit, and the size of the tables.
N_CHANGED, MOST_ROWS, MOST_COLUMNS = 4, 2000, 30
# Samples are taken after so many fits, and shown in so many lines.
EVERY, N_LINES = 5, 12
REGISTRIES = {EffPropClassifier: CLASSIFIER, EffPropRegressor: REGRESSOR}


class Sample(NamedTuple):
    """Resource usage of the process at one moment."""

    seconds: float
    n_fits: int
    megabytes: float
    n_files: int
    n_threads: int


class Soak:
    """Random fits, with samples of the resource usage of the process.

    Attributes
    ----------
    results : Counter
        How many fits ended well, and how many were refused.
    samples : list of Sample
    """

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)
        self.results, self.samples = Counter(), []

    def run(self, seconds, most_fits=np.inf):
        """Fit repeatedly until the time is over; return this object."""
        start, n_fits = monotonic(), 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            while monotonic() - start < seconds and n_fits < most_fits:
                self._fit()
                n_fits += 1
                if n_fits % EVERY == 0:
                    gc.collect()
                    self.samples.append(taken(monotonic() - start, n_fits))
        return self

    def _fit(self):
        cls = list(REGISTRIES)[self.rng.integers(2)]
        est = cls(**self._settings(cls))
        X, y, weight = self._data(cls)
        try:
            self._use(est, X, y, weight)
        except ValueError:
            # combinations that the estimators refuse with a sentence
            self.results["refused"] += 1
        else:
            self.results["fitted"] += 1

    def _settings(self, cls):
        registry = REGISTRIES[cls]
        names = [name for name, entry in registry.items() if entry.alternatives]
        chosen = self.rng.choice(names, N_CHANGED, replace=False)
        drawn = {
            name: registry[name].alternatives[
                self.rng.integers(len(registry[name].alternatives))
            ]
            for name in chosen
        }
        few = {"max_iter": int(self.rng.integers(1, 20)), "max_time": 1.0}
        size = int(self.rng.integers(1, 30))
        return {"hidden_layer_sizes": (size,), **drawn, **few, "verbose": 0}

    def _data(self, cls):
        n, d = (int(self.rng.integers(5, most)) for most in (MOST_ROWS, MOST_COLUMNS))
        dtype = [np.float32, np.float64][self.rng.integers(2)]
        X = self.rng.normal(size=(n, d)).astype(dtype)
        y = np.abs(np.sin(X[:, 0]) + X[:, -1]) + 0.1
        if cls is EffPropClassifier:
            y = np.digitize(y, [0.5, 1.0][: self.rng.integers(1, 3)])
        weight = self.rng.uniform(size=n) if self.rng.random() < 0.3 else None
        return X, y, weight

    def _use(self, est, X, y, weight):
        """Fit in one of several ways at random, and predict."""
        way = self.rng.integers(4)
        if way == 0:
            given = () if weight is None else (weight,)
            fit_batches(est, ArrayBatches(X, y, *given, batch_rows=300, block_rows=10))
        else:
            est.fit(X, y, weight)
        if way == 1 and hasattr(est, "partial_fit"):
            est.partial_fit(X[:50], y[:50])
        if way == 2:
            est = pickle.loads(pickle.dumps(est))
        if not np.isfinite(np.asarray(est.predict(X), dtype=float)).all():
            raise AssertionError("a prediction is not finite")


def taken(seconds, n_fits):
    """Measure the resource usage of this process."""
    files = len(list(Path("/proc/self/fd").iterdir()))
    return Sample(
        seconds, n_fits, anonymous_megabytes(), files, threading.active_count()
    )


def growth(samples):
    """Growth of the median memory from the third to the last quarter, in megabytes."""
    quarter = len(samples) // 4
    memory = [sample.megabytes for sample in samples]
    third, last = memory[-2 * quarter : -quarter], memory[-quarter:]
    return float(np.median(last) - np.median(third))


def main():
    """Print samples and the verdict; exit with 1 if the memory grows."""
    header(f"soak: random fits for {SECONDS:.0f} s", "numpy", "scikit-learn")
    soak = Soak().run(SECONDS)
    samples = soak.samples
    shown = np.unique(np.linspace(0, len(samples) - 1, N_LINES).astype(int))
    table(
        ["seconds", "fits", "anonymous MB", "open files", "threads"],
        [
            [f"{s.seconds:.0f}", str(s.n_fits), f"{s.megabytes:.1f}",
             str(s.n_files), str(s.n_threads)]
            for s in (samples[i] for i in shown)
        ],
    )  # fmt: skip
    grown = growth(samples)
    print(f"\n{dict(soak.results)}")
    print(f"growth from the third to the last quarter: {grown:+.1f} MB")
    if grown > ALLOWED_GROWTH:
        sys.exit(1)
