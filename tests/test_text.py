"""Text that looks like numbers or dates, and that which is left alone."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score

from sk_effprop import EffPropRegressor, TableEncoder
from sk_effprop._text import are_dates, are_numbers, numbers_in
from sk_effprop.out_of_core import fit_batches

RNG = np.random.default_rng(0)
N = 90
AMOUNTS = RNG.uniform(1.0, 9000.0, N)
DAYS = pd.Timestamp("2001-01-31") + pd.to_timedelta(1.01 * np.arange(N), "D")
NUMBERS = {
    "separators": [f"{x:,.2f}" for x in AMOUNTS],
    "decimal commas": [f"{x:.1f}".replace(".", ",") for x in AMOUNTS],
    "a currency": [f"${x:,.0f}" for x in AMOUNTS],
    "a code of a currency": [f"EUR {x:.2f}" for x in AMOUNTS],
    "a percent sign": [f"{x:.0f}%" for x in AMOUNTS],
    "units": [f"{x:.0f} kg" if x > 50 else f"{x:.1f} g" for x in AMOUNTS],
    "codes of missing values": ["?" if x < 900 else f"{x:.0f}" for x in AMOUNTS],
    "ages": ["?" if i % 9 == 0 else f"{20 + i % 60}" for i in range(N)],
    "signs": [f"{x - 4000:+.1f}" for x in AMOUNTS],
    "exponents": [f"{x:.1e}" for x in AMOUNTS],
}
DATES = {
    form: DAYS.strftime(form).tolist()
    for form in (
        "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%y", "%d %b %Y", "%B %d, %Y",
        "%Y-%m-%d %H:%M:%S", "%Y-%m", "%d-%B-%Y", "%H:%M:%S", "%I:%M %p",
    )
}  # fmt: skip
CATEGORIES = {
    "towns": ["Bonn", "Kiel", "Trier"] * (N // 3),
    "codes of the post": [f"{10000 + i % 30}" for i in range(N)],
    "codes with leading zeros": [f"{i % 30:04d}" for i in range(N)],
    "few numbers": [f"{i % 12}" for i in range(N)],
    "ranges": [f"{10 * (i % 9)}-{10 * (i % 9) + 9}" for i in range(N)],
    "seats": [f"{i // 6}{'ABCDEF'[i % 6]}" for i in range(N)],
    "ordinals": ["1st", "2nd", "3rd", "4th", "5th", "6th"] * (N // 6),
    "a last level for all above": ["0", "1", "2", "3", "4+", "5 or more"] * (N // 6),
    "numbers and more than a number": [f"{i}" if i < 80 else "80+" for i in range(N)],
    "names": [f"name {i}" for i in range(N)],
}


def table(text):
    return pd.DataFrame({"x": text, "z": np.arange(N) % 7.0})


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("1,234.5", ".", 1234.5),
        ("1.234,5", ",", 1234.5),
        (" 12 345 ", ".", 12345.0),
        ("-$5", ".", -5.0),
        ("$-5", ".", -5.0),
        ("EUR 3.50", ".", 3.5),
        ("5 kg", ".", 5.0),
        ("12%", ".", 12.0),
        ("+1e-3", ".", 0.001),
        (",5", ",", 0.5),
        ("?", ".", np.nan),
        ("1.2.3", ".", np.nan),
    ],
)
def test_numbers_are_read_without_separators_currency_and_unit(text, decimal, number):
    np.testing.assert_equal(numbers_in([text], decimal), [number])


@pytest.mark.parametrize("form", NUMBERS)
def test_numbers_that_are_text_are_told_by_name(form):
    with pytest.warns(UserWarning, match="Column 'x' of X is text that looks like num"):
        TableEncoder().fit(table(NUMBERS[form]))


@pytest.mark.parametrize("form", DATES)
def test_dates_that_are_text_are_told_by_name(form):
    with pytest.warns(UserWarning, match="Column 'x' of X is text that looks like dat"):
        TableEncoder().fit(table(DATES[form]))


@pytest.mark.parametrize("kind", CATEGORIES)
def test_categories_are_categories(kind):
    assert set(TableEncoder().fit(table(CATEGORIES[kind])).kinds_) == {
        "category", "number",
    }  # fmt: skip


def test_several_columns_share_a_sentence():
    frame = pd.DataFrame({"a": DATES["%Y-%m-%d"], "b": DATES["%d.%m.%Y"]})
    with pytest.warns(UserWarning, match="Columns 'a', 'b' of X are text"):
        TableEncoder().fit(frame)


@pytest.mark.parametrize("declare", ["dtype", "name"])
def test_who_declares_a_category_hears_nothing(declare):
    frame = table(np.repeat(NUMBERS["a currency"][: N // 3], 3))
    encoder = TableEncoder()
    if declare == "dtype":
        frame = frame.astype({"x": "category"})
    else:
        encoder.set_params(categorical_features=["x"])
    assert len(encoder.fit(frame).levels_) == 1


def test_a_declared_category_that_loses_its_levels_is_told():
    frame = table(NUMBERS["a currency"]).astype({"x": "category"})
    with pytest.warns(UserWarning, match="Column 'x' of X is text that looks like num"):
        TableEncoder().fit(frame)


def test_what_was_read_as_dates_or_numbers_needs_no_word():
    frame = table(DAYS).assign(y=AMOUNTS)
    assert TableEncoder().fit(frame).kinds_ == ("date", "number", "number")


def test_the_warning_of_a_search_points_to_the_line_of_the_user():
    with pytest.warns(UserWarning, match="looks like dat") as caught:
        cross_val_score(
            EffPropRegressor((), max_iter=2, tol=0, random_state=0),
            table(DATES["%Y-%m-%d"]),
            AMOUNTS,
        )
    assert {one.filename for one in caught} == {__file__}


def test_streams_and_parts_say_the_same():
    frame = table(DATES["%Y-%m-%d"])
    model = EffPropRegressor((), max_iter=2, tol=0, random_state=0)
    with pytest.warns(UserWarning, match="looks like dat") as of_stream:
        model.partial_fit(frame, AMOUNTS)
    with pytest.warns(UserWarning, match="looks like dat") as of_parts:
        fit_batches(model, [(frame, AMOUNTS)])
    assert str(of_stream[0].message) == str(of_parts[0].message)


def test_predictions_of_such_a_table_are_silent():
    frame = table(DATES["%Y-%m-%d"])
    with pytest.warns(UserWarning, match="looks like dat"):
        encoder = TableEncoder().fit(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.transform(frame)


def test_a_decimal_mark_decides_what_is_a_number():
    once = np.ones(2)
    assert are_numbers(["1,234", "5"], once)
    assert not are_numbers(["1,2", "5"], once)
    assert are_numbers(["1,2", "5"], once, ",")
    assert are_dates(["31.12.2020", "1.1.2021"], once)
    assert not are_numbers(["31.12.2020", "1.1.2021"], once)


@pytest.mark.parametrize("has_use", [True, False])
def test_a_bad_fit_tells_of_names_and_a_good_one_is_silent(has_use):
    frame = table(CATEGORIES["names"])
    model = EffPropRegressor((), random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(frame if has_use else frame[["x"]], 1.0 * frame["z"])
    told = [str(one.message) for one in caught]
    assert len(told) == (0 if has_use else 1)
    assert all("No value of column 'x' of X occurs in 3 rows" in one for one in told)
    assert ("'x'" in model.convergence_.advice) == (not has_use)
