"""Default parameters on raw mixed tables, against the same network behind transformers.

- "as they are" passes the data frame to the estimator.
- "by hand" is the same estimator behind a ColumnTransformer: one-hot encoded categories
  (unknown levels are ignored), missing numbers replaced by the median, with an
  indicator, and dates as numbers.
- HistGradientBoosting with native categories is a peer.
- The tables of 500 rows and more are compared with scikit-learn's MLP as well: behind
  the same ColumnTransformer and a StandardScaler, with a scaled target in regression.
  "Eight networks" is ``n_estimators=8``, as they are.

Every model is fitted to the same folds.  The error is the root mean squared error
divided by that of the training mean, or the share of wrong labels.  Ratios are of
(error + 0.01) and (log loss + 0.01), which keeps a zero from deciding a mean.

    python -m benchmarks mixed_tables
    python -m benchmarks mixed_tables --write docs/benchmarks
"""

import argparse
from functools import partial
from pathlib import Path
from statistics import fmean
from time import process_time
from typing import NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_selector,
)
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks._mixed import PACKAGES, all_mixed_tasks
from benchmarks._race import header
from benchmarks._scores import Cache, geometric_mean, markdown
from benchmarks._tasks import HALVES
from sk_effprop import EffPropClassifier, EffPropRegressor

OURS, BY_HAND, BOOSTING = "as they are", "by hand", "HistGradientBoosting"
EIGHT, PIPELINE = "eight networks", "StandardScaler + MLP"
MARK = 1.0
# Rows from which a table is compared with the pipeline, and the ratio of errors that is
# much worse.
LARGER, MUCH_WORSE = 500, 1.25
N_FOLDS = 3
SLACK = 0.01
# HistGradientBoosting takes no more levels than bins
MAX_LEVELS = 250


class Score(NamedTuple):
    """Means over the folds; ``log_loss`` is None for regression."""

    error: float
    log_loss: float | None
    seconds: float


# ------------------------------------------------------------------------------- models


def ours(is_classification, seed, **changes):
    """Our estimators with default parameters, or with a few others."""
    kind = EffPropClassifier if is_classification else EffPropRegressor
    return kind(random_state=seed, **changes)


def by_hand(is_classification, seed):
    """Our estimators behind a ColumnTransformer that encodes the table."""
    return make_pipeline(encoder(), ours(is_classification, seed))


def pipeline(is_classification, seed):
    """scikit-learn's MLP behind the same ColumnTransformer and a StandardScaler."""
    kind = MLPClassifier if is_classification else MLPRegressor
    model = make_pipeline(encoder(), StandardScaler(), kind(random_state=seed))
    if is_classification:
        return model
    return TransformedTargetRegressor(model, transformer=StandardScaler())


def encoder():
    """ColumnTransformer that makes numbers of a table."""
    dates = make_pipeline(FunctionTransformer(dates_as_numbers), imputer())
    return ColumnTransformer(
        [
            (
                "categories",
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                make_column_selector(dtype_include=["category", "object", "string"]),
            ),
            ("dates", dates, make_column_selector(dtype_include="datetime")),
            (
                "numbers",
                make_pipeline(FunctionTransformer(as_floats), imputer()),
                make_column_selector(dtype_include=["number", "bool", "boolean"]),
            ),
        ]
    )


def imputer():
    """Imputer that fills in medians and adds indicators of missing values."""
    return SimpleImputer(strategy="median", add_indicator=True)


def boosting(is_classification, seed):
    """HistGradientBoosting with native categories; it takes missing values itself."""
    kind = (
        HistGradientBoostingClassifier
        if is_classification
        else HistGradientBoostingRegressor
    )
    return make_pipeline(
        FunctionTransformer(with_categories),
        kind(random_state=seed, categorical_features="from_dtype"),
    )


def dates_as_numbers(frame):
    """Convert the dates of a frame to days since 1970."""
    return frame.apply(lambda column: (column - pd.Timestamp(0)) / pd.Timedelta("1D"))


def as_floats(frame):
    """Numbers and booleans as floats, whose missing values are NaN."""
    return frame.astype(float)


def with_categories(frame):
    """Table as HistGradientBoosting takes it: no text, dates or nullable booleans."""
    parts = [
        frame.select_dtypes("number"),
        as_floats(frame.select_dtypes(["bool", "boolean"])),
        dates_as_numbers(frame.select_dtypes("datetime")),
        frame.select_dtypes(["object", "string", "category"]).apply(common_levels),
    ]
    return pd.concat(parts, axis=1)


def common_levels(column):
    """Category of the most common levels; all others are missing."""
    common = column.value_counts().index[:MAX_LEVELS]
    return column.where(column.isin(common)).astype("category")


MODELS = {
    OURS: ours,
    BY_HAND: by_hand,
    BOOSTING: boosting,
    EIGHT: partial(ours, n_estimators=8),
    PIPELINE: pipeline,
}
# the order of the inputs changes the random numbers that weights get
SEEDS = dict.fromkeys(MODELS, (0,)) | {OURS: (0, 1, 2), BY_HAND: (0, 1, 2)}
# of which the page has a column
SHOWN = (OURS, BY_HAND, BOOSTING)


# ---------------------------------------------------------------------------- measuring


def score(make, task, seed):
    """Cross-validate a model on one table."""
    errors, losses, seconds, baseline = [], [], [], []
    kind = StratifiedKFold if task.is_classification else KFold
    folds = kind(N_FOLDS, shuffle=True, random_state=0).split(task.X, task.y)
    with threadpool_limits(1), catch_warnings(), np.errstate(all="ignore"):
        simplefilter("ignore")
        for train, test in folds:
            model = make(task.is_classification, seed)
            start = process_time()
            model.fit(task.X.iloc[train], task.y[train])
            seconds.append(process_time() - start)
            X, truth = task.X.iloc[test], task.y[test]
            if task.is_classification:
                p = model.predict_proba(X)
                errors.extend(model.classes_[p.argmax(axis=1)] != truth)
                losses.append(log_loss(truth, p, labels=model.classes_))
            else:
                errors.extend((truth - model.predict(X)) ** 2)
                baseline.extend((truth - task.y[train].mean()) ** 2)
    if task.is_classification:
        return Score(fmean(errors), fmean(losses), fmean(seconds))
    return Score(float(np.sqrt(sum(errors) / sum(baseline))), None, fmean(seconds))


def mean_score(scores):
    """Mean over the seeds."""
    errors, losses, seconds = zip(*scores, strict=True)
    loss = None if None in losses else fmean(losses)
    return Score(fmean(errors), loss, fmean(seconds))


# ---------------------------------------------------------------------------- reporting


def ratio(scores, task, other, what="error"):
    """Our score over that of another model."""
    mine, theirs = (getattr(scores[name][task.name], what) for name in (OURS, other))
    return (mine + SLACK) / (theirs + SLACK)


def means(scores, tables, other):
    """Geometric means of the ratios: regression, classification, log loss, all."""
    classes = [task for task in tables if task.is_classification]
    values = [task for task in tables if not task.is_classification]
    return [
        geometric_mean(ratio(scores, task, other) for task in values),
        geometric_mean(ratio(scores, task, other) for task in classes),
        geometric_mean(ratio(scores, task, other, "log_loss") for task in classes),
        geometric_mean(ratio(scores, task, other) for task in tables),
    ]


def summary(scores):
    """Geometric means of the ratios, by half."""
    rows = []
    for other in (BY_HAND, BOOSTING):
        for half in (*HALVES, None):
            tables = [task for task in all_mixed_tasks() if half in (None, task.half)]
            found = means(scores, tables, other)
            shown = [f"{value:.3f}" for value in found]
            if other == BY_HAND:
                word = "met" if found[-1] <= MARK else "missed"
                shown[-1] += f" (<= {MARK:g}: {word})"
            rows.append([other, f"{half or 'both'} ({len(tables)} tables)", *shown])
    columns = ["over", "half", "regression", "classification", "log loss", "all errors"]
    return markdown(columns, rows)


def over_pipeline(scores):
    """Ratios of errors, log loss and time to those of the pipeline of larger tables."""
    tables = [task for task in all_mixed_tasks() if len(task.y) >= LARGER]
    classes = [task for task in tables if task.is_classification]
    values = [task for task in tables if not task.is_classification]
    columns = ["model", "regression", "classification", "all errors", "log loss"]
    columns += ["time", f"> {MUCH_WORSE:g}x"]
    rows = []
    for name in (OURS, EIGHT, BOOSTING):
        pairs = {
            t.name: (scores[name][t.name], scores[PIPELINE][t.name]) for t in tables
        }
        errors = {
            task.name: ratio_of_powers(
                *pairs[task.name], 1 if task.is_classification else 2
            )
            for task in tables
        }
        means = (
            geometric_mean(errors[task.name] for task in values),
            geometric_mean(errors[task.name] for task in classes),
            geometric_mean(errors.values()),
            geometric_mean(
                (mine.log_loss + SLACK) / (theirs.log_loss + SLACK)
                for mine, theirs in (pairs[task.name] for task in classes)
            ),
            geometric_mean(
                mine.seconds / theirs.seconds for mine, theirs in pairs.values()
            ),
        )
        n_worse = sum(ratio > MUCH_WORSE for ratio in errors.values())
        rows.append([name, *(f"{mean:.3f}" for mean in means), str(n_worse)])
    title = f"## {len(tables)} tables of {LARGER} rows and more, over {PIPELINE}"
    return f"{title}\n\n{ABOUT_PIPELINE}\n{markdown(columns, rows)}"


def ratio_of_powers(mine, theirs, power):
    """Ratio of errors to a power: squared, those of regressions are 1 - R2."""
    return (mine.error**power + SLACK) / (theirs.error**power + SLACK)


def details(scores):
    """Error, log loss and milliseconds of every model on every table."""
    rows = []
    for task in all_mixed_tasks():
        cells = []
        for name in SHOWN:
            error, loss, seconds = scores[name][task.name]
            shown = f"{error:.3f}" if loss is None else f"{error:.3f} / {loss:.3f}"
            cells.append(f"{shown}, {1e3 * seconds:.0f}")
        ratios = [f"{ratio(scores, task, other):.2f}" for other in (BY_HAND, BOOSTING)]
        shape = " x ".join(map(str, task.X.shape))
        rows.append([f"{task.name} ({shape})", task.half, *cells, *ratios])
    return markdown(
        ["table", "half", *SHOWN, f"over {BY_HAND}", f"over {BOOSTING}"], rows
    )


def report(scores):
    """Format the whole page in Markdown."""
    return (
        f"{summary(scores)}\n\n{over_pipeline(scores)}\n\n"
        f"## Tables: error / log loss, milliseconds of a fit\n\n{details(scores)}"
    )


INTRODUCTION = """\
From `python -m benchmarks mixed_tables`. Default parameters on {n_tables} raw tables
with categories, text, flags, dates and missing values, which packages ship
({packages}).
"As they are" passes the data frame to the estimator. "By hand" is the same estimator
behind a `ColumnTransformer`: `OneHotEncoder(handle_unknown="ignore")`, and
`SimpleImputer(strategy="median", add_indicator=True)` for numbers, booleans and dates
in days. `HistGradientBoosting` gets the native categories. Three folds, one thread, and
the mean of three seeds of the networks. The error is the root mean squared error
divided by that of the training mean, or the share of wrong labels. Ratios are of
(error + 0.01) and (log loss + 0.01), means are geometric, and the mark is {mark:g}. The
frequency below which levels are joined was chosen on the half "choose", see
[accuracy-log.md](accuracy-log.md).
"""


ABOUT_PIPELINE = """\
The pipeline is the `ColumnTransformer` of "by hand", a `StandardScaler` and an MLP of
scikit-learn with default parameters, in regression with a scaled target. "Eight
networks" is `n_estimators=8` with one seed. The errors of regressions are 1 - R2 here,
and the time is processor time of a fit. The last column counts much larger errors.
"""


def introduction():
    """Return the text of the page before its tables."""
    packages = ", ".join(PACKAGES)
    return INTRODUCTION.format(
        n_tables=len(all_mixed_tasks()), packages=packages, mark=MARK
    )


def main(arguments=()):
    """Measure, print the page, and write it if a folder is given."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks mixed_tables", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--cache", help="JSON file with scores that are known")
    parser.add_argument("--write", help="folder for mixed_tables.md")
    options = parser.parse_args(arguments)
    header("Default parameters on mixed tables", "scikit-learn", "pandas", *PACKAGES)
    cache = Cache(options.cache)
    scores = {
        name: {
            task.name: mean_score(
                cache.get(
                    f"{name} | {task.name} | {seed}",
                    lambda make=make, task=task, seed=seed: score(make, task, seed),
                )
                for seed in SEEDS[name]
            )
            for task in all_mixed_tasks()
        }
        for name, make in MODELS.items()
    }
    text = report(scores)
    print(text)
    if options.write:
        page = Path(options.write) / "mixed_tables.md"
        page.write_text(f"# Mixed tables\n\n{introduction()}\n{text}\n")
