"""Columns that are not what they seem are named."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine

from sk_effprop import EffPropRegressor
from sk_effprop.inspection import diagnose
from sk_effprop.inspection.diagnosis._column_instruments import (
    numbers_of_rows,
    orders,
    power_of_ten,
    telling_columns,
)
from tests.inspection.faults import first_finding, fitted

RNG = np.random.default_rng


def saddle(n=300):
    """Values of two of three columns, which no line explains."""
    X = RNG(2).normal(size=(n, 3))
    return X, X[:, 0] * X[:, 1] + np.sin(2.0 * X[:, 2]) + 0.2 * RNG(3).normal(size=n)


@pytest.mark.parametrize("start", [0, 1, 700_001])
def test_numbers_of_rows_are_identifiers(start):
    X, y = load_wine(return_X_y=True)
    order = RNG(0).permutation(len(y))
    X = np.column_stack([start + np.arange(len(y)), X[order]])
    first = first_finding(X, y[order])
    assert (first.cause, first.parameter) == ("identifiers", "X")
    assert first.value == "without column 0"


def test_a_time_that_tells_the_target_is_no_identifier():
    t = np.arange(300.0)
    X = np.column_stack([t, RNG(0).normal(size=300)])
    model = fitted(EffPropRegressor((8,), random_state=0), X, np.sin(t / 30.0))
    causes = [one.cause for one in diagnose(model, X, np.sin(t / 30.0)).findings]
    assert "identifiers" not in causes


def test_successive_times_have_similar_targets_and_identifiers_have_not():
    t = RNG(0).permutation(200.0 + np.arange(400))
    assert orders(t, np.sin(t / 20.0)[:, None])
    assert orders(t, np.column_stack([RNG(1).normal(size=400), t > 300.0]))
    assert not orders(t, RNG(1).normal(size=(400, 3)))


def test_whole_numbers_that_repeat_are_no_identifiers():
    X = np.column_stack([np.arange(100.0), np.arange(100.0) // 2, np.arange(100) / 2])
    assert numbers_of_rows(X, X[:60]).tolist() == [0]


def test_text_that_hardly_ever_repeats_is_an_identifier():
    X, y = saddle()
    frame = pd.DataFrame(X, columns=list("abc"))
    frame["who"] = [f"person {i // 2}" for i in RNG(0).permutation(len(y))]
    first = first_finding(frame, y)
    assert (first.cause, first.value) == ("identifiers", "without column who")


@pytest.mark.parametrize("decimal", [".", ","])
def test_numbers_as_text_are_named_and_converted(decimal):
    X, y = saddle()
    frame = pd.DataFrame(X.round(3)).astype(str)
    frame = frame.apply(lambda text: text.str.replace(".", decimal))
    frame.columns = list("abc")
    frame.loc[7, "b"] = "?"
    first = first_finding(frame, y)
    assert (first.cause, first.parameter) == ("numbers as text", "X")
    assert first.value == "with numbers in columns a, b, c"
    assert first.effect.after < 0.5 < first.effect.before


def test_dates_as_text_are_named():
    day = RNG(0).integers(0, 3000, 300)
    dates = np.datetime64("2001-01-01") + day.astype("timedelta64[D]")
    frame = pd.DataFrame({"day": dates.astype(str), "other": RNG(1).normal(size=300)})
    first = first_finding(frame, np.sin(day / 600.0))
    assert (first.cause, first.value) == (
        "numbers as text",
        "with numbers in column day",
    )


def test_numbers_that_are_called_categories_are_named():
    X, y = saddle()
    first = first_finding(X.round(2), y, categorical_features=[0, 1])
    assert first.cause == "numbers as categories"
    assert first.settings == {"categorical_features": None}


def test_codes_of_categories_are_named():
    X, y = saddle()
    code = RNG(5).integers(0, 10, len(y))
    effect = RNG(6).permutation(np.linspace(-4.0, 4.0, 10))[code]
    X = np.column_stack([X, code])
    first = first_finding(X, y + effect)
    assert first.cause == "categories as numbers"
    assert first.settings == {"categorical_features": [3]}
    model = EffPropRegressor((8,), random_state=0, **first.settings)
    assert fitted(model, X, y + effect).score(X, y + effect) > 0.8


def test_a_part_of_the_rows_in_another_unit_is_named():
    X, y = saddle()
    X = X + 5.0
    X[RNG(0).random(len(y)) < 0.15, 1] *= 1000.0
    first = first_finding(X, y)
    assert first.cause == "mixed units"
    assert first.value == "with one unit in all rows of column 1"


def test_the_power_between_two_units_is_exact():
    x = np.r_[np.linspace(1.0, 2.0, 50), 1000.0 * np.linspace(1.0, 2.0, 5)]
    assert power_of_ten(x, x > 100.0) == 3
    assert power_of_ten(3.0 * x, x > 100.0) == 3
    # few small values are nothing unusual
    assert power_of_ten(x, x < 1.2) == 0
    x[50:] /= 3.0
    assert power_of_ten(x, x > 100.0) == 0


def test_many_useless_columns_are_named():
    X, y = saddle()
    group = RNG(1).integers(0, 100, len(y))
    X = np.hstack([X, (group[:, None] == np.arange(100)).astype(float)])
    first = first_finding(X, y)
    assert first.cause == "useless columns"
    assert first.effect.after < 0.8 * first.effect.before


def test_a_forest_tells_columns_with_and_without_a_linear_effect():
    X = RNG(0).normal(size=(400, 60))
    truth = np.column_stack([X[:, 3], X[:, 7] ** 2])
    kept = telling_columns(X, truth, groups=np.arange(60))
    assert {3, 7} <= set(kept.tolist())
    assert len(kept) < 10
    # columns of one group stay together
    groups = np.arange(60) // 2
    assert {2, 3, 6, 7} <= set(telling_columns(X, truth, groups=groups).tolist())
