"""Models with default parameters, and their scores on the tasks of accuracy.py."""

from functools import partial
from statistics import fmean
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

from benchmarks._race import is_there
from benchmarks._tasks import tasks
from sk_effprop import EffPropClassifier, EffPropRegressor

N_FOLDS = 3
INFORMED = "StandardScaler + MLP"
OURS = "sk_effprop (numba)"
# the other models are slow, and their variation is not reported
SEVERAL_SEEDS = (INFORMED, OURS)


class Score(NamedTuple):
    """Means over the folds; ``log_loss`` is None for regressors."""

    error: float
    log_loss: float | None
    seconds: float


# ------------------------------------------------------------------------------- models


def ours(classifier=(), regressor=()):
    """Make a factory of this package's estimators with the given parameters."""
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
    """Factories of estimators with default parameters, one for each engine."""
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


def measure(models, some, n_seeds, cache):
    """Scores by model, task and seed: {name: {task: [Score, ...]}}."""
    scores = {name: {} for name in models}
    for name, make in models.items():
        for task in some:
            seeds = range(n_seeds if name in SEVERAL_SEEDS else 1)
            scores[name][task.name] = [
                Score(
                    *cache.get(
                        f"{name} | {task.name} | {seed}",
                        partial(score, make, task, seed),
                    )
                )
                for seed in seeds
            ]
    return scores


def warm_up():
    """Fit small tasks, so that compilation is not timed."""
    for make in engines().values():
        for task in tasks(names=("iris", "engel")):
            score(make, task, 0)
