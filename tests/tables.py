"""A small table with a column of every kind, and what is made of it by hand."""

import numpy as np
import pandas as pd

from sk_effprop import EffPropRegressor

SMALL = {
    "hidden_layer_sizes": (5,), "tol": 0.0, "max_iter": 4, "random_state": 0,
}  # fmt: skip
NAMES = ["age", "town", "born", "member", "size", "grade"]


def table(n=60, seed=0):
    """Numbers and text with missing values, dates, booleans, and a category of codes.

    "Ulm" is the only rare town, and the grades 1, 2 and 3 are common.
    """
    rng = np.random.default_rng(seed)
    age = rng.normal(40.0, 10.0, n).round(1)
    town = rng.choice(np.array(["Bonn", "Kiel", "Trier"], dtype=object), n)
    born = pd.Timestamp(0) + pd.to_timedelta(rng.integers(0, 9000, n), unit="D")
    member = pd.array(rng.random(n) < 0.5, dtype="boolean")
    grade = pd.Categorical(rng.integers(1, 4, n), categories=[1, 2, 3])
    size = rng.normal(size=n)
    age[:: n // 6] = np.nan
    town[1 :: n // 6] = None
    town[2], member[3] = "Ulm", pd.NA
    columns = [age, town, born, member, size, grade]
    return pd.DataFrame(dict(zip(NAMES, columns, strict=True)))


def targets(cls, frame):
    """Values, or classes, that depend on several kinds of columns."""
    effect = frame["town"].map({"Bonn": 1.0, "Kiel": -1.0}).fillna(0.0).astype(float)
    value = effect.to_numpy() + frame["size"].to_numpy()
    value = value + 0.5 * frame["age"].isna().to_numpy()
    if cls is EffPropRegressor:
        return value
    return np.where(value > 0, "high", "low")


def days(column):
    """Days since 1970."""
    return ((column - pd.Timestamp(0)) / pd.Timedelta("1D")).to_numpy(float)


def new_table(n=60, seed=1):
    """Other rows, with unknown levels, and missing values in all columns."""
    frame = table(n, seed).assign(
        grade=lambda old: old["grade"].astype(float),
        town=lambda old: old["town"].astype(object),
    )
    rng = np.random.default_rng(seed)
    for name, unknown in ("town", "Mainz"), ("grade", 7.0):
        frame.loc[rng.random(n) < 0.1, name] = unknown
    for name in NAMES:
        missing = None if name in ("town", "member") else np.nan
        frame.loc[rng.random(n) < 0.1, name] = missing
    return frame


def raw_columns(model, frame):
    """Columns as a runtime of ONNX takes them: text, and float64 for all others."""
    levels = model.table_encoder_.levels_
    result = {}
    for j, name in enumerate(frame):
        column = frame[name]
        if j in levels and levels[j].is_text:
            values = column.astype(object).to_numpy()
        elif column.dtype.kind == "M":
            values = days(column)
        else:
            values = column.to_numpy(float, na_value=np.nan)
        result[name] = values[:, None]
    return result
