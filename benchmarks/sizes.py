"""Microseconds per example as a function of samples, features, units and depth.

One of the four sizes changes at a time.  The others stay at 2,000 samples, 64 features,
32 units and one hidden layer.  All contestants train one epoch of on-line learning on
random data with ten classes.  The preparation of a fit is included, so the time per
example is larger for few samples.  The plot has logarithmic axes, where a slope of one
means proportional growth.
"""

import sys
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks._peers import mlp, torch_fit
from benchmarks._race import header, is_there, per_unit, race, table
from sk_effprop import EffPropClassifier

N_CLASSES, RATE, REPEATS = 10, 0.001, 3
USUAL = {"samples": 2000, "features": 64, "units": 32, "hidden layers": 1}
SWEPT = {
    "samples": (250, 1000, 4000, 16000),
    "features": (16, 64, 256, 1024),
    "units": (8, 32, 128, 512),
    "hidden layers": (1, 2, 4, 8),
}
# number of examples for the slow contestants, whose time per update is constant
N_PEERS = 1000
PICTURE = Path("docs/benchmarks/sizes.png")


def contestants(size):
    """Functions that fit, and the number of examples that each presents."""
    rng = np.random.default_rng(0)
    n, n_in = size["samples"], size["features"]
    X, y = rng.standard_normal((n, n_in)), rng.integers(0, N_CLASSES, n)
    y[:N_CLASSES] = np.arange(N_CLASSES)
    sizes = (n_in, *[size["units"]] * size["hidden layers"], N_CLASSES)
    few = slice(min(n, N_PEERS))
    peer = mlp(sizes, 1, 1, RATE)
    calls = {"scikit-learn": lambda: peer.fit(X[few], y[few])}
    if is_there("torch"):
        calls["PyTorch"] = lambda: torch_fit(X[few], y[few], sizes, 1, 1, RATE)
    shown = dict.fromkeys(calls, min(n, N_PEERS))
    for engine in ("numpy", "numba") if is_there("numba") else ("numpy",):
        model = EffPropClassifier(
            sizes[1:-1], solver="sgd", loss="log_loss", batch_size=1, alpha=0.0,
            momentum=0.0, input_clip=None, normalize="standardize",
            learning_rate="constant", learning_rate_init=RATE, max_iter=1, tol=0,
            engine=engine, random_state=0,
        )  # fmt: skip
        name = f"sk_effprop, {engine}"
        calls[name] = lambda model=model: model.fit(X, y)
        shown[name] = n
    return calls, shown


def measure():
    """Return medians by (size, value), then by contestant."""
    results = {}
    for swept, values in SWEPT.items():
        for value in values:
            calls, shown = contestants(USUAL | {swept: value})
            times = per_unit(race(calls, REPEATS), shown)
            results[swept, value] = {k: median(v) for k, v in times.items()}
    return results


def draw(results, path):
    """Plot a panel for each of the four sizes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        1, 4, figsize=(13, 3.9), sharey=True, layout="constrained"
    )
    for ax, swept in zip(axes, SWEPT, strict=True):
        values = SWEPT[swept]
        for name in results[swept, values[0]]:
            costs = [results[swept, value][name] for value in values]
            ax.loglog(values, costs, "o-", label=name)
        ax.set_xlabel(swept)
        ax.set_xticks(values, [str(value) for value in values])
        ax.minorticks_off()
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("µs per example")
    lines, names = axes[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside upper center", ncols=len(names))
    figure.savefig(path, dpi=110)


def main():
    """Print the table and, if matplotlib is installed, draw the plot."""
    header(
        "sizes: one epoch of on-line learning",
        "numpy",
        "scikit-learn",
        "torch",
        "numba",
    )
    results = measure()
    names = list(next(iter(results.values())))
    rows = [
        [f"{value} {swept}", *(f"{costs[name]:.1f}" for name in names)]
        for (swept, value), costs in results.items()
    ]
    table(["us per example", *names], rows)
    if is_there("matplotlib") and PICTURE.parent.is_dir():
        draw(results, PICTURE)
        print(f"\n{PICTURE}", file=sys.stderr)
