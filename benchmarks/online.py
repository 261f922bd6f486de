"""Time of one update of on-line learning (batch size 1).

All contestants train networks of the same sizes on random numbers, by gradient descent
at a constant rate.  "Whole fits" are calls of ``fit``, and for PyTorch a loop over
shuffled rows.  They include everything else that a fit does.  "Loops alone" compares
the compiled loops with the C code of ``loop.c``, after a check that both lead to the
same weights.  scikit-learn minimises the log loss, because its classifier has no other.
PyTorch and this package minimise the squared error; this package also has a sigmoid at
the outputs.
"""

import ctypes
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks._peers import mlp, torch_fit
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
from sk_effprop import EffPropClassifier
from sk_effprop.core.activations import ACTIVATIONS
from sk_effprop.core.inputs import with_ones
from sk_effprop.core.losses import SquaredError
from sk_effprop.core.network import Network
from sk_effprop.core.objective import Objective
from sk_effprop.core.rates import Rates
from sk_effprop.core.steps import Momentum, Update

RATE, REPEATS = 0.001, 5
SMALL, LARGE = (64, 32, 10), (784, 100, 10)
COMPILED = is_there("numba")
NUMBA, RATIONAL = "numba, lecun_tanh", "numba, rational_tanh"
# largest difference; tanh of the C library and the polynomial differ in the last bits
SAME = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-3}
BARE_SHOWN = {SMALL: 20_000, LARGE: 2_000}


# ------------------------------------------------------------------------- whole fits


@dataclass(frozen=True)
class Task:
    """Random rows and classes, and the number of epochs."""

    sizes: tuple[int, ...]
    dtype: Any
    n_samples: int
    n_epochs: int
    # number of rows for the slow contestants, whose fits need no preparation
    n_peers: int

    def data(self, n_samples):
        """Return the first rows."""
        rng = np.random.default_rng(0)
        X = rng.standard_normal((self.n_samples, self.sizes[0])).astype(self.dtype)
        y = rng.integers(0, self.sizes[-1], self.n_samples)
        return X[:n_samples], y[:n_samples]


def ours(task, engine, activation="lecun_tanh", **changes):
    """EffPropClassifier with plain gradient descent, except for the changes."""
    plain = {
        "solver": "sgd",
        "batch_size": 1,
        "alpha": 0.0,
        "loss": "squared_error",
        "normalize": "standardize",
        "input_clip": None,
        "momentum": 0.0,
        "learning_rate": "constant",
        "learning_rate_init": RATE,
        "max_iter": task.n_epochs,
        "tol": 0,
        "random_state": 0,
    }
    n_hidden = task.sizes[1:-1]
    plain |= {"engine": engine, "activation": activation}
    return EffPropClassifier(n_hidden, **(plain | changes))


def fits(task, engines):
    """Functions that fit, and the number of examples that each presents."""
    X, y = task.data(task.n_samples)
    X_few, y_few = task.data(task.n_peers)
    targets = 2 * np.eye(task.sizes[-1], dtype=task.dtype)[y_few] - 1
    peer = mlp(task.sizes, 1, 1, RATE)
    calls = {"scikit-learn": lambda: peer.fit(X_few, y_few)}
    if is_there("torch"):
        calls["PyTorch"] = lambda: torch_fit(X_few, targets, task.sizes, 1, 1, RATE)
    shown = dict.fromkeys(calls, task.n_peers)
    for name, (engine, activation) in engines.items():
        model = ours(task, engine, activation)
        calls[name] = lambda model=model: model.fit(X, y)
        shown[name] = task.n_samples * task.n_epochs
    return calls, shown


def report_fits(task, marks):
    """Print the table of whole fits; keys of ``marks`` are (contestant, peer)."""
    engines = {"numpy": ("numpy", "lecun_tanh")}
    if COMPILED:
        engines |= {NUMBA: ("numba", "lecun_tanh")}
        engines |= {RATIONAL: ("numba", "rational_tanh")}
    calls, shown = fits(task, engines)
    times = per_unit(race(calls, REPEATS), shown)
    peers = [name for name in ("scikit-learn", "PyTorch") if name in times]
    rows = [
        [name, *middle_and_best(values)]
        + [
            judged(ratio(times, peer, name), at_least=marks.get((name, peer)))
            for peer in peers
        ]
        for name, values in times.items()
    ]
    title = f"whole fits, {_shape(task.sizes, task.dtype)}"
    columns = [title, "us per update", "best", *(f"{p} / this" for p in peers)]
    table(columns, rows)


def _shape(sizes, dtype):
    return f"{'-'.join(map(str, sizes))}, {np.dtype(dtype)}"


# ------------------------------------------------------------------------- loops alone


def problem(sizes, dtype, activation):
    """Return an objective, weights and an order of presentation."""
    rng = np.random.default_rng(0)
    n_samples = 1000
    X = with_ones(rng.standard_normal((n_samples, sizes[0])).astype(dtype))
    targets = 2 * np.eye(sizes[-1], dtype=dtype)[rng.integers(0, 10, n_samples)] - 1
    network = Network(sizes, (ACTIVATIONS[activation],) * 2)
    nothing = np.zeros(network.n_weights)
    objective = Objective(network, SquaredError(), X, targets, None, nothing)
    theta = rng.uniform(-0.1, 0.1, network.n_weights).astype(dtype)
    order = rng.permutation(np.resize(np.arange(n_samples), BARE_SHOWN[sizes]))
    return objective, theta, order


def compiled_sweep(objective, theta, order):
    """Update theta in place after each example, with the compiled loops."""
    from sk_effprop.core.compiled.engine import NumbaEngine

    update = Update(Momentum(), Rates(RATE, np.ones(len(theta))), [])
    replace(objective, engine_type=NumbaEngine).descend(theta, order, 1, update)


def build_loop(directory, dtype):
    """Compile ``loop.c``; return a function like :func:`compiled_sweep`."""
    real = {"float64": "double", "float32": "float"}[str(np.dtype(dtype))]
    library = Path(directory, f"{real}.so")
    source = Path(__file__).with_name("loop.c")
    flags = ["-O3", "-march=native", "-shared", "-fPIC", f"-DREAL={real}"]
    subprocess.run(["gcc", *flags, "-o", library, source, "-lm"], check=True)
    number = {"double": ctypes.c_double, "float": ctypes.c_float}[real]
    descend, size, array = ctypes.CDLL(library).descend, ctypes.c_int64, ctypes.c_void_p
    descend.restype = number
    descend.argtypes = [
        array, array, size, array, array, size, size, size, size, ctypes.c_int,
        number, array,
    ]  # fmt: skip

    def c_sweep(objective, theta, order):
        n_in, n_hidden, n_out = objective.network.sizes
        order = np.ascontiguousarray(order, dtype=np.int64)
        scratch = np.empty(3 * n_hidden + 2 * n_out, dtype=theta.dtype)
        inputs, targets = objective.inputs, objective.targets
        descend(
            theta.ctypes.data, inputs.ctypes.data, inputs.shape[1],
            targets.ctypes.data, order.ctypes.data, len(order), n_in, n_hidden, n_out,
            not objective.network.activations[-1].is_identity, RATE,
            scratch.ctypes.data,
        )  # fmt: skip

    return c_sweep


def check_same(c_sweep, objective, theta, order):
    """Check that both loops lead to the same weights."""
    ends = []
    for sweep in (c_sweep, compiled_sweep):
        end = theta.copy()
        sweep(objective, end, order[:1000])
        ends.append(end)
    difference = np.max(np.abs(ends[0] - ends[1]))
    assert difference <= SAME[theta.dtype], f"weights differ by {difference:.1e}"
    assert np.max(np.abs(ends[0] - theta)) > 1e-3, "nothing was learnt"


def report_bare(sizes, dtype, directory, marks):
    """Print the table of loops alone; keys of ``marks`` are (contestant, column)."""
    calls = {}
    objective, theta, order = problem(sizes, dtype, "lecun_tanh")
    c_sweep = build_loop(directory, dtype)
    check_same(c_sweep, objective, theta, order)
    calls["C"] = lambda: c_sweep(objective, theta.copy(), order)
    for name, activation in ((NUMBA, "lecun_tanh"), (RATIONAL, "rational_tanh")):
        mine = problem(sizes, dtype, activation)[0]
        calls[name] = lambda mine=mine: compiled_sweep(mine, theta.copy(), order)
    times = per_unit(race(calls, 3 * REPEATS), len(order))
    rows = [
        [
            name,
            *middle_and_best(values),
            judged(ratio(times, name, "C"), at_most=marks.get((name, "this / C"))),
            judged(ratio(times, "C", name), at_least=marks.get((name, "C / this"))),
        ]
        for name, values in times.items()
    ]
    title = f"loops alone, {_shape(sizes, dtype)}"
    table([title, "us per update", "best", "this / C", "C / this"], rows)


# ------------------------------------------------------------- extensions of the update


def report_more(task):
    """Print the time of updates that do more than plain gradient descent."""
    # sdlm divides rates by a curvature of about 0.01
    one_each = {"solver": "sdlm", "curvature_period": np.inf}
    one_each |= {"learning_rate_init": 0.01 * RATE, "curvature_decay": 0.0}
    changes = {
        "plain": {},
        "momentum": {"momentum": 0.9, "learning_rate_init": 0.1 * RATE},
        "a rate per weight (sdlm)": one_each,
        "running curvature": one_each | {"curvature_decay": 0.01},
        "log loss": {"loss": "log_loss"},
        "gradient flow": {"learning_rate": "flow"},
    }
    X, y = task.data(task.n_samples)
    models = {name: ours(task, "numba", **more) for name, more in changes.items()}
    calls = {name: lambda m=m: m.fit(X, y) for name, m in models.items()}
    times = per_unit(race(calls, REPEATS), task.n_samples * task.n_epochs)
    rows = [
        [
            name,
            models[name].engine_,
            *middle_and_best(values),
            judged(ratio(times, name, "plain"), at_most=_more_mark(name)),
        ]
        for name, values in times.items()
    ]
    title = f"extensions of the update, {_shape(task.sizes, task.dtype)}"
    table([title, "engine", "us per update", "best", "this / plain"], rows)


def _more_mark(name):
    return None if name in ("plain", "gradient flow") else 2.0


def main():
    """Print all tables."""
    packages = ("numpy", "scikit-learn", "torch", "numba")
    header("online: one update an example", *packages)
    small = Task(SMALL, np.float64, 5000, 20, 2000)
    large = Task(LARGE, np.float32, 2000, 20, 1000)
    report_fits(
        small,
        {
            ("numpy", "scikit-learn"): 8.0,
            (NUMBA, "scikit-learn"): 80.0,
            (NUMBA, "PyTorch"): 200.0,
        },
    )
    report_fits(large, {(NUMBA, "scikit-learn"): 20.0})
    if not COMPILED:
        print("\nnumba is not installed, so there are no compiled loops to compare.")
        return
    if which("gcc") is None:
        print("\ngcc is not installed, so there is no loop in C to compare with.")
    else:
        with TemporaryDirectory() as directory:
            marks = {(NUMBA, "this / C"): 1.1, (RATIONAL, "C / this"): 1.3}
            report_bare(SMALL, np.float64, directory, marks)
            report_bare(LARGE, np.float32, directory, {(NUMBA, "this / C"): 1.2})
    report_more(Task(SMALL, np.float64, 5000, 12, 0))
