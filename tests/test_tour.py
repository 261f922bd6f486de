"""The tour, ``python -m sk_effprop``, and the ablations behind it."""

import csv

import matplotlib as mpl
import numpy as np
import pytest

from sk_effprop import EffPropClassifier
from sk_effprop.__main__ import main, read_table
from sk_effprop.estimators._parameters import CLASSIFIER
from sk_effprop.model_selection.ablation import default_tricks

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


# --------------------------------------------------------------------------- the tour


def test_on_the_digits(capsys, monkeypatch):
    """A part of them, which has every class."""
    X, y = np.arange(100)[:, None] % 10 + np.zeros((100, 4)), np.arange(100) % 10
    monkeypatch.setattr("sk_effprop.__main__.load_digits", lambda return_X_y: (X, y))
    assert main(QUICK) == 0
    out = capsys.readouterr().out
    assert "EffPropClassifier on the digits of scikit-learn: 100 rows, 4 inputs" in out
    assert "2 folds, 1 epochs, solver='sgd'" in out
    tricks = default_tricks(EffPropClassifier(solver="sgd"))
    lines = rows_of(out)
    assert [line.split()[0] for line in lines[:1]] == ["full"]
    assert len(lines) == 1 + len(tricks)
    for line, (name, value) in zip(lines[1:], tricks.items(), strict=True):
        assert line.startswith(CLASSIFIER[name].section)
        assert f" {name} " in line
        assert repr(value) in line
    assert "docs/tricks.md explains every one" in out


def test_on_all_the_digits(capsys):
    """The real ones: the full recipe has learnt something after one epoch."""
    assert main(QUICK) == 0
    out = capsys.readouterr().out
    assert "1797 rows, 64 inputs" in out
    accuracy = float(rows_of(out)[0].split()[2])
    assert accuracy > 0.85


@pytest.mark.parametrize(
    ("kind", "estimator", "measure"),
    [
        ("names", "EffPropClassifier", "accuracy"),
        ("numbers", "EffPropClassifier", "accuracy"),
        ("values", "EffPropRegressor", "R2"),
    ],
)
def test_on_a_table_of_ones_own(tmp_path, capsys, kind, estimator, measure):
    path = tmp_path / "table.csv"
    assert main(write(path, *table(kind))) == 0
    out = capsys.readouterr().out
    assert f"{estimator} on {path}: 40 rows, 2 inputs" in out
    assert f"\n{measure}: mean ± standard deviation over the folds" in out
    assert ("normalize_target" in out) == (kind == "values")
    # of squared-error classifiers alone
    assert "target_values" not in out


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
    X, y = read_table(str(path), "target")
    np.testing.assert_array_equal(X, [[a, b] for a, _, b in rows])
    np.testing.assert_array_equal(y, [t for _, t, _ in rows])
    _, b = read_table(str(path), "b")
    np.testing.assert_array_equal(b, X[:, 1])


# --------------------------------------------------------------------------- refusals


def changed(row, column, value):
    """Change a cell of the table."""

    def change(header, rows):
        rows[row][column] = value

    return change


# name -> (what is wrong with the table, what is said about it)
REFUSALS = {
    "text": (changed(3, 0, "tall"), "column 'a' is not numeric.*'tall'.*OneHotEncoder"),
    "missing_value": (changed(3, 2, ""), "column 'b' has missing.*SimpleImputer"),
    "nan": (changed(3, 2, "nan"), "column 'b' has missing or infinite values"),
    "inf": (changed(3, 2, "-inf"), "column 'b' has missing or infinite values"),
    "nan_in_target": (changed(3, 1, "nan"), "target 'target' has missing"),
    "missing_target": (changed(3, 1, ""), "target 'target' has missing"),
    "long_row": (lambda header, rows: rows[3].append(1), "longer or shorter"),
    "short_row": (lambda header, rows: rows[3].pop(), "longer or shorter"),
    "few_rows": (lambda header, rows: rows.__delitem__(slice(5, None)), "5 rows"),
    "no_rows": (lambda header, rows: rows.clear(), "0 rows"),
    "no_such_column": (
        lambda header, rows: header.__setitem__(1, "aim"),
        "no column 'target', only a, aim, b",
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
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(printed.err)


def test_a_missing_name_of_a_class_is_refused(tmp_path, capsys):
    """It is no class of its own."""
    header, rows = table("names")
    rows[3][1] = ""
    assert main(write(tmp_path / "table.csv", header, rows)) == 2
    assert "target 'target' has missing" in capsys.readouterr().err


def test_a_table_without_inputs_is_refused(tmp_path, capsys):
    options = write(tmp_path / "table.csv", ["target"], [[i] for i in range(20)])
    assert main(options) == 2
    assert "too few rows or columns to learn from" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00a", b"y\n" + b"1" * 2**18],
    ids=["empty", "UTF-16", "long"],
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
