"""The tour, ``python -m sk_effprop``, on the digits and on tables."""

import matplotlib as mpl
import numpy as np
import pytest

from sk_effprop import EffPropClassifier
from sk_effprop.__main__ import main
from sk_effprop.estimators._parameters import CLASSIFIER
from sk_effprop.model_selection._settings import default_tricks
from tests.tour.tables import QUICK, mixed_table, rows_of, score_in, table, write

mpl.use("Agg")


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    """So that no line of the table is folded."""
    monkeypatch.setenv("COLUMNS", "120")


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


@pytest.mark.no_cover  # the tour of fewer digits runs the same lines
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


@pytest.mark.parametrize("options", [{}, {"sep": ";", "decimal": ","}, {"sep": "\t"}])
def test_the_program_at_the_end_finds_the_same_score(tmp_path, capsys, options):
    """Of a table with categories, dates, currencies and missing values."""
    path = tmp_path / "mixed.csv"
    frame = mixed_table()
    frame["wage"] = [f"${1000 + 37 * i % 500:,}" for i in range(len(frame))]
    frame.to_csv(path, index=False, **options)
    assert main(["--data", str(path), "--target", "target", *QUICK]) == 0
    out = capsys.readouterr().out
    assert "Rows left out, as they have no target: 1." in out
    assert "'name' was left out: 60" in out or "'name' was left out: 59" in out
    assert "'constant' was left out: it is constant" in out
    assert "'wage' consists of numbers, which are written as in '$1,000'" in out
    line = next(line for line in rows_of(out) if "full recipe" in line)
    program = out.split("in Python:\n\n")[1]
    exec(compile(program, "program", "exec"), {})
    assert float(capsys.readouterr().out) == pytest.approx(score_in(line), abs=6e-4)


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
