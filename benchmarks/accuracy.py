"""Compare default parameters with other models on :mod:`benchmarks._tasks`.

All models have default parameters, the same three folds and one thread.  The numbers of
a model on a task are means over folds and seeds: error (1 - accuracy or 1 - R2), log
loss of classifiers, and processor seconds of a fit.

Ratios compare a model with the baseline, StandardScaler and MLP, with a scaled target
in regression.  They are ratios of (error + 0.002) and (log loss + 0.005), so that an
error of zero does not dominate the mean.  Geometric means are over the tasks of a half.

    python -m benchmarks.accuracy --cache peers.json --seeds 3 --write docs/benchmarks

adds missing models to the cache, runs those of this package, and writes accuracy.md and
accuracy.png.  ``--only peers`` fills the cache and stops.  In Python, you can compare
candidates for new defaults on the half "choose"::

    from benchmarks.accuracy import try_candidates
    try_candidates({"wider": ({"hidden_layer_sizes": (200,)}, {})}, cache="peers.json")
"""

import argparse
import json
import os
from pathlib import Path
from statistics import fmean, stdev
from time import process_time
from typing import NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks._race import header, is_there
from benchmarks._tasks import HALVES, all_tasks, tasks
from sk_effprop import EffPropClassifier, EffPropRegressor

N_FOLDS = 3
INFORMED = "StandardScaler + MLP"
OURS = "sk_effprop (numba)"
# the other models are slow, and their variation is not reported
SEVERAL_SEEDS = (INFORMED, OURS)
# constants that are added before ratios are computed
SLACK = {"error": 0.002, "log_loss": 0.005, "seconds": 0.0}
# tasks whose error exceeds the baseline by these factors are counted
WORSE, MUCH_WORSE = 1.25, 1.6


class Score(NamedTuple):
    """Means over the folds; ``log_loss`` is None for regressors."""

    error: float
    log_loss: float | None
    seconds: float


# ------------------------------------------------------------------------------- models


def ours(classifier=(), regressor=()):
    """Factory of this package's estimators with the given parameters changed."""
    changes = {True: dict(classifier), False: dict(regressor)}
    kinds = {True: EffPropClassifier, False: EffPropRegressor}

    def make(is_classification, seed):
        changed = changes[is_classification]
        return kinds[is_classification](random_state=seed, **changed)

    return make


def mlp(is_classification, seed):
    """scikit-learn's MLP on raw data."""
    kind = MLPClassifier if is_classification else MLPRegressor
    return kind(random_state=seed)


def informed(is_classification, seed):
    """scikit-learn's MLP after StandardScaler, in regression with a scaled target."""
    pipeline = make_pipeline(StandardScaler(), mlp(is_classification, seed))
    if is_classification:
        return pipeline
    return TransformedTargetRegressor(pipeline, transformer=StandardScaler())


def boosting(is_classification, seed):
    """scikit-learn's histogram gradient boosting."""
    if is_classification:
        return HistGradientBoostingClassifier(random_state=seed)
    return HistGradientBoostingRegressor(random_state=seed)


def realmlp(is_classification, seed):
    """RealMLP with tuned defaults, simplified variant (arXiv 2407.04491)."""
    from pytabkit import RealMLP_TD_S_Classifier, RealMLP_TD_S_Regressor

    kind = RealMLP_TD_S_Classifier if is_classification else RealMLP_TD_S_Regressor
    return kind(device="cpu", random_state=seed, n_threads=1)


def peers():
    """Factories of the other models by name; the baseline comes first."""
    known = {INFORMED: informed, "MLP": mlp, "HistGradientBoosting": boosting}
    return known | ({"RealMLP-TD-S": realmlp} if is_there("pytabkit") else {})


def engines():
    """Factories with default parameters for each engine."""
    same = [{"engine": "numpy"}] * 2
    compiled = (
        {OURS: ours({"engine": "numba"}, {"engine": "numba"})}
        if is_there("numba")
        else {}
    )
    return compiled | {"sk_effprop (numpy)": ours(*same)}


# ---------------------------------------------------------------------------- measuring


def score(make, task, seed):
    """Cross-validate one seed of a model on one task."""
    X, y = task.X, task.y
    folds = StratifiedKFold if task.is_classification else KFold
    errors, losses, seconds, spread = [], [], [], []
    with threadpool_limits(1), catch_warnings(), np.errstate(all="ignore"):
        simplefilter("ignore")
        for train, test in folds(N_FOLDS, shuffle=True, random_state=0).split(X, y):
            model = make(task.is_classification, seed)
            start = process_time()
            model.fit(X[train], y[train])
            seconds.append(process_time() - start)
            if task.is_classification:
                p = np.asarray(model.predict_proba(X[test]), dtype=np.float64)
                predicted = model.classes_[p.argmax(axis=1)]
                errors.extend(predicted != y[test])
                p /= p.sum(axis=1, keepdims=True)
                losses.append(log_loss(y[test], p, labels=model.classes_))
            else:
                errors.extend((y[test] - np.ravel(model.predict(X[test]))) ** 2)
                spread.extend((y[test] - y[train].mean()) ** 2)
    if task.is_classification:
        return Score(fmean(errors), fmean(losses), fmean(seconds))
    return Score(float(np.sum(errors) / np.sum(spread)), None, fmean(seconds))


class Cache:
    """Scores, kept in a JSON file if a path is given.

    The file is replaced atomically after each new score.
    """

    def __init__(self, path=None):
        self.path = None if path is None else Path(path)
        known = self.path is not None and self.path.exists()
        self.scores = json.loads(self.path.read_text()) if known else {}

    def get(self, name, make, task, seed):
        """Return a score from the cache, or compute it."""
        key = f"{name} | {task.name} | {seed}"
        if key not in self.scores:
            self.scores[key] = score(make, task, seed)
            if self.path is not None:
                new = self.path.with_suffix(".new")
                new.write_text(json.dumps(self.scores, indent=0))
                os.replace(new, self.path)
        return Score(*self.scores[key])


def measure(models, some, n_seeds, cache):
    """Scores by model, task and seed: {name: {task: [Score, ...]}}."""
    scores = {name: {} for name in models}
    for name, make in models.items():
        for task in some:
            seeds = range(n_seeds if name in SEVERAL_SEEDS else 1)
            scores[name][task.name] = [cache.get(name, make, task, s) for s in seeds]
    return scores


def warm_up():
    """Fit small tasks, so that compilation is not timed."""
    for make in engines().values():
        for task in tasks(names=("iris", "engel")):
            score(make, task, 0)


# ---------------------------------------------------------------------------- reporting


def mean_of(scores, what):
    """Mean of a score over the seeds; None if the task does not have it."""
    values = [getattr(one, what) for one in scores]
    return None if values[0] is None else fmean(values)


def ratios(scores, reference, some, what):
    """Ratios of a model's scores to the reference, by task."""
    found = {}
    for task in some:
        mine, theirs = (mean_of(s[task.name], what) for s in (scores, reference))
        if mine is not None:
            found[task.name] = (mine + SLACK[what]) / (theirs + SLACK[what])
    return found


def geometric_mean(values):
    """Geometric mean; nan if there are no values."""
    values = list(values)
    return float(np.exp(np.mean(np.log(values)))) if values else float("nan")


def spread(scores, some):
    """Standard deviation between seeds relative to the error, averaged over tasks."""
    shares = []
    for task in some:
        errors = [one.error + SLACK["error"] for one in scores[task.name]]
        if len(errors) > 1:
            shares.append(stdev(errors) / fmean(errors))
    return fmean(shares) if shares else float("nan")


COLUMNS = (
    "model", "classification error", "log loss", "regression error", "error", "time",
    f"> {WORSE}x", f"> {MUCH_WORSE}x", "spread",
)  # fmt: skip


def summary(name, scores, reference, some):
    """Table cells that summarise a model on a half of the tasks."""
    by_kind = [
        [t for t in some if t.is_classification is kind] for kind in (True, False)
    ]
    errors = ratios(scores, reference, some, "error")
    means = [
        *(
            geometric_mean(ratios(scores, reference, group, what).values())
            for group, what in zip(
                [by_kind[0], by_kind[0], by_kind[1]],
                ["error", "log_loss", "error"],
                strict=True,
            )
        ),
        geometric_mean(errors.values()),
        geometric_mean(ratios(scores, reference, some, "seconds").values()),
    ]
    counts = [sum(r > limit for r in errors.values()) for limit in (WORSE, MUCH_WORSE)]
    return [name, *(f"{m:.3f}" for m in means), *map(str, counts),
            f"{spread(scores, some):.3f}"]  # fmt: skip


def markdown(columns, rows):
    """Format a Markdown table."""
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def summaries(scores, some):
    """Summary table of a half of the tasks."""
    reference = scores[INFORMED]
    return markdown(
        COLUMNS, [summary(n, mine, reference, some) for n, mine in scores.items()]
    )


def details(scores, some):
    """Table of error, log loss and seconds of each model on each task."""
    rows = []
    for task in some:
        cells = [f"{task.name} ({task.X.shape[0]} x {task.X.shape[1]})"]
        for mine in scores.values():
            numbers = [mean_of(mine[task.name], what) for what in Score._fields]
            shown = [f"{v:.3f}" for v in numbers[:2] if v is not None]
            cells.append(f"{' / '.join(shown)}, {numbers[2]:.2g} s")
        rows.append(cells)
    return markdown(["task", *scores], rows)


def plot(scores, some, path):
    """Plot the error against the time, both relative to the baseline."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    for name, mine in scores.items():
        time, error = (
            ratios(mine, scores[INFORMED], some, what) for what in ("seconds", "error")
        )
        points = axes.loglog(time.values(), error.values(), ".", alpha=0.35)
        centre = geometric_mean(time.values()), geometric_mean(error.values())
        color = points[0].get_color()
        axes.loglog(*centre, "o", color=color, markersize=11, label=name)
    axes.axhline(1.0, color="0.7", linewidth=0.8)
    axes.axvline(1.0, color="0.7", linewidth=0.8)
    axes.set(
        xlabel=f"time of a fit, relative to {INFORMED}",
        ylabel=f"error, relative to {INFORMED}",
        title='Tasks of the half "report" (small) and geometric means (large)',
    )
    axes.legend()
    figure.savefig(path, dpi=110)


def report(scores):
    """Format all tables in Markdown."""
    parts = []
    for half in HALVES:
        some = tasks(half)
        parts += [f'## The half "{half}": {len(some)} tasks', summaries(scores, some)]
    for half in HALVES:
        parts += [f'## "{half}", each task: error / log loss, time of a fit',
                  details(scores, tasks(half))]  # fmt: skip
    return "\n\n".join(parts)


# ------------------------------------------------------------------------ from Python


def try_candidates(
    candidates, *, cache, half="choose", kind=None, n_seeds=1, some=None
):
    """Print how candidates compare with the baseline.

    Parameters
    ----------
    candidates : dict
        Keys are names. Values are a pair of dicts, the parameters of the classifier
        and of the regressor, or a factory ``(is_classification, seed) -> estimator``.
    cache : str
        File with the scores of the other models.
    half : {"choose", "report"}
    kind : {"classification", "regression"}, optional
    n_seeds : int
    some : list of Task, optional
        Tasks to use instead of a half.

    Returns
    -------
    dict
        Scores by candidate and task.
    """
    some = tasks(half, kind) if some is None else some
    warm_up()
    reference = measure({INFORMED: informed}, some, n_seeds, Cache(cache))[INFORMED]
    found = {}
    print(f"| {' | '.join(COLUMNS)} | worst |")
    for name, candidate in candidates.items():
        make = candidate if callable(candidate) else ours(*candidate)
        scores = {t.name: [score(make, t, s) for s in range(n_seeds)] for t in some}
        found[name] = scores
        cells = summary(name, found[name], reference, some)
        errors = ratios(found[name], reference, some, "error")
        bad = sorted(errors, key=errors.get)[-4:]
        shown = ", ".join(f"{task} {errors[task]:.2f}" for task in reversed(bad))
        print(f"| {' | '.join(cells)} | {shown} |", flush=True)
    return found


INTRODUCTION = """\
`python -m benchmarks.accuracy --seeds {seeds}` prints this page. All models have
default parameters, raw inputs, the same three folds and one thread. The baseline is
StandardScaler and MLP, with a scaled target in regression.

The first two tables summarise the tasks. The columns of errors, log loss and time are
geometric means of ratios to the baseline: of error + 0.002, log loss + 0.005, and
processor seconds of a fit. The errors are 1 - accuracy and 1 - R2. The next two columns
count the tasks whose error exceeds that of the baseline by more than 1.25 and 1.6
times. The last column is the standard deviation between seeds, relative to the error.
It is nan for models with one seed.

The defaults were chosen on the half "choose", see
[accuracy-log.md](accuracy-log.md). The half "report" shows how well they generalise.

![error against time](accuracy.png)
"""


def main(arguments=()):
    """Run all models, print the tables, and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cache", help="JSON file with the scores of the other models")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=["peers"], help="fill the cache and stop")
    parser.add_argument("--write", help="folder for accuracy.md and accuracy.png")
    options = parser.parse_args(arguments)
    header("Default parameters on raw tables", "scikit-learn", "numba", "pytabkit")
    cache = Cache(options.cache)
    scores = measure(peers(), all_tasks(), options.seeds, cache)
    if options.only:
        return
    warm_up()
    scores = measure(engines(), all_tasks(), options.seeds, Cache()) | scores
    text = report(scores)
    print(text)
    if options.write:
        folder = Path(options.write)
        (folder / "accuracy.md").write_text(
            "# Default parameters\n\n"
            f"{INTRODUCTION.format(seeds=options.seeds)}\n{text}\n"
        )
        plot(scores, tasks("report"), folder / "accuracy.png")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
