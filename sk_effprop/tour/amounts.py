"""Numbers that are written with separators, a currency, or a unit."""

from typing import Any

import numpy as np

from sk_effprop._text import are_numbers

# What separates thousands, for each decimal mark.
THOUSANDS = {".": r"[, '’](?=\d{3})", ",": r"[. '’](?=\d{3})"}
# The sign, which may stand before or after a currency, and the figures.
AMOUNT = r"^\s*([-+]?)[^\d.]*?([-+]?[\d.]+(?:[eE][-+]?\d+)?).*$", r"\1\2"


def convert_amounts(frame: Any, decimal: str, notes: list[str]) -> list[str]:
    """Convert columns of such text in place, and return their names.

    Parameters
    ----------
    frame : DataFrame
    decimal : {".", ","}
        Decimal mark.
    notes : list of str
        A sentence about each of these columns is appended.
    """
    found = []
    for name in frame.columns:
        text = frame[name].dropna()
        if text.dtype.kind in "iufbM" or not len(text):
            continue
        counts = text.astype(str).value_counts()
        if are_numbers(counts.index.tolist(), np.asarray(counts), decimal):
            frame[name] = amounts(frame[name], decimal)
            notes.append(
                f"Column {name!r} consists of numbers, which are written as in "
                f"{text.iloc[0]!r}."
            )
            found.append(name)
    return found


def amounts(column: Any, decimal: str) -> Any:
    """Numbers of a column of text; NaN for what is none."""
    import pandas as pd

    text = column.astype(object).str.replace(THOUSANDS[decimal], "", regex=True)
    text = text.str.replace(",", ".").str.replace(*AMOUNT, regex=True)
    return pd.to_numeric(text, errors="coerce")
