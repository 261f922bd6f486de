"""Faults of the targets, and losses that do not suit them, are named."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_wine

from sk_effprop.inspection.diagnosis._data_instruments import (
    codes_of_missing,
    contradictions,
)
from tests.inspection.faults import first_finding

RNG = np.random.default_rng


def wave(n=300):
    X = RNG(2).normal(size=(n, 3))
    return X, 20.0 + 5.0 * np.sin(2.0 * X[:, 0]) + X[:, 1] + RNG(3).normal(size=n)


def test_codes_in_the_targets_are_named():
    X, y = wave()
    y[::20] = -999.0
    first = first_finding(X, y)
    assert first.cause == "missing values coded as numbers"
    assert first.value == "without the rows whose target is -999"
    assert first.effect.after < 0.5 * first.effect.before


@pytest.mark.parametrize("step", [-1, 1])
def test_targets_of_neighbouring_rows_are_told(step):
    X, y = wave()
    first = first_finding(X, np.roll(y, step))
    assert (first.cause, first.parameter) == ("targets of other rows", "y")
    how = {1: "up", -1: "down"}[step]
    assert first.value == f"moved {how} by one row"
    assert first.effect.after < 0.5 < first.effect.before


def test_targets_in_any_order_are_nothing_to_learn():
    X, y = wave()
    first = first_finding(X, RNG(0).permutation(y))
    assert first.cause == "nothing to learn"
    assert first.parameter == ""


def test_rows_that_contradict_each_other_are_named():
    X, y = load_wine(return_X_y=True)
    again = RNG(0).permutation(len(y))[:80]
    X, y = np.vstack([X, X[again]]), np.r_[y, (y[again] + 1) % 3]
    first = first_finding(X, y)
    assert (first.cause, first.parameter) == ("contradictory rows", "y")


def test_contradictions_are_rows_with_equal_inputs_and_other_targets():
    X = np.column_stack([np.r_[0:8, 2, 3], np.ones(10)]).astype(float)
    y = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 2, 9])[:, None]
    assert contradictions(X, y).tolist() == [3, 9]


def test_labels_that_became_those_of_one_class_are_noise():
    X, y = load_breast_cancer(return_X_y=True)
    y[RNG(0).random(len(y)) < 0.25] = 0
    first = first_finding(X, y)
    assert (first.cause, first.parameter) == ("label noise", "y")
    assert first.evidence.startswith("the labels of class 0 contradict")


def test_medians_of_targets_that_are_mostly_zero_say_little():
    X, _ = wave()
    y = RNG(0).poisson(np.exp(X[:, 0] - 1.0)).astype(float)
    first = first_finding(X, y, loss="absolute_error")
    assert (first.cause, first.parameter) == ("loss unlike the targets", "loss")
    assert first.value in ("squared_error", "poisson")
    assert first.effect.after < first.effect.before


def test_targets_of_many_sizes_are_skewed():
    X, y = wave()
    y = np.exp((y - 20.0) / 1.5)
    first = first_finding(X, y)
    assert (first.cause, first.value) == ("skewed targets", "gamma")


@pytest.mark.parametrize(
    ("code", "others", "is_certain"),
    [
        (-1.0, np.linspace(5.0, 60.0, 90), True),
        (0.0, np.linspace(1900.0, 1990.0, 90), True),
        # as hours of work of which many people have none
        (0.0, np.linspace(1.0, 60.0, 90), False),
    ],
)
def test_numbers_that_are_frequent_and_odd_are_codes(code, others, is_certain):
    x = np.r_[np.full(20, code), others][:, None]
    assert codes_of_missing(x) == [(0, code, is_certain)]


def test_indicators_have_no_codes():
    x = (np.arange(100) % 9 == 0).astype(float)
    assert codes_of_missing(np.column_stack([x, 1.0 - x])) == []
