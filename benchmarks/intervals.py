"""Coverage of prediction intervals on regression tables.

``python -m benchmarks intervals`` trains eight networks on two thirds of each table and
counts how many values of the last third are within ``predict(X, interval=0.9)``.
"""

import argparse
from pathlib import Path
from warnings import catch_warnings, simplefilter

import numpy as np
from sklearn.model_selection import RepeatedKFold
from threadpoolctl import threadpool_limits

from benchmarks._race import header
from benchmarks._scores import markdown
from benchmarks._tasks import tasks
from sk_effprop import EffPropRegressor

LEVEL, N_FOLDS, N_REPEATS, N_ESTIMATORS = 0.9, 3, 2, 8
# The coverage that is aimed at.
LOWEST, HIGHEST = 0.88, 0.92
COLUMNS = ("table", "rows", "coverage", "standard error", "width", "width without X")


def coverage(task):
    """Mask of values within their intervals, and widths relative to y's deviation.

    The second width is that of the same interval around the mean of all targets.
    """
    covered, widths, plain = [], [], []
    folds = RepeatedKFold(n_splits=N_FOLDS, n_repeats=N_REPEATS, random_state=0)
    for seed, (train, test) in enumerate(folds.split(task.X)):
        y, y_new = task.y[train], task.y[test]
        model = EffPropRegressor(n_estimators=N_ESTIMATORS, random_state=seed)
        _, bounds = model.fit(task.X[train], y).predict(task.X[test], interval=LEVEL)
        covered.extend((bounds[:, 0] <= y_new) & (y_new <= bounds[:, 1]))
        widths.append(np.mean(bounds[:, 1] - bounds[:, 0]) / np.std(y))
        plain.append(2.0 * np.quantile(np.abs(y - np.mean(y)), LEVEL) / np.std(y))
    return np.array(covered), np.mean(widths), np.mean(plain)


def measure():
    """Measure the coverage on every data set; return coverages and table rows."""
    shares, rows = [], []
    for task in tasks(kind="regression"):
        covered, width, plain = coverage(task)
        share, n = np.mean(covered), len(task.y)
        shares.append(share)
        error = np.sqrt(LEVEL * (1.0 - LEVEL) / n)
        numbers = (share, error, width, plain)
        rows.append([task.name, f"{n}", *(f"{number:.3f}" for number in numbers)])
        print(*rows[-1], flush=True)
    return np.array(shares), rows


INTRODUCTION = f"""\
`python -m benchmarks intervals` prints this page. It trains
`EffPropRegressor(n_estimators={N_ESTIMATORS})` on two thirds of each table and counts
how many values of the other third are within `predict(X, interval={LEVEL})`. Each third
is left out once, for {N_REPEATS} random divisions into thirds.

A coverage that is estimated from n rows has the standard error in the fourth column.
The widths are in standard deviations of y. The last column is the width that an
interval around the mean of all targets needs for the same coverage.
"""


def report(shares, rows):
    """Format the page in Markdown."""
    is_near = (shares >= LOWEST) & (shares <= HIGHEST)
    summary = (
        f"The coverage is between {LOWEST} and {HIGHEST} on {is_near.sum()} of "
        f"{len(shares)} tables, and {shares.mean():.3f} on average. The lowest is "
        f"{shares.min():.3f}, the highest {shares.max():.3f}."
    )
    return f"{INTRODUCTION}\n{summary}\n\n{markdown(COLUMNS, rows)}\n"


def main(arguments=()):
    """Measure all tables, print the page, and write it if a folder is given."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks intervals", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--write", help="folder for intervals.md")
    options = parser.parse_args(arguments)
    header("Coverage of prediction intervals", "scikit-learn", "numba")
    with threadpool_limits(1), catch_warnings(), np.errstate(all="ignore"):
        simplefilter("ignore")
        text = report(*measure())
    print(text)
    if options.write:
        page = Path(options.write) / "intervals.md"
        page.write_text(f"# Coverage of prediction intervals\n\n{text}")
