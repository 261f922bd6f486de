"""From a CSV file to a table: columns sorted by kind, and a target."""

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sk_effprop._text import stand_for_missing
from sk_effprop.tour.amounts import convert_amounts
from sk_effprop.tour.errors import Refusal

TASKS = ("classification", "regression")
# Whole numbers with more distinct values than this are a regression target; up to the
# second number of values, the choice is told.
MAX_NUMERIC_CLASSES, MOST_DOUBTFUL = 10, 30
# Text with more distinct values than this share of its rows is no category, but names
# or free text.
MOST_DISTINCT, FEWEST_DISTINCT = 0.5, 20
# This share of the values of a column must be dates, so that it counts as dates.
MOSTLY = 0.95
FEWEST_ROWS = 10
SEPARATORS = ",;\t|"
# At least day and month as numbers, or the name of a month and a year.
LIKE_A_DATE = r"\d[-/.]\d{1,2}|[A-Za-z]{3,}.*\d{4}"
# Dates with dots begin with the day, and so does any date with a first number over 12.
DAY_FIRST = r"^\s*(?:\d{1,2}\.\d{1,2}\.|(?:1[3-9]|2\d|3[01])[-/]\d{1,2}[-/])"
NUMBER_WITH_COMMA = r"[-+]?\d{1,3}(?:\.?\d{3})*,\d+|[-+]?\d+"
# Bytes that are no UTF-8 are what spreadsheets write in Western Europe.
OTHER_ENCODING = "cp1252"
_UTF_8: dict[str, Any] = {"encoding": "utf-8-sig"}


@dataclass(frozen=True, eq=False)
class Table:
    """Inputs and target of a table.

    Attributes
    ----------
    X : DataFrame
        Columns that can be used; dates are numbers of days already.
    y : ndarray of shape (n_samples,)
    target : str
        Name of the target.
    is_classification : bool
    numbers, categories : list of str
        Names of the columns of each kind.
    dates : dict of bool
        Names of those numbers that were dates, and whether the day came first.
    amounts : list of str
        Names of those numbers that were written with separators, a currency or a unit.
    notes : list of str
        Sentences about what was left out, and about choices that were made.
    options : dict
        Arguments of ``pandas.read_csv`` that differ from its defaults.
    """

    X: Any
    y: Any
    target: str
    is_classification: bool
    numbers: list[str]
    categories: list[str]
    dates: dict[str, bool] = field(default_factory=dict)
    amounts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)


def read_table(path: str, target: str, task: str | None = None) -> Table:
    """Read a CSV file with a header line.

    Parameters
    ----------
    path : str
    target : str
        Name of the column to predict.
    task : {"classification", "regression"}, optional
        By default text, and up to ten different whole numbers, are classes.

    Raises
    ------
    Refusal
        With all that is wrong with the file at once.
    """
    frame, header, options = _read(path)
    _check_header(header, path, target)
    notes = _notes_of_codes(options.get("na_values", {}))
    amounts = convert_amounts(frame, options.get("decimal", "."), notes)
    frame = _with_target(frame, target, notes)
    numbers, categories, dates = _sort_columns(frame, target, notes)
    y, is_classification, problem = _as_target(frame[target], target, task)
    if task is None and _is_numeric(frame[target]):
        notes += _notes_of_target(frame[target], target, is_classification)
    problems = [problem] if problem else []
    if len(frame) < FEWEST_ROWS:
        problems.append(
            f"It has too few rows to learn from: {len(frame)} with a target, but at "
            f"least {FEWEST_ROWS} are needed."
        )
    if not numbers + categories:
        problems.append("It has no column that could be used as an input.")
    if problems:
        raise Refusal(_listed(path, [*problems, *notes]))
    used = [name for name in frame.columns if name in numbers or name in categories]
    return Table(
        frame[used], y, target, is_classification, numbers, categories, dates, amounts,
        notes, options,
    )  # fmt: skip


def _listed(path: str, problems: list[str]) -> str:
    lines = "".join(f"\n  - {problem}" for problem in problems)
    return f"{path} cannot be used:{lines}"


# ------------------------------------------------------------------------------ reading


def _read(path: str) -> tuple[Any, list[str], dict[str, Any]]:
    """All columns as pandas reads them, the header, and the options it was told."""
    try:
        import pandas as pd
    except ImportError:
        raise Refusal(
            "--data needs pandas, the extra 'tables': pip install 'sk_effprop[tables]'"
        ) from None
    try:
        header, options = _header(path)
        frame = pd.read_csv(path, **_UTF_8 | options)
        if "sep" in options and _has_decimal_commas(frame):
            options["decimal"] = ","
            frame = pd.read_csv(path, **_UTF_8 | options)
        if codes := _codes_of_missing(frame, options.get("decimal", ".")):
            options["na_values"] = codes
            frame = pd.read_csv(path, **_UTF_8 | options)
        if not isinstance(frame.index, pd.RangeIndex):
            raise ValueError("its rows have more fields than its header.")
    except FileNotFoundError:
        raise Refusal(f"File not found: {path}") from None
    except (OSError, ValueError, csv.Error) as error:
        raise Refusal(f"{path} is not a CSV file with a header line: {error}") from None
    return frame, header, options


def _header(path: str) -> tuple[list[str], dict[str, Any]]:
    """Names of the columns, with the separator that makes most of them."""
    options = {} if _is_utf_8(path) else {"encoding": OTHER_ENCODING}
    with open(path, newline="", **_UTF_8 | options) as file:
        line = file.readline()
    headers = {
        mark: next(csv.reader([line], delimiter=mark), []) for mark in SEPARATORS
    }
    separator = max(headers, key=lambda mark: len(headers[mark]))
    if separator != ",":
        options["sep"] = separator
    return headers[separator], options


def _is_utf_8(path: str) -> bool:
    """False for text in another encoding; binary files are refused as UTF-8."""
    content = Path(path).read_bytes()
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return b"\0" in content
    return True


def _codes_of_missing(frame: Any, decimal: str) -> dict[str, list[str]]:
    """The few texts in each column of numbers, such as "?" or "unknown"."""
    found = {}
    for name in frame.columns:
        text = frame[name].dropna()
        if not _is_text(text) or not len(text):
            continue
        text = text.astype(str).str.strip()
        is_other = _as_numbers(text, decimal).isna()
        if _are_codes(text, is_other):
            found[name] = sorted(text[is_other].unique())
    return found


def _are_codes(text: Any, is_other: Any) -> bool:
    """True if there are texts that are no numbers, and stand for missing values."""
    others = text[is_other].unique().tolist()
    return bool(others) and stand_for_missing(others, is_other.mean())


def _as_numbers(text: Any, decimal: str) -> Any:
    import pandas as pd

    if decimal != ".":
        text = text.str.replace(".", "").str.replace(decimal, ".")
    return pd.to_numeric(text, errors="coerce")


def _notes_of_codes(codes: dict[str, list[str]]) -> list[str]:
    return [
        f"Column {name!r} consists of numbers, and {', '.join(map(repr, texts))} "
        f"{'stands' if len(texts) == 1 else 'stand'} for missing values."
        for name, texts in codes.items()
    ]


def _has_decimal_commas(frame: Any) -> bool:
    """True if the numbers of some text column have commas."""
    for name in frame.columns:
        text = frame[name].dropna()
        if not _is_text(text):
            continue
        text = text.astype(str).str.strip()
        is_number = text.str.fullmatch(NUMBER_WITH_COMMA)
        has_codes = _are_codes(text, ~is_number)
        if (is_number.all() or has_codes) and text[is_number].str.contains(",").any():
            return True
    return False


def _check_header(names: list[str], path: str, target: str) -> None:
    problems = []
    if target not in names:
        problems.append(f"It has no column {target!r}, only {', '.join(names)}.")
    repeated = sorted({repr(name) for name in names if names.count(name) > 1})
    if repeated:
        problems.append(f"It has several columns named {', '.join(repeated)}.")
    if len(names) < 2:
        problems.append("It has too few columns to learn from: a single one.")
    if problems:
        raise Refusal(_listed(path, problems))


def _with_target(frame: Any, target: str, notes: list[str]) -> Any:
    """Drop the rows whose target is missing."""
    values = frame[target]
    is_known = values.notna() & ~values.isin([float("inf"), float("-inf")])
    if not is_known.all():
        notes.append(
            f"Rows left out, as they have no target: {int((~is_known).sum())}."
        )
    return frame[is_known].reset_index(drop=True)


# ------------------------------------------------------------------------------ columns


def _sort_columns(
    frame: Any, target: str, notes: list[str]
) -> tuple[list[str], list[str], dict[str, bool]]:
    """Names of numbers, categories and dates; dates become numbers of days in place."""
    numbers: list[str] = []
    categories: list[str] = []
    dates: dict[str, bool] = {}
    for name in frame.columns:
        if name == target:
            continue
        column, n_distinct = frame[name], frame[name].nunique()
        if n_distinct < 2:
            notes.append(f"Column {name!r} was left out: it is constant or empty.")
        elif _is_numeric(column):
            numbers_of = column.astype(float)
            frame[name] = numbers_of.where(np.isfinite(numbers_of), np.nan)
            numbers.append(name)
        elif (days := _as_days(column)) is not None:
            frame[name], dates[name] = days
            numbers.append(name)
        elif n_distinct > max(FEWEST_DISTINCT, MOST_DISTINCT * column.notna().sum()):
            notes.append(
                f"Column {name!r} was left out: {n_distinct} different texts are names "
                "or free text, not categories."
            )
        else:
            frame[name] = column.astype(object)
            categories.append(name)
    return numbers, categories, dates


def _is_numeric(column: Any) -> bool:
    return column.dtype.kind in "iuf"


def _is_text(column: Any) -> bool:
    return column.dtype.kind not in "iufbM"


def _as_days(column: Any) -> tuple[Any, bool] | None:
    """Parse dates to days since 1970, and tell if days come first; None if no dates.

    Dates with dots, as 31.12.2020, begin with the day.
    """
    if not _is_text(column):
        return None
    text = column.dropna().astype(str)
    if not text.str.contains(LIKE_A_DATE).mean() >= MOSTLY:
        return None
    dayfirst = bool(text.str.contains(DAY_FIRST).any())
    days = days_since_1970(column, dayfirst=dayfirst)
    if days.notna().sum() < MOSTLY * len(text):
        return None
    return days, dayfirst


def days_since_1970(column: Any, *, dayfirst: bool) -> Any:
    """Days of dates, nan for what is no date."""
    import pandas as pd

    dates = pd.to_datetime(
        column, errors="coerce", format="mixed", utc=True, dayfirst=dayfirst
    )
    return (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)


# ------------------------------------------------------------------------------- target


def _notes_of_target(column: Any, name: str, is_classification: bool) -> list[str]:
    """Sentence about a target that may be meant the other way."""
    is_whole, n_distinct = bool((column == column.round()).all()), column.nunique()
    if not is_whole or not 2 < n_distinct <= MOST_DOUBTFUL:
        return []
    found = f"The target {name!r} has {n_distinct} different whole numbers, which are "
    if is_classification:
        return [f"{found}taken for classes; --task regression predicts numbers."]
    return [f"{found}predicted as numbers; --task classification predicts classes."]


def _as_target(column: Any, name: str, task: str | None) -> tuple[Any, bool, str]:
    """Convert the target; return it, whether it holds classes, and an error or ""."""
    if _is_numeric(column):
        is_few = column.nunique() <= MAX_NUMERIC_CLASSES
        is_whole = bool((column == column.round()).all())
        is_classes = is_whole and is_few if task is None else task == TASKS[0]
        y = column.to_numpy(dtype=float)
        y = y.astype(int) if is_classes and is_whole else y
    else:
        is_classes, y = task != TASKS[1], column.astype(str).to_numpy(dtype=object)
        if not is_classes:
            return (
                y,
                False,
                f"The target {name!r} is text, but --task regression needs numbers.",
            )
    if column.nunique() < 2:
        return y, is_classes, f"The target {name!r} has only one value."
    if is_classes and column.nunique() > len(column) / 2:
        problem = (
            f"The target {name!r} has {column.nunique()} classes in {len(column)} "
            "rows. Use another column, or --task regression for numbers."
        )
        return y, True, problem
    return y, is_classes, ""
