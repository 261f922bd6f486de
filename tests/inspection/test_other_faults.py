"""Faults of other kinds than those of the benchmark, on other tables, are named."""

import warnings
from typing import NamedTuple

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine, make_blobs

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.inspection import diagnose
from sk_effprop.inspection.diagnosis._subject import Subject
from sk_effprop.inspection.diagnosis._work import (
    affordable_iterations,
    affordable_rows,
)


def fitted(model, X, y, sample_weight=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y, sample_weight)


def saddle(n=300):
    """Values that no line explains."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(n, 4))
    noise = 0.3 * rng.normal(size=n)
    return X, X[:, 0] * X[:, 1] + np.sin(2.0 * X[:, 2]) + noise


def squared_share(model, X, y):
    """Squared error as a share of the variance."""
    return np.mean((model.predict(X) - y) ** 2) / np.var(y)


class Fault(NamedTuple):
    """Settings with a fault, and what is right to say of it."""

    settings: dict
    cause: str
    parameter: str


SGD = {"solver": "sgd"}
FAULTS = {
    "inverse rate": Fault(
        {**SGD, "learning_rate": "invscaling", "power_t": 1.0},
        "learning rate falls too fast",
        "learning_rate",
    ),
    "annealed in no time": Fault(
        {**SGD, "learning_rate": "annealing", "annealing_tau": 0.05},
        "learning rate falls too fast",
        "learning_rate",
    ),
    "momentum longer than training": Fault(
        {**SGD, "momentum": 0.9995, "max_iter": 40}, "momentum too large", "momentum"
    ),
    "slow mean of adam": Fault(
        {"solver": "adam", "batch_size": 16, "beta_1": 0.9999},
        "momentum too large",
        "beta_1",
    ),
    "growing batches": Fault(
        {**SGD, "batch_growth": 10.0, "max_iter": 40},
        "batches too large",
        "batch_growth",
    ),
    "a constant for adam": Fault(
        {"solver": "adam", "epsilon": 10.0}, "epsilon too large", "epsilon"
    ),
    "large weights of relu": Fault(
        {"activation": "relu", "init": 8.0}, "initial weights too large", "init"
    ),
    "clipped to nothing": Fault(
        {"input_clip": 0.03}, "input clip too small", "input_clip"
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_setting_that_does_harm_is_named_first(name):
    """The change also helps on rows that the diagnosis has not seen."""
    X, y = saddle(600)
    train, test = slice(300), slice(300, None)
    fault = FAULTS[name]
    settings = {"hidden_layer_sizes": (16,), "random_state": 0, **fault.settings}
    model = fitted(EffPropRegressor(**settings), X[train], y[train])
    first = diagnose(model, X[train], y[train]).findings[0]
    assert (first.cause, first.parameter) == (fault.cause, fault.parameter)
    changed = fitted(EffPropRegressor(**settings | first.settings), X[train], y[train])
    before, after = (squared_share(one, X[test], y[test]) for one in (model, changed))
    assert after < 0.8 * before


@pytest.mark.parametrize(
    "settings",
    [
        {**SGD, "learning_rate": "invscaling", "power_t": 1.0},
        {"solver": "lbfgs", "tol": 1.0},
        {"solver": "adam", "batch_size": "full", "max_iter": 40},
    ],
)
def test_fit_and_diagnosis_name_the_same_hyperparameter(settings):
    X, y = saddle()
    model = fitted(EffPropRegressor((16,), random_state=0, **settings), X, y)
    first = diagnose(model, X, y).findings[0]
    assert model.convergence_.parameter == first.parameter


def test_class_weights_that_leave_one_class_are_named():
    X, y = load_wine(return_X_y=True)
    model = EffPropClassifier((8,), class_weight={0: 1e4}, random_state=0)
    fitted(model, X, y)
    assert model.convergence_.parameter == "class_weight"
    first = diagnose(model, X, y).findings[0]
    assert (first.cause, first.parameter) == ("uneven class weights", "class_weight")
    assert first.effect.after < 0.2 < first.effect.before


def test_a_sample_weight_that_leaves_one_row_is_named():
    X, y = saddle()
    weight = np.where(np.arange(len(y)) == 3, 1e6, 1.0)
    model = fitted(EffPropRegressor((8,), random_state=0), X, y, weight)
    first = diagnose(model, X, y, sample_weight=weight).findings[0]
    assert (first.cause, first.parameter) == ("uneven sample weights", "sample_weight")
    assert first.settings == {}
    assert first.effect.after < 0.5 * first.effect.before


def test_usual_sample_weights_are_no_fault():
    X, y = load_wine(return_X_y=True)
    # those of weight 0 are left out of all refits
    weight = np.arange(len(y)) % 4.0
    model = fitted(EffPropClassifier((8,), random_state=0), X, y, weight)
    assert diagnose(model, X, y, sample_weight=weight).findings == []


@pytest.mark.parametrize("code", [-999.0, 9999.0, 1e30])
def test_codes_for_missing_values_are_told(code):
    X, y = load_wine(return_X_y=True)
    is_coded = np.random.default_rng(0).random(X.shape) < 0.2
    X = np.where(is_coded, code, X)
    model = fitted(EffPropClassifier((8,), random_state=0), X, y)
    first = diagnose(model, X, y).findings[0]
    assert first.cause == "missing values coded as numbers"
    assert first.parameter == "X"
    assert f"{code:.6g}" in first.value
    assert first.effect.after < 0.6 * first.effect.before


def test_large_numbers_that_belong_to_a_column_are_no_codes():
    X, y = load_wine(return_X_y=True)
    X = np.column_stack([X, np.arange(len(y)) % 100.0, np.arange(len(y)) % 2 * 99.0])
    X[:, -1] += np.arange(len(y)) % 7 * 20.0
    model = fitted(EffPropClassifier((8,), random_state=0), X, y)
    causes = [one.cause for one in diagnose(model, X, y).findings]
    assert "missing values coded as numbers" not in causes


def test_one_row_far_away_is_blamed_on_scale_and_clip_together():
    X, y = saddle()
    X[5] *= 1e6
    settings = {"normalize": "standardize", "input_clip": None, "random_state": 0}
    model = fitted(EffPropRegressor((16,), **settings), X, y)
    findings = diagnose(model, X, y).findings
    assert findings[0].cause == "outliers in the inputs"
    assert findings[0].settings == {"normalize": "robust", "input_clip": 8.0}
    assert findings[0].change == "normalize='robust', input_clip=8.0"
    # one row makes all columns look alike
    assert "duplicated columns" not in [one.cause for one in findings]


def test_a_fit_that_predicts_no_other_rows_is_not_called_healthy():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 300))
    y = (X[:, 0] * X[:, 1] > 0.0).astype(int)
    model = EffPropClassifier((8,), alpha=1e-3, random_state=0)
    diagnosis = diagnose(fitted(model, X, y), X, y)
    assert diagnosis.numbers["loss"]["held_out"] > 0.95
    assert [one.cause for one in diagnosis.findings] == ["overfitting"]


def test_labels_that_were_learnt_by_heart_are_not_called_noise():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(203, 8)), rng.integers(0, 2, 203)
    y[:150] = X[:150, 0] * X[:150, 1] > 0.0
    model = EffPropClassifier((32,), alpha=0.0, tol=0.0, max_iter=200, random_state=0)
    causes = [one.cause for one in diagnose(fitted(model, X, y), X, y).findings]
    assert "overfitting" in causes
    assert "label noise" not in causes


@pytest.mark.parametrize("n", [400, 402])
def test_label_noise_is_told_for_any_number_of_rows(n):
    X, y = make_blobs(n, centers=3, cluster_std=0.5, random_state=0)
    is_wrong = np.random.default_rng(0).random(n) < 0.25
    y[is_wrong] = (y[is_wrong] + 1) % 3
    model = fitted(EffPropClassifier((8,), random_state=0), X, y)
    first = diagnose(model, X, y).findings[0]
    assert first.cause == "label noise"
    assert "as those of rows" in first.value


def test_classes_are_named_as_users_write_them():
    X, y = load_digits(n_class=2, return_X_y=True)
    rng = np.random.default_rng(0)
    kept = (y == 0) | (rng.random(len(y)) < 0.06)
    X = X[kept] + 30.0 * rng.normal(size=X[kept].shape)
    y = y[kept].astype(np.int32)
    model = fitted(EffPropClassifier((8,), random_state=0), X, y)
    first = diagnose(model, X, y).findings[0]
    assert first.cause == "imbalanced classes"
    assert first.evidence.startswith("class 1 has")


def test_indicators_of_the_classes_are_a_leak():
    X, y = load_wine(return_X_y=True)
    X = np.column_stack([np.eye(3)[y][:, :2], X])
    noisy = X + np.r_[0.0, 0.0, np.full(13, 3.0)] * np.random.default_rng(0).normal(
        size=X.shape
    ) * X.std(axis=0)
    model = fitted(EffPropClassifier((8,), random_state=0), noisy, y)
    first = diagnose(model, noisy, y).findings[0]
    assert first.cause == "target leaked into a column"
    assert first.value == "without columns 0, 1"
    assert first.shows_truth
    assert first.effect.after > 3.0 * first.effect.before


def test_rows_that_come_several_times_hide_the_loss_of_new_ones():
    X, y = saddle(40)
    rows = np.tile(np.arange(40), 5)
    model = fitted(EffPropRegressor((16,), random_state=0), X[rows], y[rows])
    first = diagnose(model, X[rows], y[rows]).findings[0]
    assert first.cause == "repeated rows"
    assert "80 % of the rows" in first.evidence
    assert first.effect.after > 3.0 * first.effect.before


def test_rows_of_few_categories_repeat_each_other_by_chance():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, (300, 3)).astype(float)
    y = (X.sum(axis=1) > 2.0).astype(int)
    model = fitted(EffPropClassifier((8,), random_state=0), X, y)
    assert diagnose(model, X, y).findings == []


def test_refits_of_levenberg_marquardt_on_many_weights_are_bounded():
    """Its matrices have as many rows as there are weights, or residuals."""
    X, y = saddle(2500)
    model = EffPropRegressor((400,), solver="lm", max_iter=1, random_state=0)
    subject = Subject.of(fitted(model, X[:900], y[:900]), X[:900], y[:900])
    assert 200 <= affordable_rows(subject) < 300
    assert affordable_iterations(subject, 2000, "auto") == 25
    assert affordable_iterations(subject, 2000, 7) == 7
    small = EffPropRegressor((4,), solver="lm", max_iter=1, random_state=0)
    subject = Subject.of(fitted(small, X, y), X, y)
    assert affordable_rows(subject) == 2000
    assert affordable_iterations(subject, 2000, "auto") == "auto"


@pytest.mark.parametrize("factor", [0.0, 1.0])
def test_a_score_that_does_not_know_the_better_weights_is_named(factor):
    X, y = saddle()

    def score(model, X, y):
        return factor * np.mean((model.predict(X) - y) ** 2)

    settings = {**SGD, "early_stopping": True, "scoring": score, "random_state": 0}
    model = fitted(EffPropRegressor((16,), **settings), X, y)
    first = diagnose(model, X, y).findings[0]
    assert (first.cause, first.settings) == (
        "scoring unlike the loss",
        {"scoring": "loss"},
    )
