"""Default parameters on tables of 10 to 300 rows, against the best of three baselines.

The baselines are linear models whose penalty is cross-validated, and scikit-learn's MLP
with adam and with lbfgs, all behind a StandardScaler, with a scaled target in
regression.  Every model is fitted to the same folds.  The error is

- in regression, the root mean squared error divided by that of the training mean,
- in classification, the share of wrong labels; the log loss is reported beside it.

The ratio of a table is (our error + slack) / (smallest error of a baseline + slack).
The slack keeps an error of zero from deciding a geometric mean.

    python -m benchmarks small_tables
    python -m benchmarks small_tables --cache baselines.json --write docs/benchmarks

The first prints, the second keeps the scores of the baselines and writes the page.
"""

import argparse
from pathlib import Path
from statistics import fmean
from time import process_time
from typing import NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks._race import header, judged
from benchmarks._scores import Cache, geometric_mean, markdown
from benchmarks._small_tasks import small_tasks
from benchmarks._tasks import HALVES
from sk_effprop import EffPropClassifier, EffPropRegressor

OURS = "sk_effprop"
MARK = 0.95
N_FOLDS = 5
# tables of so few rows are divided a second time, as one division decides too much
FEW_ROWS = 60
STRENGTHS = np.logspace(-4, 4, 17)
SLACK = {"error": 0.01, "log_loss": 0.01}


class Score(NamedTuple):
    """Means over the folds; ``log_loss`` is None for regression."""

    error: float
    log_loss: float | None
    seconds: float


# ------------------------------------------------------------------------------- models


def linear(is_classification, seed):
    """A linear model with a cross-validated penalty."""
    if is_classification:
        return make_pipeline(
            StandardScaler(),
            LogisticRegressionCV(
                Cs=STRENGTHS[::2],
                cv=3,
                scoring="neg_log_loss",
                l1_ratios=(0.0,),
                use_legacy_attributes=False,
                max_iter=500,
            ),
        )
    return make_pipeline(StandardScaler(), RidgeCV(STRENGTHS))


def mlp(solver):
    """Factory of scikit-learn's MLP with one solver."""

    def make(is_classification, seed):
        kind = MLPClassifier if is_classification else MLPRegressor
        model = kind(solver=solver, random_state=seed)
        pipeline = make_pipeline(StandardScaler(), model)
        if is_classification:
            return pipeline
        return TransformedTargetRegressor(pipeline, transformer=StandardScaler())

    return make


BASELINES = {
    "linear, cross-validated": linear,
    "MLP, adam": mlp("adam"),
    "MLP, lbfgs": mlp("lbfgs"),
}


def ours(is_classification, seed):
    """Our estimators with default parameters."""
    kind = EffPropClassifier if is_classification else EffPropRegressor
    return kind(random_state=seed)


# ---------------------------------------------------------------------------- measuring


def splits(task):
    """Training and test rows of every fold."""
    kind = StratifiedKFold if task.is_classification else KFold
    for division in range(2 if len(task.y) <= FEW_ROWS else 1):
        folds = kind(N_FOLDS, shuffle=True, random_state=division)
        yield from folds.split(task.X, task.y)


def score(make, task, seed):
    """Cross-validate a model on one table."""
    errors, losses, seconds, baseline = [], [], [], []
    with threadpool_limits(1), catch_warnings(), np.errstate(all="ignore"):
        simplefilter("ignore")
        for train, test in splits(task):
            X, y = task.X[train], task.y[train]
            model = make(task.is_classification, seed)
            start = process_time()
            model.fit(X, y)
            seconds.append(process_time() - start)
            truth = task.y[test]
            if task.is_classification:
                p = np.asarray(model.predict_proba(task.X[test]), dtype=np.float64)
                errors.extend(model.classes_[p.argmax(axis=1)] != truth)
                p /= p.sum(axis=1, keepdims=True)
                losses.append(log_loss(truth, p, labels=model.classes_))
            else:
                errors.extend((truth - np.ravel(model.predict(task.X[test]))) ** 2)
                baseline.extend((truth - y.mean()) ** 2)
    if task.is_classification:
        return Score(fmean(errors), fmean(losses), fmean(seconds))
    return Score(float(np.sqrt(sum(errors) / sum(baseline))), None, fmean(seconds))


# ---------------------------------------------------------------------------- reporting


def ratios(scores, tables, what):
    """Our error over the smallest one of a baseline, by table."""
    found = {}
    for task in tables:
        mine, *theirs = (
            getattr(scores[name][task.name], what) for name in (OURS, *BASELINES)
        )
        if mine is not None:
            found[task.name] = (mine + SLACK[what]) / (min(theirs) + SLACK[what])
    return found


def summary(scores):
    """Geometric means of the ratios, by half and kind of table."""
    rows = []
    for half in (*HALVES, None):
        tables = [task for task in small_tasks() if half in (None, task.half)]
        groups = [
            ratios(scores, [t for t in tables if t.is_classification is kind], what)
            for kind, what in ((False, "error"), (True, "error"), (True, "log_loss"))
        ]
        groups.append(ratios(scores, tables, "error"))
        names = half or "both"
        means = [judged(geometric_mean(g.values()), at_most=MARK) for g in groups]
        rows.append([f"{names} ({len(tables)} tables)", *means])
    columns = ["half", "regression", "classification", "log loss", "all errors"]
    return markdown(columns, rows)


def details(scores):
    """Error, log loss and milliseconds of every model on every table."""
    rows = []
    for task in small_tasks():
        cells = []
        for name in (OURS, *BASELINES):
            error, loss, seconds = scores[name][task.name]
            shown = f"{error:.3f}" if loss is None else f"{error:.3f} / {loss:.3f}"
            cells.append(f"{shown}, {1e3 * seconds:.0f}")
        ratio = ratios(scores, [task], "error")[task.name]
        shape = " x ".join(map(str, task.X.shape))
        rows.append([f"{task.name} ({shape})", task.half, *cells, f"{ratio:.2f}"])
    return markdown(["table", "half", OURS, *BASELINES, "ratio"], rows)


def report(scores):
    """Format the whole page in Markdown."""
    return (
        f"{summary(scores)}\n\n## Tables: error / log loss, milliseconds of a fit\n\n"
        f"{details(scores)}"
    )


INTRODUCTION = """\
From `python -m benchmarks small_tables`. Default parameters on 64 tables of 10 to 300
rows, against the best, table by table, of three baselines: a linear model with a
cross-validated penalty (`RidgeCV`, `LogisticRegressionCV`) and scikit-learn's MLP with
adam and with lbfgs, all behind a `StandardScaler`, with a scaled target in regression.
Five folds, twice for tables of up to 60 rows, one thread, one seed. The error is the
root mean squared error divided by that of the training mean, or the share of wrong
labels. Ratios are of (error + 0.01) and (log loss + 0.01), means are geometric, and the
mark is 0.95. Defaults were chosen on the half "choose" and on generated tables, see
[accuracy-log.md](accuracy-log.md). A few tables of the half "report" were looked at as
well, so that it is not quite independent.
"""


def main(arguments=()):
    """Measure, print the page, and write it if a folder is given."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks small_tables", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--cache", help="JSON file with the scores of the baselines")
    parser.add_argument("--write", help="folder for small_tables.md")
    options = parser.parse_args(arguments)
    header("Default parameters on small tables", "scikit-learn", "statsmodels")
    caches = {OURS: Cache()} | dict.fromkeys(BASELINES, Cache(options.cache))
    scores = {
        name: {
            task.name: Score(
                *caches[name].get(
                    f"{name} | {task.name} | 0",
                    lambda make=make, task=task: score(make, task, 0),
                )
            )
            for task in small_tasks()
        }
        for name, make in {OURS: ours, **BASELINES}.items()
    }
    text = report(scores)
    print(text)
    if options.write:
        page = Path(options.write) / "small_tables.md"
        page.write_text(f"# Small tables\n\n{INTRODUCTION}\n{text}\n")
