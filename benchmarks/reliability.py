"""Reliability diagram of the predicted probabilities (cf. section 4.5).

The probabilities come from five-fold cross-validation on raw data with default
parameters.  They are those of squared error, of log loss, and of squared error with a
sigmoid or a temperature fitted to held-out decisions.

The diagram uses all (example, class) pairs with a probability of 0.02 to 0.98.  They
are sorted by probability and divided into ten bins of equal size, or into fewer bins
with at least 25 pairs.  A point shows the observed frequency of a bin over its mean
probability. If matplotlib is installed, the plot is written to
docs/benchmarks/reliability.png.
"""

import warnings
from pathlib import Path

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_wine,
    make_classification,
)
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from benchmarks._generators import two_spirals
from benchmarks._pictures import panels, save
from sk_effprop import EffPropClassifier

PICTURE = Path(__file__).parents[1] / "docs" / "benchmarks" / "reliability.png"
N_BINS = 10
MIN_PAIRS = 25
UNSURE = 0.02


def tables():
    """Raw data, by name."""
    noisy = make_classification(2000, 20, n_informative=6, flip_y=0.2, random_state=0)
    return {
        "digits": load_digits(return_X_y=True),
        "breast cancer": load_breast_cancer(return_X_y=True),
        "wine": load_wine(return_X_y=True),
        "two spirals": two_spirals(600, 0.3),
        "20 % noise": noisy,
    }


def models():
    """Classifiers by name; temperature scaling requires scikit-learn 1.8."""
    squared = EffPropClassifier(loss="squared_error", random_state=0)
    named = {
        "squared error": squared,
        "log loss": EffPropClassifier(loss="log_loss", random_state=0),
        "squared error, sigmoid": CalibratedClassifierCV(squared, method="sigmoid"),
    }
    methods = CalibratedClassifierCV._parameter_constraints["method"]
    if any(constraint.is_satisfied_by("temperature") for constraint in methods):
        named["squared error, temperature"] = CalibratedClassifierCV(
            squared, method="temperature"
        )
    return named


def reliability(p, hit):
    """Mean probability and observed frequency in bins of equal size."""
    unsure = (p > UNSURE) & (p < 1.0 - UNSURE)
    order = np.argsort(p[unsure])
    parts = np.array_split(order, np.clip(len(order) // MIN_PAIRS, 1, N_BINS))
    means = [p[unsure][part].mean() for part in parts]
    return np.array(means), np.array([hit[unsure][part].mean() for part in parts])


def calibration_error(p, hit):
    """Expected calibration error: |frequency - probability| in bins of width 0.1."""
    bins = np.minimum((p * N_BINS).astype(int), N_BINS - 1)
    errors = [
        abs(hit[bins == b].mean() - p[bins == b].mean()) * np.mean(bins == b)
        for b in np.unique(bins)
    ]
    return float(np.sum(errors))


def main():
    """Print a Markdown table, and plot one panel for each data set."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    print("| data | probabilities | error | log loss | calibration error |")
    print("|---|---|---|---|---|")
    curves = {}
    for table, (X, y) in tables().items():
        classes, labels = np.unique(y, return_inverse=True)
        for name, model in models().items():
            with threadpool_limits(1), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                P = cross_val_predict(model, X, y, cv=folds, method="predict_proba")
            error = np.mean(classes[P.argmax(axis=1)] != y)
            # with two classes, one column contains everything
            columns = range(len(classes)) if len(classes) > 2 else [1]
            p = np.concatenate([P[:, k] for k in columns])
            hit = np.concatenate([labels == k for k in columns])
            curves.setdefault(table, {})[name] = reliability(p, hit)
            print(
                f"| {table} | {name} | {error:.3f} | {log_loss(y, P):.3f} "
                f"| {calibration_error(p, hit):.3f} |",
                flush=True,
            )
    draw(curves)


def draw(curves):
    """Plot one panel for each data set, one line for each kind of probability."""
    figure, axes = panels(2, 3, (9, 6))
    if figure is None:
        return
    for axis, (table, lines) in zip(axes.flat, curves.items(), strict=False):
        axis.plot([0, 1], [0, 1], color="grey", linestyle=":")
        for name, (p, share) in lines.items():
            axis.plot(p, share, "o-", markersize=3, linewidth=1, label=name)
        axis.set_title(table)
    figure.supxlabel("probability")
    figure.supylabel("observed frequency")
    # there are five tables
    axes[1, 2].axis("off")
    axes[1, 2].legend(*axes[0, 0].get_legend_handles_labels(), loc="center")
    save(figure, PICTURE)
