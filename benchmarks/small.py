"""Small things: a short fit, one prediction, the import, the first compiled fit.

Next to scikit-learn's MLP, on the 150 rows of iris, where hardly any of the time is
arithmetic.  Imports and first fits happen in processes of their own, and are timed by
the clock on the wall: the import from outside, the fit from inside.
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
    """The call, so often that it can be timed."""

    def run():
        for _ in range(CALLS):
            call()

    return run


def report_fits():
    """Print what one epoch takes from fit to return."""
    X, y = load_iris(return_X_y=True)
    # MLPClassifier's own batch has 200 rows, or all that there are
    short = {"batch_size": len(X), "max_iter": 1, "tol": 0}
    given = short | {"solver": "sgd", "learning_rate_init": 0.001}
    # what MLPClassifier does, and nothing else
    plain = given | {"hidden_layer_sizes": (100,), "alpha": 1e-4, "bias_init": "zero"}
    plain |= {"normalize": None, "input_clip": None, "shuffle": True}
    models = {
        MLP: MLPClassifier(max_iter=1),
        "EffPropClassifier, auto": EffPropClassifier(**short),
        "EffPropClassifier, sgd": EffPropClassifier(solver="sgd", **short),
        "EffPropClassifier, sgd, rate given": EffPropClassifier(**given),
        "EffPropClassifier, no tricks": EffPropClassifier(**plain),
    }
    calls = {name: repeated(lambda m=m: m.fit(X, y)) for name, m in models.items()}
    _report("one epoch of iris, warm", per_unit(race(calls, REPEATS), CALLS), [MLP])


def report_predictions():
    """Print what the prediction for one row takes."""
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
        # the first turn of the race does not count
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
    """Print a table in which each peer is followed by those compared with it."""
    rows, peer = [], None
    for name, values in times.items():
        peer = name if name in peers else peer
        mark = None if name in peers else 0.5
        cell = judged(ratio(times, name, peer), at_most=mark)
        rows.append([name, *middle_and_best(values, 0), cell])
    table([title, "us", "best", "this / scikit-learn"], rows)


def seconds_of(code):
    """Wall time of a process that runs this."""
    start = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return perf_counter() - start


def in_turns(measure, arguments, repeats):
    """What ``measure`` says of each argument in every turn but a first one."""
    results = {argument: [] for argument in arguments}
    for turn in range(repeats + 1):
        for argument, values in results.items():
            value = measure(argument)
            if turn > 0:
                values.append(value)
    return results


def report_imports():
    """Print what a process takes that does nothing but import."""
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
    """Seconds of the first fit of a new process, on-line."""
    code = FIRST_FIT.format(engine=engine)
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def report_first_fits():
    """Print what the first fit takes when what it compiles is on disk already."""
    if not is_there("numba"):
        print("\nWithout numba there is nothing to compile.")
        return
    times = in_turns(first_fit, ("numpy", "numba"), FIRST_FITS)
    more = float(np.median(times["numba"]) - np.median(times["numpy"]))
    rows = [
        [name, *middle_and_best([1e3 * value for value in values], 0)]
        for name, values in times.items()
    ]
    rows[0].append("0")
    rows[1].append(judged(more, at_most=1.0))
    title = "first fit of a process, iris, ten epochs on-line"
    table([title, "ms", "best", "more than numpy, s"], rows)


def main():
    """Print a table each."""
    header("small", "numpy", "scikit-learn", "numba")
    report_fits()
    report_predictions()
    report_imports()
    report_first_fits()
