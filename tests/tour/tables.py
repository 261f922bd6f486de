"""Tables as files, and the rows that the tour prints."""

import csv
import re

import numpy as np
import pandas as pd

QUICK = ["--folds", "2", "--epochs", "1", "--jobs", "1"]


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


def changed(row, column, value):
    """Change a cell of the table."""

    def change(header, rows):
        rows[row][column] = value

    return change
