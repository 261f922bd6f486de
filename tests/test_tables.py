"""TableEncoder: against scikit-learn's transformers, and from frame to frame."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from sk_effprop import TableEncoder
from tests.tables import days, table

MIXED = {
    "categories": pd.DataFrame({"x": pd.Categorical(["b", None, "a", "b"])}),
    "ordered": pd.DataFrame({"x": pd.Categorical(list("abba"), ordered=True)}),
    "intervals": pd.DataFrame({"x": pd.cut(pd.Series([1.0, 5.0, 9.0, np.nan]), 2)}),
    "codes": pd.DataFrame({"x": pd.Categorical([3, None, 1, 3])}),
    "flags": pd.DataFrame({"x": pd.Categorical([True, None, False, True])}),
    "text": pd.DataFrame({"x": ["b", None, "a", "b"]}),
    "objects": pd.DataFrame({"x": pd.Series(["b", None, "a", np.nan], dtype=object)}),
    "nullable text": pd.DataFrame({"x": pd.array(list("ab"), dtype="string")}),
}
NUMBERS = {
    "integers": ([1, 2, 2], [1.0, 2.0, 2.0]),
    "booleans": ([True, False, True], [1.0, 0.0, 1.0]),
    "nullable booleans": (
        pd.array([True, None, True], dtype="boolean"),
        [1.0, np.nan, 1.0],
    ),
    "booleans as objects": (
        pd.Series([True, None, False], dtype=object),
        [1.0, np.nan, 0.0],
    ),
    "nullable integers": (pd.array([5, None, 7], dtype="Int64"), [5.0, np.nan, 7.0]),
    "decimals": (
        pd.Series([Decimal("1.5"), None, Decimal(2)], dtype=object),
        [1.5, np.nan, 2.0],
    ),
    "dates": (
        pd.to_datetime(["1970-01-02", None, "1970-01-03T12:00"], format="ISO8601"),
        [1.0, np.nan, 2.5],
    ),
    "dates with a time zone": (
        pd.to_datetime(["1970-01-02T01:00"] * 3).tz_localize("Europe/Berlin"),
        [1.0, 1.0, 1.0],
    ),
    "dates as objects": (
        pd.Series([datetime.date(1970, 1, 2), None, None], dtype=object),
        [1.0, np.nan, np.nan],
    ),
    "durations": (pd.to_timedelta([1, None, 36], unit="h"), [1 / 24, np.nan, 1.5]),
    "nothing": (pd.Series([None, np.nan, None], dtype=float), [np.nan] * 3),
}


def encoded(X, **settings):
    return TableEncoder(**settings).fit(X).transform(X)


# --------------------------------------------------------------------- what comes out


@pytest.mark.parametrize("min_frequency", [1, 5, 30])
def test_it_does_what_scikit_learns_transformers_do(min_frequency):
    frame = table()
    result = encoded(frame, min_frequency=min_frequency)
    numbers = np.column_stack(
        [
            frame["age"],
            days(frame["born"]),
            frame["member"].to_numpy(float, na_value=np.nan),
            frame["size"],
        ]
    )
    imputer = SimpleImputer(strategy="median", add_indicator=True)
    by_hand = [imputer.fit_transform(numbers)]
    for values in (frame["town"].to_numpy(object), frame["grade"].to_numpy(int)):
        encoder = OneHotEncoder(
            min_frequency=min_frequency, handle_unknown="infrequent_if_exist"
        )
        by_hand.append(encoder.fit_transform(values[:, None]).toarray())
    np.testing.assert_array_equal(result, np.hstack(by_hand))


def test_names_and_sources_tell_what_each_input_is():
    encoder = TableEncoder(min_frequency=2).fit(table())
    names = encoder.get_feature_names_out()
    assert names.tolist() == [
        "age", "born", "member", "size", "missingindicator_age",
        "missingindicator_member", "town_Bonn", "town_Kiel", "town_Trier", "town_nan",
        "town_infrequent_sklearn", "grade_1.0", "grade_2.0", "grade_3.0",
    ]  # fmt: skip
    of_inputs = encoder.feature_names_in_[encoder.source_]
    assert all(one in name for one, name in zip(of_inputs, names, strict=True))
    assert encoder.n_features_in_ == 6
    assert encoder.kinds_ == (
        "number", "category", "date", "number", "number", "category"
    )  # fmt: skip


@pytest.mark.parametrize("column", NUMBERS)
def test_numbers_booleans_and_dates_become_numbers(column):
    values, expected = NUMBERS[column]
    # a category beside it, so that every column is read
    frame = pd.DataFrame({"x": values, "c": list("aab")})
    encoder = TableEncoder(min_frequency=1).fit(frame)
    expected = np.array(expected)
    known = expected[~np.isnan(expected)]
    median = np.median(known) if len(known) else 0.0
    result = encoder.transform(frame)
    np.testing.assert_allclose(
        result[:, 0], np.where(np.isnan(expected), median, expected), rtol=1e-12
    )
    assert encoder.has_indicator_[0] == np.isnan(expected).any()


@pytest.mark.parametrize("kind", MIXED)
def test_text_and_categories_of_every_type_become_levels(kind):
    frame = MIXED[kind]
    result = encoded(frame, min_frequency=1)
    assert (result.sum(axis=1) == 1.0).all()
    codes = pd.factorize(frame["x"].astype(object), use_na_sentinel=False)[0]
    same = codes[:, None] == codes
    np.testing.assert_array_equal(result @ result.T, same)


def test_levels_are_the_same_whatever_the_type_of_the_text():
    text = pd.Series(["b", "a", "b"])
    types = "category", "string", object
    results = [encoded(text.astype(t).to_frame(), min_frequency=1) for t in types]
    for result in results:
        np.testing.assert_array_equal(result, [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])


@pytest.mark.parametrize("package", ["polars", "pyarrow"])
def test_other_frames_are_read_like_those_of_pandas(package):
    polars = pytest.importorskip("polars")
    frame = table()
    other = polars.from_dict(
        {
            name: [None if pd.isna(v) else v for v in frame[name].tolist()]
            for name in frame
        }
    ).with_columns(polars.col("grade").cast(polars.String).cast(polars.Categorical))
    if package == "pyarrow":
        pytest.importorskip("pyarrow")
        other = other.to_arrow()
    expected = encoded(frame.assign(grade=frame["grade"].astype(str)), min_frequency=2)
    np.testing.assert_array_equal(encoded(other, min_frequency=2), expected)


def test_arrays_of_objects_are_read_by_columns():
    frame = table().drop(columns="born")
    names = ["town", "grade"]
    by_name = encoded(frame, categorical_features=names, min_frequency=2)
    chosen = [frame.columns.get_loc(name) for name in names]
    values = frame.to_numpy(dtype=object)
    for given in (chosen, np.isin(frame.columns, names)):
        result = encoded(values, categorical_features=given, min_frequency=2)
        np.testing.assert_array_equal(result, by_name)


def test_numbers_can_be_categories():
    X = np.array([[3.0, 1.0], [5.0, 2.0], [3.0, np.nan]])
    encoder = TableEncoder([0], min_frequency=1).fit(X)
    expected = [[1.0, 0.0, 1.0, 0.0], [2.0, 0.0, 0.0, 1.0], [1.5, 1.0, 1.0, 0.0]]
    np.testing.assert_array_equal(encoder.transform(X), expected)
    assert encoder.get_feature_names_out().tolist()[-2:] == ["x0_3.0", "x0_5.0"]


# --------------------------------------------------------------------------- new tables


def test_a_column_has_inputs_for_its_most_frequent_levels(monkeypatch):
    monkeypatch.setattr("sk_effprop._levels.MAX_LEVELS", 2)
    frame = pd.DataFrame({"x": list("aaabbbbcccd") + [None] * 3})
    names = TableEncoder().fit(frame).get_feature_names_out().tolist()
    assert names == ["x_a", "x_b", "x_nan", "x_infrequent_sklearn"]


@pytest.mark.parametrize("min_frequency", [1, 2])
def test_an_unknown_level_counts_as_rare_or_has_no_input(min_frequency):
    frame = pd.DataFrame({"x": ["a", "a", "b", "b", "c"]})
    encoder = TableEncoder(min_frequency=min_frequency).fit(frame)
    new = encoder.transform(pd.DataFrame({"x": ["d", None]}))
    if min_frequency == 1:
        np.testing.assert_array_equal(new, np.zeros((2, 3)))
    else:
        rare = encoder.transform(frame)[4]
        np.testing.assert_array_equal(new, [rare, rare])


def test_a_value_that_was_never_missing_is_replaced_by_the_median():
    frame = pd.DataFrame({"x": [1.0, 2.0, 6.0, 9.0], "c": list("aabb")})
    encoder = TableEncoder(min_frequency=1).fit(frame)
    new = encoder.transform(frame.assign(x=[np.nan, 1.0, 1.0, 1.0]))
    assert new[0, 0] == encoder.medians_[0] == 4.0
    assert not encoder.has_indicator_.any()


def test_missing_values_may_be_all_there_is_of_a_column():
    frame = table()
    encoder = TableEncoder().fit(frame)
    nothing = pd.DataFrame({name: [None] for name in frame})
    row = encoder.transform(nothing)[0]
    numbers = encoder.medians_[~np.isnan(encoder.medians_)]
    np.testing.assert_array_equal(row[:4], numbers)


CHANGES = {
    "text_for_numbers": ({"age": "old"}, "'age' of X is a category now, .* a number"),
    "numbers_for_text": ({"town": 3.0}, "categories of column 'town' are numbers, .*"),
    "text_for_codes": ({"grade": "one"}, "categories of column 'grade' are text, but"),
    "numbers_for_dates": ({"born": 5}, "'born' of X is a number now, but was a date"),
    "lists": ({"age": [[[1]] * 60]}, "'age' of X holds list, which is neither a num"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_columns_of_another_kind_are_refused(change):
    frame = table()
    encoder = TableEncoder().fit(frame)
    ((name, value),) = CHANGES[change][0].items()
    value = value[0] if isinstance(value, list) else value
    changed = frame.assign(**{name: pd.Series(value, index=frame.index)})
    with pytest.raises(ValueError, match=CHANGES[change][1]):
        encoder.transform(changed)


def test_columns_that_are_no_data_are_refused():
    for values, message in [
        ([1, "a"], "mixes values of the types int, str. Use one type for the whole"),
        ([{1}, {2}], "holds set, which is neither a number, a date, text nor a cat"),
        ([1j, 2j], "Complex data not supported|complex128"),
    ]:
        frame = pd.DataFrame({"x": values, "c": ["a", "b"]})
        with pytest.raises(ValueError, match=message):
            TableEncoder().fit(frame)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (["age", "height"], r"\['height'\] are no columns; X has \['age', 'town'"),
        ([0, 6], r"indices must be in \[0, 5\]"),
        ([True, False], "a mask must have 6 entries"),
        (["age"], "Column 'town' of X holds text, but categorical_features=.*not name"),
        (None, "Column 'town' of X holds text, but categorical_features=None does no"),
    ],
)
def test_a_wrong_choice_of_columns_is_refused(choice, message):
    with pytest.raises(ValueError, match=message):
        TableEncoder(choice).fit(table())


def test_names_need_a_frame_and_categories_a_dense_array():
    X = np.ones((3, 2))
    with pytest.raises(ValueError, match="X has none, as X is not a data frame"):
        TableEncoder(["a"]).fit(X)
    with pytest.raises(ValueError, match="data frame or a dense array, got sparse X"):
        TableEncoder([0]).fit(sparse.csr_array(X))


def test_a_table_without_rows_is_refused():
    with pytest.raises(ValueError, match="X has no rows"):
        TableEncoder().fit(MIXED["text"][:0])


def test_infinity_is_refused():
    frame = table().assign(size=np.inf)
    with pytest.raises(ValueError, match="Input X contains infinity"):
        TableEncoder().fit(frame)


# ------------------------------------------------------------------------------ weights


@pytest.mark.parametrize("unit", [1.0, 0.1, 1e200])
def test_a_weight_of_two_has_the_effect_of_two_rows(unit):
    frame = table()
    times = np.random.default_rng(0).integers(0, 4, len(frame))
    times[0] = 1
    repeated = frame.loc[np.repeat(frame.index, times)]
    by_rows = TableEncoder(min_frequency=30).fit(repeated)
    by_weight = TableEncoder(min_frequency=30).fit(frame, sample_weight=unit * times)
    np.testing.assert_array_equal(by_weight.medians_, by_rows.medians_)
    assert (
        by_weight.get_feature_names_out().tolist()
        == by_rows.get_feature_names_out().tolist()
    )
    plain = TableEncoder(min_frequency=30).fit(frame)
    assert len(plain.get_feature_names_out()) < len(by_rows.get_feature_names_out())


# ---------------------------------------------------------------------- sparse, float32


def test_sparse_data_give_what_dense_data_give():
    rng = np.random.default_rng(0)
    X = rng.poisson(0.5, (50, 6)).astype(float)
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:, 5] = 1.0
    weight = rng.integers(1, 4, 50)
    dense = TableEncoder().fit(X, sample_weight=weight)
    thin = TableEncoder().fit(sparse.csr_array(X), sample_weight=weight)
    np.testing.assert_array_equal(thin.medians_, dense.medians_)
    result = thin.transform(sparse.csc_array(X))
    assert result.format == "csr"
    np.testing.assert_array_equal(result.toarray(), dense.transform(X))


def test_large_results_are_sparse(monkeypatch):
    frame = table()
    expected = encoded(frame)
    monkeypatch.setattr("sk_effprop._tables.MAX_DENSE_NUMBERS", 100)
    result = encoded(frame)
    assert sparse.issparse(result)
    np.testing.assert_array_equal(result.toarray(), expected)


def test_single_precision_stays():
    frame = pd.DataFrame({"x": np.float32([1, np.nan]), "c": ["a", "b"]})
    assert encoded(frame).dtype == np.float32
    assert encoded(frame.assign(y=[1.0, 2.0])).dtype == np.float64
    assert encoded(np.float32([[1.0], [np.nan]])).dtype == np.float32


def test_the_stand_in_for_rare_numbers_is_none_of_them():
    X = np.array([[1.0]] * 9 + [[2.0]] * 9 + [[-7.5], [3.0], [1e9]])
    encoder = TableEncoder(categorical_features=[0], min_frequency=5).fit(X)
    assert encoder.levels_[0].values.tolist() == [1.0, 2.0]
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]
    found = encoder.transform([[1.0], [2.0], [-7.5], [4.0]])
    np.testing.assert_array_equal(found, expected)


def test_the_stand_in_for_rare_text_is_none_of_the_levels():
    X = np.array([["rare"]] * 9 + [["rare_"]] * 9 + [["x"]], dtype=object)
    encoder = TableEncoder(categorical_features=[0], min_frequency=5).fit(X)
    found = encoder.transform(np.array([["rare"], ["rare_"], ["x"]], dtype=object))
    np.testing.assert_array_equal(found, np.eye(3))
