"""Tables are read, and columns sorted by kind."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sk_effprop.tour.errors import Refusal
from sk_effprop.tour.reading import read_table
from tests.tour.tables import changed, mixed_table, table, write


def test_columns_are_sorted_by_kind(tmp_path):
    path = tmp_path / "mixed.csv"
    frame = mixed_table()
    frame.to_csv(path, index=False)
    table = read_table(str(path), "target")
    assert table.numbers == ["age", "since"]
    assert table.categories == ["city", "member"]
    assert table.dates == {"since": False}
    assert not table.is_classification
    known = frame.iloc[1:].reset_index(drop=True)
    pd.testing.assert_series_equal(table.X["age"], known["age"])
    days = (pd.to_datetime(known["since"]) - pd.Timestamp(0)).dt.days
    np.testing.assert_array_equal(table.X["since"], days)
    np.testing.assert_allclose(table.y, known["target"])


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["2020-02-01", "2021-12-31"], "2020-02-01"),
        (["01.02.2020", "31.12.2021"], "2020-02-01"),
        (["02/01/2020", "12/31/2021"], "2020-02-01"),
        (["01/02/2020", "31/12/2021"], "2020-02-01"),
        (["1 Feb 2020", "31 Dec 2021"], "2020-02-01"),
        (["2020-02-01 12:00:00+02:00", "2021-12-31 00:00:00Z"], "2020-02-01 10:00"),
        (["May", "June"], None),
        (["12:30", "13:45"], None),
        (["a.1", "b.2"], None),
    ],
)
def test_dates_are_told_from_other_texts(tmp_path, texts, first):
    path = tmp_path / "table.csv"
    write(path, ["a", "target"], [[text, i] for i in range(30) for text in texts])
    read = read_table(str(path), "target", "regression")
    if first is None:
        assert read.categories == ["a"]
    else:
        days = (pd.Timestamp(first) - pd.Timestamp(0)) / pd.Timedelta(days=1)
        assert read.X["a"].iloc[0] == pytest.approx(days)


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["$1,234", "$56", "-$7.5"], [1234.0, 56.0, -7.5]),
        (["5 kg", "70.5 kg", "3e2 kg"], [5.0, 70.5, 300.0]),
        (["12%", "3%", "4.5 %"], [12.0, 3.0, 4.5]),
        (["10 m2", "200 m2", "n/a"], [10.0, 200.0, np.nan]),
        (["1'234", "56", "7"], [1234.0, 56.0, 7.0]),
    ],
)
def test_numbers_with_separators_and_units_are_read(tmp_path, texts, values, separator):
    path = tmp_path / "table.csv"
    texts = texts * 10
    if separator == ";":
        texts = [text.translate(str.maketrans(".,", ",.")) for text in texts]
    frame = pd.DataFrame({"a": texts, "other": "x", "target": np.arange(30.0)})
    frame.to_csv(
        path, index=False, sep=separator, decimal="," if separator == ";" else "."
    )
    read = read_table(str(path), "target")
    assert read.numbers == read.amounts == ["a"]
    np.testing.assert_array_equal(read.X["a"].to_numpy(), values * 10)
    assert any("consists of numbers" in note for note in read.notes)


def test_a_text_with_digits_among_numbers_is_no_missing_value(tmp_path):
    path = tmp_path / "table.csv"
    write(path, ["a", "target"], [[a, i] for i in range(9) for a in (0, 1, 2, "3+")])
    read = read_table(str(path), "target", "regression")
    assert read.categories == ["a"]
    assert set(read.X["a"]) == {"0", "1", "2", "3+"}


@pytest.mark.parametrize(
    ("n_distinct", "is_classification", "n_notes"),
    [
        (2, True, 0),
        (3, True, 1),
        (10, True, 1),
        (11, False, 1),
        (20, False, 1),
        (40, False, 0),
    ],
)
def test_the_choice_of_the_task_is_told_where_it_may_be_wrong(
    tmp_path, n_distinct, is_classification, n_notes
):
    path = tmp_path / "table.tsv"
    rounded = np.arange(120) % n_distinct + 8.0
    frame = pd.DataFrame({"a": np.arange(120), "target": rounded})
    frame.to_csv(path, index=False, sep="\t")
    read = read_table(str(path), "target")
    assert read.is_classification == is_classification
    assert sum("--task" in note for note in read.notes) == n_notes
    task = "regression" if is_classification else "classification"
    chosen = read_table(str(path), "target", task)
    assert chosen.is_classification != is_classification
    assert not any("--task" in note for note in chosen.notes)


def test_workers_are_quiet(tmp_path):
    """Neither warnings of fits without a trick nor those of the baselines are shown."""
    options = write(tmp_path / "table.csv", *table("values"))
    command = [sys.executable, "-m", "sk_effprop", *options, "--jobs", "2"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stderr == ""
    assert "full recipe" in result.stdout


def test_columns_are_read_by_name(tmp_path):
    path = tmp_path / "table.csv"
    header, rows = table("values")
    write(path, header, rows)
    read = read_table(str(path), "target")
    np.testing.assert_allclose(read.X, [[a, b] for a, _, b in rows])
    np.testing.assert_allclose(read.y, [t for _, t, _ in rows])
    np.testing.assert_array_equal(read_table(str(path), "b").y, read.X["b"])


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    path = tmp_path / "table.csv"
    write(path, ["a", "b", "b"], [[i, i, i] for i in range(20)])
    with pytest.raises(Refusal) as refused:
        read_table(str(path), "target")
    assert "no column 'target'" in str(refused.value)
    assert "several columns named 'b'" in str(refused.value)
    write(path, ["a", "target"], [[1, "x"] for _ in range(3)])
    with pytest.raises(Refusal) as refused:
        read_table(str(path), "target", "regression")
    for problem in ("is text", "too few rows", "no column", "'a' was left out"):
        assert problem in str(refused.value)


@pytest.mark.parametrize(("row", "column"), [(3, 0), (3, 2)])
@pytest.mark.parametrize("value", ["", "nan", "-inf"])
def test_missing_values_are_filled_in(tmp_path, row, column, value):
    header, rows = table("values")
    changed(row, column, value)(header, rows)
    path = tmp_path / "table.csv"
    write(path, header, rows)
    read = read_table(str(path), "target")
    assert len(read.X) == len(rows)
    assert int(read.X.isna().sum().sum()) == 1
    assert read.numbers == ["a", "b"]


@pytest.mark.parametrize("value", ["", "nan", "inf"])
def test_rows_without_a_target_are_left_out(tmp_path, value):
    header, rows = table("values")
    changed(3, 1, value)(header, rows)
    path = tmp_path / "table.csv"
    write(path, header, rows)
    read = read_table(str(path), "target")
    assert len(read.y) == len(rows) - 1
    assert np.isfinite(read.y).all()
    assert read.notes == ["Rows left out, as they have no target: 1."]


def test_a_missing_name_of_a_class_is_no_class(tmp_path):
    header, rows = table("names")
    rows[3][1] = ""
    path = tmp_path / "table.csv"
    write(path, header, rows)
    assert set(read_table(str(path), "target").y) == {"up", "down"}


@pytest.mark.parametrize("separator", [",", ";"])
def test_texts_for_missing_values_leave_a_column_of_numbers(tmp_path, separator):
    path = tmp_path / "table.csv"
    rows = [["?" if i % 7 == 0 else f"1.{i}", "-", i] for i in range(40)]
    rows = [[a, "x" if i % 2 else b, t] for i, (a, b, t) in enumerate(rows)]
    frame = pd.DataFrame(rows, columns=["a", "b", "target"])
    decimal = {"sep": ",", "decimal": "."}
    if separator == ";":
        frame["a"] = frame["a"].str.replace(".", ",")
        decimal = {"sep": ";", "decimal": ","}
    frame.to_csv(path, index=False, sep=separator)
    read = read_table(str(path), "target", "regression")
    assert read.numbers == ["a"]
    assert read.categories == ["b"]
    np.testing.assert_array_equal(read.X["a"].isna(), np.arange(40) % 7 == 0)
    assert read.X["a"][1] == 1.1
    assert read.notes == [
        "Column 'a' consists of numbers, and '?' stands for missing values."
    ]
    again = pd.read_csv(path, **read.options)
    pd.testing.assert_series_equal(again["a"], read.X["a"])
    assert read.options.get("sep", ",") == decimal["sep"]
    assert read.options.get("decimal", ".") == decimal["decimal"]


def test_the_encoding_of_spreadsheets_is_read(tmp_path):
    path = tmp_path / "table.csv"
    lines = ["größe;farbe;target"]
    lines += [f"{i};{'grün' if i % 2 else 'rot'};{i}" for i in range(30)]
    path.write_bytes("\n".join(lines).encode("cp1252"))
    read = read_table(str(path), "target")
    assert read.numbers == ["größe"]
    assert set(read.X["farbe"]) == {"grün", "rot"}
    assert read.options == {"encoding": "cp1252", "sep": ";"}
