"""Time of a short fit, one prediction, the import and the first compiled fit.

The data are the 150 rows of iris, for which arithmetic takes a small part of the time.
The times are compared with those of scikit-learn's MLP.  Imports and first fits run in
separate processes and are measured by wall time: the import from outside of the
process, the fit from inside.
"""

import subprocess
import sys
from time import perf_counter

import numpy as np
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks._race import (
    header,
    is_there,
    judged,
    middle_and_best,
    per_unit,
    race,
    ratio,
    table,
)
from sk_effprop import EffPropClassifier, EffPropRegressor

REPEATS, CALLS, PROCESSES, FIRST_FITS = 15, 20, 11, 5
MLP = "MLPClassifier"
FIRST_FIT = """
from time import perf_counter
from warnings import simplefilter
from sklearn.datasets import load_iris
from sk_effprop import EffPropClassifier

simplefilter("ignore")
X, y = load_iris(return_X_y=True)
model = EffPropClassifier(
    solver="sgd", batch_size=1, max_iter=10, tol=0, random_state=0, engine="{engine}"
)
start = perf_counter()
model.fit(X, y)
print(perf_counter() - start)
"""


def repeated(call):
    """Repeat a call, because a single one is too short to be timed."""

    def run():
        for _ in range(CALLS):
            call()

    return run


def report_fits():
    """Print the time of a fit with one epoch."""
    X, y = load_iris(return_X_y=True)
    # a batch of MLPClassifier has 200 rows, or all rows if there are fewer
    short = {"batch_size": len(X), "max_iter": 1, "tol": 0}
    given = short | {"solver": "sgd", "learning_rate_init": 0.001}
    # the same settings as MLPClassifier
    plain = given | {"hidden_layer_sizes": (100,), "alpha": 1e-4, "bias_init": "zero"}
    plain |= {"normalize": None, "input_clip": None, "shuffle": True}
    models = {
        MLP: MLPClassifier(max_iter=1),
        "EffPropClassifier, auto": EffPropClassifier(**short),
        "EffPropClassifier, sgd": EffPropClassifier(solver="sgd", **short),
        "EffPropClassifier, sgd, given rate": EffPropClassifier(**given),
        "EffPropClassifier, settings of MLPClassifier": EffPropClassifier(**plain),
    }
    calls = {name: repeated(lambda m=m: m.fit(X, y)) for name, m in models.items()}
    _report("fit of one epoch on iris", per_unit(race(calls, REPEATS), CALLS), [MLP])


def report_predictions():
    """Print the time of a prediction for one row."""
    X, y = load_iris(return_X_y=True)
    models = {
        MLP: MLPClassifier(max_iter=5),
        "EffPropClassifier": EffPropClassifier(max_iter=5, solver="sgd", tol=0),
        "MLPRegressor": MLPRegressor(max_iter=5),
        "EffPropRegressor": EffPropRegressor(max_iter=5, solver="sgd", tol=0),
    }
    row = X[:1]
    calls = {}
    for name, model in models.items():
        # the first turn is not timed
        calls[name] = _fit_first(model, X, y, repeated(lambda m=model: m.predict(row)))
    times = per_unit(race(calls, REPEATS), CALLS)
    _report("predict one row", times, [MLP, "MLPRegressor"])


def _fit_first(model, X, y, call):
    def run():
        if not hasattr(model, "n_features_in_"):
            model.fit(X, y)
        call()

    return run


def _report(title, times, peers):
    """Print a table; each row is compared with the last peer above it."""
    rows, peer = [], None
    for name, values in times.items():
        peer = name if name in peers else peer
        mark = None if name in peers else 0.5
        cell = judged(ratio(times, name, peer), at_most=mark)
        rows.append([name, *middle_and_best(values, 0), cell])
    table([title, "us", "best", "this / scikit-learn"], rows)


def seconds_of(code):
    """Wall time of a process that runs the code."""
    start = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return perf_counter() - start


def in_turns(measure, arguments, repeats):
    """Measure each argument in turns; the first turn is not counted."""
    results = {argument: [] for argument in arguments}
    for turn in range(repeats + 1):
        for argument, values in results.items():
            value = measure(argument)
            if turn > 0:
                values.append(value)
    return results


def report_imports():
    """Print the time of a process that only imports a package."""
    codes = ("pass", "import sklearn.neural_network", "import sk_effprop")
    times = in_turns(seconds_of, codes, PROCESSES)
    rows = []
    for code, values in times.items():
        mark = 1.1 if code == codes[-1] else None
        cell = judged(ratio(times, code, codes[1]), at_most=mark)
        milliseconds = [1e3 * value for value in values]
        rows.append([f"`{code}`", *middle_and_best(milliseconds, 0), cell])
    table(["a process", "ms", "best", "this / scikit-learn"], rows)


def first_fit(engine):
    """Seconds of the first on-line fit in a new process."""
    code = FIRST_FIT.format(engine=engine)
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def report_first_fits():
    """Print the time of the first fit, with compiled code in the cache on disk."""
    if not is_there("numba"):
        print("\nnumba is not installed, so nothing is compiled.")
        return
    times = in_turns(first_fit, ("numpy", "numba"), FIRST_FITS)
    more = float(np.median(times["numba"]) - np.median(times["numpy"]))
    rows = [
        [name, *middle_and_best([1e3 * value for value in values], 0)]
        for name, values in times.items()
    ]
    rows[0].append("0")
    rows[1].append(judged(more, at_most=1.0))
    title = "first fit of a process: iris, ten epochs, on-line"
    table([title, "ms", "best", "seconds more than numpy"], rows)


def main():
    """Print all tables."""
    header("small", "numpy", "scikit-learn", "numba")
    report_fits()
    report_predictions()
    report_imports()
    report_first_fits()
