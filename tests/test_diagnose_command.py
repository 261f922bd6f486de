"""``python -m sk_effprop diagnose`` prints a diagnosis and writes it as a page."""

import csv

import numpy as np
import pytest
from sklearn.datasets import load_wine

from sk_effprop.__main__ import main


@pytest.fixture
def table(tmp_path):
    """A CSV file of the wines, one column of them twice."""
    X, y = load_wine(return_X_y=True)
    X = np.column_stack([X, X[:, 0]])
    path = tmp_path / "wine.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([f"f{i}" for i in range(14)] + ["kind"])
        rows.writerows([*x, int(k)] for x, k in zip(X.tolist(), y, strict=True))
    return path


def test_a_table_is_diagnosed(table, tmp_path, capsys):
    page = tmp_path / "page.html"
    options = ["--data", str(table), "--target", "kind", "--output", str(page)]
    assert main(["diagnose", *options]) == 0
    printed = capsys.readouterr().out
    assert "Duplicated columns: column f13 repeats" in printed
    assert f"Diagnosis saved to {page}" in printed
    html = page.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "Duplicated columns" in html


def test_what_was_left_out_of_a_table_is_said(table, tmp_path, capsys):
    lines = table.read_text().splitlines()
    lines = [f"{line},{'name' if i == 0 else f'n{i}'}" for i, line in enumerate(lines)]
    table.write_text("\n".join(lines))
    options = ["--data", str(table), "--target", "kind"]
    assert main(["diagnose", *options, "--output", str(tmp_path / "page.html")]) == 0
    assert "Column 'name' was left out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--data": "nope.csv"}, "File not found: nope.csv"),
        ({"--target": "colour"}, "has no column 'colour'"),
        ({"--output": "no/such/folder/page.html"}, "page.html cannot be written"),
    ],
)
def test_what_cannot_be_read_or_written_is_refused(table, capsys, changed, message):
    options = {"--data": str(table), "--target": "kind", "--output": "page.html"}
    pairs = (options | changed).items()
    assert main(["diagnose", *(word for pair in pairs for word in pair)]) == 2
    assert message in capsys.readouterr().err


def test_data_and_target_are_required(capsys):
    with pytest.raises(SystemExit):
        main(["diagnose"])
    assert "--data" in capsys.readouterr().err
