"""The tour, ``python -m sk_effprop``, on the digits and on tables."""

import csv
import re
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from sk_effprop import EffPropClassifier
from sk_effprop.__main__ import main
from sk_effprop.estimators._parameters import CLASSIFIER
from sk_effprop.model_selection._settings import default_tricks
from sk_effprop.tour.errors import Refusal
from sk_effprop.tour.reading import read_table

mpl.use("Agg")

QUICK = ["--folds", "2", "--epochs", "1", "--jobs", "1"]


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    """So that no line of the table is folded."""
    monkeypatch.setenv("COLUMNS", "120")


def write(path, header, rows):
    """A CSV file, and the options that read it."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return ["--data", str(path), "--target", "target", *QUICK]


def table(kind, n=40):
    """Header and rows; the target comes second."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2))
    targets = {
        "names": np.where(X[:, 0] > 0, "up", "down"),
        "numbers": (X[:, 0] > 0).astype(int),
        "values": np.round(X[:, 0] + X[:, 1], 3),
    }
    rows = zip(X[:, 0], targets[kind], X[:, 1], strict=True)
    return ["a", "target", "b"], [list(row) for row in rows]


def rows_of(text):
    """The lines of the table, without what stands around it."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("section"))
    end = next(i for i, line in enumerate(lines[start:], start) if not line.strip())
    return lines[start + 1 : end]


def score_in(line):
    """The first number of a row with a decimal point."""
    return float(re.search(r"-?\d+\.\d{3}", line).group())


# --------------------------------------------------------------------------- the tour


def test_on_the_digits(capsys, monkeypatch):
    """A part of them, which has every class."""
    X, y = np.arange(100)[:, None] % 10 + np.zeros((100, 4)), np.arange(100) % 10
    monkeypatch.setattr("sk_effprop.__main__.load_digits", lambda return_X_y: (X, y))
    assert main(QUICK) == 0
    out = capsys.readouterr().out
    assert "Classification on the digits of scikit-learn: 100 rows, 4 columns" in out
    assert "2 folds, 1 epochs, solver='sgd'" in out
    tricks = default_tricks(EffPropClassifier(solver="sgd"))
    lines = rows_of(out)
    firsts = [line.split()[0] for line in lines[:4]]
    assert firsts == ["constant", "linear", "scaled", "plain"]
    place = next(i for i, line in enumerate(lines) if "full recipe" in line)
    # the steps from plain backpropagation, section by section
    steps = [line.split()[0][:3] for line in lines[4:place]]
    assert steps == sorted(steps)
    assert len(lines) == place + 1 + len(tricks)
    for line, (name, value) in zip(lines[place + 1 :], tricks.items(), strict=True):
        assert line.startswith(CLASSIFIER[name].section)
        assert f" {name} = {value!r} " in line
    assert max(map(len, lines)) <= 80
    assert "docs/tricks.md explains every trick" in out


def test_on_all_the_digits(capsys):
    """The tricks make up nearly all of the way from chance to what is possible."""
    assert main(QUICK) == 0
    out = capsys.readouterr().out
    assert "1797 rows, 64 columns" in out
    scores = {line[9:30].strip(): score_in(line) for line in rows_of(out)}
    assert scores["full recipe"] > 0.85
    assert scores["plain backpropagation"] < 0.2


@pytest.mark.parametrize(
    ("kind", "task", "measure"),
    [
        ("names", "Classification", "accuracy"),
        ("numbers", "Classification", "accuracy"),
        ("values", "Regression", "R2"),
    ],
)
def test_on_a_table_of_ones_own(tmp_path, capsys, kind, task, measure):
    path = tmp_path / "table.csv"
    assert main(write(path, *table(kind))) == 0
    out = capsys.readouterr().out
    assert f"{task} on {path}: 40 rows, 2 columns" in out
    assert f"\n{measure}: mean ± standard deviation over the folds" in out
    assert ("normalize_target" in out) == (kind == "values")
    # a trick of squared-error classifiers alone
    assert "target_values" not in out


def test_the_task_can_be_chosen(tmp_path, capsys):
    options = write(tmp_path / "table.csv", *table("numbers"))
    assert main([*options, "--task", "regression"]) == 0
    assert "Regression on" in capsys.readouterr().out


def mixed_table(n=60):
    """A table with numbers, categories, dates, gaps, and columns of no use."""
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2020-02-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
    frame = pd.DataFrame(
        {
            "name": [f"customer {i}" for i in range(n)],
            "age": rng.normal(40.0, 10.0, n).round(2),
            "city": rng.choice(["Rome", "Köln"], n),
            "since": days.strftime("%Y-%m-%d"),
            "constant": 1,
            "member": rng.random(n) < 0.5,
        }
    )
    frame["target"] = frame["age"] + 10.0 * (frame["city"] == "Rome")
    frame.loc[3:8, "age"] = np.nan
    frame.loc[7:9, ["city", "since"]] = np.nan
    frame.loc[0, "target"] = np.nan
    return frame


@pytest.mark.parametrize("options", [{}, {"sep": ";", "decimal": ","}, {"sep": "\t"}])
def test_the_program_at_the_end_finds_the_same_score(tmp_path, capsys, options):
    """Of a table with categories, dates and missing values."""
    path = tmp_path / "mixed.csv"
    mixed_table().to_csv(path, index=False, **options)
    assert main(["--data", str(path), "--target", "target", *QUICK]) == 0
    out = capsys.readouterr().out
    assert "Rows left out, as they have no target: 1." in out
    assert "'name' was left out: 60" in out or "'name' was left out: 59" in out
    assert "'constant' was left out: it is constant" in out
    line = next(line for line in rows_of(out) if "full recipe" in line)
    program = out.split("in Python:\n\n")[1]
    exec(compile(program, "program", "exec"), {})
    assert float(capsys.readouterr().out) == pytest.approx(score_in(line), abs=6e-4)


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
    np.testing.assert_array_equal(table.y, known["target"])


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["2020-02-01", "2021-12-31"], "2020-02-01"),
        (["01.02.2020", "31.12.2021"], "2020-02-01"),
        (["02/01/2020", "12/31/2021"], "2020-02-01"),
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


def test_workers_are_quiet(tmp_path):
    """Neither warnings of fits without a trick nor those of the baselines are shown."""
    options = write(tmp_path / "table.csv", *table("values"))
    command = [sys.executable, "-m", "sk_effprop", *options, "--jobs", "2"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stderr == ""
    assert "full recipe" in result.stdout


def test_a_program_for_the_digits_is_shown(capsys, monkeypatch):
    monkeypatch.setattr(
        "sk_effprop.__main__.load_digits",
        lambda return_X_y: (np.arange(40.0)[:, None] % 2, np.arange(40) % 2),
    )
    assert main(QUICK) == 0
    assert "X, y = load_digits(return_X_y=True)" in capsys.readouterr().out


def test_without_rich_the_rows_are_printed(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rich.progress", None)
    assert main(write(tmp_path / "table.csv", *table("names"))) == 0
    assert len(rows_of(capsys.readouterr().out)) > 5


def test_the_result_can_be_drawn(tmp_path, capsys):
    picture = tmp_path / "tricks.png"
    options = write(tmp_path / "table.csv", *table("names"))
    assert main([*options, "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert f"Plot saved to {picture}" in capsys.readouterr().out


def test_columns_are_read_by_name(tmp_path):
    path = tmp_path / "table.csv"
    header, rows = table("values")
    write(path, header, rows)
    read = read_table(str(path), "target")
    np.testing.assert_array_equal(read.X, [[a, b] for a, _, b in rows])
    np.testing.assert_array_equal(read.y, [t for _, t, _ in rows])
    np.testing.assert_array_equal(read_table(str(path), "b").y, read.X["b"])


# --------------------------------------------------------------------------- refusals


def changed(row, column, value):
    """Change a cell of the table."""

    def change(header, rows):
        rows[row][column] = value

    return change


# name -> (what is wrong with the table, what is said about it)
REFUSALS = {
    "long_row": (lambda header, rows: rows[3].append(1), "Expected 3 fields in line 5"),
    "long_rows": (
        lambda header, rows: [row.append(1) for row in rows],
        "rows have more fields than its header",
    ),
    "few_rows": (lambda header, rows: rows.__delitem__(slice(5, None)), "5 with a tar"),
    "no_rows": (lambda header, rows: rows.clear(), "0 with a target"),
    "no_such_column": (
        lambda header, rows: header.__setitem__(1, "aim"),
        "no column 'target', only a, aim, b",
    ),
    "constant_target": (
        lambda header, rows: [row.__setitem__(1, 5.5) for row in rows],
        "'target' has only one value",
    ),
    "names_as_target": (
        lambda header, rows: [
            row.__setitem__(1, f"n{i}") for i, row in enumerate(rows)
        ],
        "has 40 classes in 40 rows",
    ),
    "no_inputs": (
        lambda header, rows: [row.__setitem__(slice(0, 3, 2), [1, 2]) for row in rows],
        "no column that could be used",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_table_that_does_not_work_is_refused_in_a_sentence(tmp_path, capsys, name):
    spoil, message = REFUSALS[name]
    header, rows = table("values")
    spoil(header, rows)
    assert main(write(tmp_path / "table.csv", header, rows)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("sk_effprop: ")
    assert message in printed.err


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


def test_a_table_without_inputs_is_refused(tmp_path, capsys):
    options = write(tmp_path / "table.csv", ["target"], [[i] for i in range(20)])
    assert main(options) == 2
    assert "too few columns to learn from" in capsys.readouterr().err


def test_tables_need_pandas(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    assert main(write(tmp_path / "table.csv", *table("names"))) == 2
    assert "sk_effprop[tables]" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00a", b'y,"z\n' + b"1\n" * 9],
    ids=["empty", "UTF-16", "open quote"],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, capsys, content):
    path = tmp_path / "nothing.csv"
    path.write_bytes(content)
    assert main(["--data", str(path), "--target", "y"]) == 2
    err = capsys.readouterr().err
    assert f"{path} is not a CSV file with a header line" in err


def test_a_duplicated_column_is_refused(tmp_path, capsys):
    """Two columns of one name: it cannot be told which is meant."""
    header, rows = table("values")
    header[2] = "a"
    assert main(write(tmp_path / "table.csv", header, rows)) == 2
    assert "'a'" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--data", "x.csv"], ["--target", "y"]])
def test_data_and_target_go_together(capsys, options):
    with pytest.raises(SystemExit) as leave:
        main(options)
    assert leave.value.code == 2
    assert "--data and --target go together" in capsys.readouterr().err


def test_drawing_without_matplotlib_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    options = write(tmp_path / "table.csv", *table("names"))
    assert main([*options, "--plot", str(tmp_path / "tricks.png")]) == 2
    shown = capsys.readouterr()
    assert "sk_effprop[plot]" in shown.err
    # before the tour begins
    assert shown.out == ""


def test_a_missing_file_is_named(tmp_path, capsys):
    path = tmp_path / "nope.csv"
    assert main(["--data", str(path), "--target", "y"]) == 2
    assert f"File not found: {path}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [["--folds", "1"], ["--folds", "30"], ["--epochs", "0"], ["--jobs", "0"]],
    ids=str,
)
def test_numbers_that_make_no_sense_are_refused(tmp_path, capsys, options):
    """In a sentence, not in a traceback."""
    arguments = write(tmp_path / "table.csv", *table("names"))
    try:
        status = main([*arguments, *options])
    except SystemExit as leave:
        status = leave.code
    assert status == 2
    assert options[0].strip("-") in capsys.readouterr().err
