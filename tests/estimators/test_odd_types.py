"""Objects that are no data: the column or the target, and its type, are named."""

from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
import sklearn

from sk_effprop import EffPropClassifier, EffPropRegressor
from tests.estimators.rejections import SGD, both, problem

N = 40
Grade = Enum("Grade", ["LOW", "HIGH"])
# name -> (N values, their type as it is named)
ODD = {
    "lists": ([[1, 2]] * N, "list"),
    "dicts": ([{"a": 1}] * N, "dict"),
    "sets": ([{1}] * N, "set"),
    "arrays": ([np.ones(2)] * N, "ndarray"),
    "enums": ([Grade.LOW, Grade.HIGH] * (N // 2), "Grade"),
    "uuids": ([UUID(int=i) for i in range(N)], "UUID"),
    "intervals": (pd.arrays.IntervalArray.from_breaks(range(N + 1)), "Interval"),
}
odd = pytest.mark.parametrize("name", ODD)


def objects(values):
    """Values as an array of objects, whatever NumPy would make of them."""
    array = np.empty(len(values), dtype=object)
    array[:] = list(values)
    return array


@both
@odd
def test_odd_columns_of_a_frame_are_named(cls, name):
    X, y = problem(cls, N)
    frame = pd.DataFrame({"x": X[:, 0], "odd": pd.Series(ODD[name][0])})
    with pytest.raises(ValueError, match=f"Column 'odd' of X holds {ODD[name][1]}"):
        cls(**SGD).fit(frame, y)


@both
@odd
def test_odd_columns_of_an_array_are_named(cls, name):
    X, y = problem(cls, N)
    table = np.column_stack([X.astype(object), objects(ODD[name][0])])
    message = f"Column 3 of X holds {ODD[name][1]}"
    with pytest.raises((TypeError, ValueError), match=message):
        cls(**SGD).fit(table, y)
    model = cls(**SGD).fit(np.column_stack([X, X[:, 0]]), y)
    with pytest.raises((TypeError, ValueError), match=message):
        model.predict(table)


@both
@odd
def test_odd_targets_are_named(cls, name):
    X, _ = problem(cls, N)
    is_several_labels = cls is EffPropClassifier and name == "lists"
    message = "MultiLabelBinarizer" if is_several_labels else ODD[name][1]
    with pytest.raises((TypeError, ValueError), match=message):
        cls(**SGD).fit(X, objects(ODD[name][0]))


@pytest.mark.parametrize(
    "values",
    [
        [date(2020, 1, 1 + i % 2) for i in range(N)],
        [Decimal(i % 2) for i in range(N)],
        pd.period_range("2020", periods=N, freq="M"),
        pd.Series([timedelta(i % 2) for i in range(N)]),
    ],
    ids=["date", "Decimal", "Period", "timedelta"],
)
def test_labels_are_text_numbers_or_booleans(values, request):
    X, _ = problem(EffPropClassifier, N)
    name = request.node.callspec.id
    y = values if isinstance(values, pd.Series) else objects(values)
    with pytest.raises(ValueError, match=rf"y holds labels of the type {name}.*str\("):
        EffPropClassifier(**SGD).fit(X, y)
    as_text = [str(label) for label in y]
    assert set(EffPropClassifier(**SGD).fit(X, as_text).classes_) == set(as_text)


@pytest.mark.parametrize("unit", ["m8[s]", "M8[s]"])
def test_times_are_no_targets_of_a_regression(unit):
    X, _ = problem(EffPropRegressor, N)
    with pytest.raises(ValueError, match=r"Convert it, to a number of days or seconds"):
        EffPropRegressor(**SGD).fit(X, np.arange(N).astype(unit))


def test_text_is_no_target_of_a_regression():
    X, _ = problem(EffPropRegressor, N)
    with pytest.raises(ValueError, match=r"'a'\. y must be numeric.*EffPropClassifier"):
        EffPropRegressor(**SGD).fit(X, np.array(["a", 1] * (N // 2), dtype=object))


@both
def test_complex_numbers_are_named(cls):
    X, y = problem(cls, N)
    for wrong, name in ((X + 1j, "X"), (X[:, 0] + 1j, "y")):
        data = (wrong, y) if name == "X" else (X, wrong)
        with pytest.raises(ValueError, match=f"not supported: {name} holds complex"):
            cls(**SGD).fit(*data)


@both
def test_a_structured_array_is_refused_with_a_way_out(cls):
    y = problem(cls, N)[1]
    table = np.zeros(N, dtype=[("a", float), ("b", float)])
    with pytest.raises(ValueError, match=r"Use a pandas\.DataFrame of it"):
        cls(**SGD).fit(table, y)
    frame = pd.DataFrame(table)
    assert list(cls(**SGD).fit(frame, y).feature_names_in_) == ["a", "b"]


@both
@pytest.mark.skipif(sklearn.__version__ < "1.9", reason="takes them")
def test_columns_of_one_name_are_named(cls):
    X, y = problem(cls, N)
    frame = pd.DataFrame(X, columns=["a", "b", "a"])
    with pytest.raises(ValueError, match=r"Several columns of X are named 'a'\. Ren"):
        cls(**SGD).fit(frame, y)


@both
def test_missing_objects_have_a_way_out(cls):
    X, y = problem(cls, N)
    table = X.astype(object)
    table[0, 0] = pd.NA
    with pytest.raises(TypeError, match=r"pandas\.NA among objects. Use numpy\.nan"):
        cls(**SGD).fit(table, y)


@both
def test_a_period_is_the_date_of_its_beginning(cls):
    X, y = problem(cls, N)
    months = pd.Series(pd.period_range("2020-01", periods=N, freq="M"))
    months[3] = pd.NaT
    frame = pd.DataFrame({"x": X[:, 0], "month": months})
    dates = frame.assign(month=months.dt.to_timestamp())
    model, other = cls(**SGD).fit(frame, y), cls(**SGD).fit(dates, y)
    np.testing.assert_array_equal(model.theta_, other.theta_)
    np.testing.assert_array_equal(model.predict(frame), other.predict(dates))
