"""What the tour refuses, in a sentence."""

import pytest

from sk_effprop.__main__ import main
from tests.tour.tables import table, write

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
