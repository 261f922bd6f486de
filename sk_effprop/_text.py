"""Recognition of text that holds numbers or dates, which were not read as such.

Columns of text are categories.  This is right for towns, but loses the order of numbers
and of dates, and most of their values are too rare to have an input.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from itertools import count
from warnings import warn

import numpy as np

from sk_effprop._columns import Labels
from sk_effprop._levels import UNKNOWN, Levels
from sk_effprop.core.arrays import Array

# Packages between a call of the user and a warning.
BETWEEN = {"sk_effprop", "sklearn", "joblib"}
# This share of the rows of a column must look like dates, or have rare levels.
MOSTLY = 0.9
# A few different texts, in less than this share of the rows, stand for missing values.
MOST_CODES, MOST_CODED = 3, 0.3
# Digits of one length are codes from this length on, such as those of the post.
CODE_LENGTH = 4
# Numbers have one unit, or are written in few ways.
MOST_UNITS = 3
# Numbers with fewer different values may well be meant as categories.
FEWEST_NUMBERS = 20
# So many different values tell what a column looks like.
MOST_LOOKED_AT = 1000
# Longer text is neither a number nor a date.
LONGEST = 40

REMARKS = {
    "dates": "{Columns} of X {are} text that looks like dates or times, and {are} "
    "used as {categories}, without any order. Convert {them}, for example with "
    "pandas.to_datetime or to_timedelta; if categories are meant, to the dtype "
    "'category'.",
    "numbers": "{Columns} of X {are} text that looks like numbers, and {are} used as "
    "{categories}, without any order. Convert {them} to numbers; if categories are "
    "meant, to the dtype 'category'.",
}

NAMES = (
    "No value of {columns} of X occurs in {n} rows, so that the network learns nothing "
    "from {them}."
)

_MONTH = r"[^\W\d_]{3,9}\.?"
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([T ].*)?"
    r"|\d{1,2}([-/.])\d{1,2}\3\d{2}(\d{2})?([T ,].*)?"
    rf"|\d{{1,2}}[-. ]+{_MONTH}[-, ]+\d{{4}}|{_MONTH} +(\d{{1,2}},? +)?\d{{4}}"
    r"|\d{1,2}:\d{2}(:\d{2})?(\.\d+)?( ?[APap]\.?[Mm]\.?)?"
)
_SIGN = r"[-+]?"
_START = rf"{_SIGN}(?P<before>[^\w\s.,+-]{{0,2}}|[A-Z]{{3}} )"
_UNIT = r"(?P<after>[^\d\s.,+-][^\d.,]{0,7}[23]?|)"
_FIGURES = {
    ".": r"\d{1,3}([, '’]\d{3})+(\.\d+)?|\d+(\.\d*)?([eE][-+]?\d+)?|\.\d+",
    ",": r"\d{1,3}([. '’]\d{3})+(,\d+)?|\d+(,\d*)?([eE][-+]?\d+)?|,\d+",
}
DECIMAL_MARKS = tuple(_FIGURES)
_NUMBERS = {
    decimal: re.compile(rf"{_START}\s*{_SIGN}(?P<figures>{figures})\s*{_UNIT}")
    for decimal, figures in _FIGURES.items()
}


def are_numbers(values: Sequence[str], counts: Array, decimal: str = ".") -> bool:
    """True if text is numbers, with separators, a currency, or a unit.

    Four and more digits of equal length are codes, and no numbers.

    Parameters
    ----------
    values : sequence of str
        Different texts of a column.
    counts : ndarray of shape (n_values,)
        Number of rows with each of them.
    decimal : {".", ","}
        Decimal mark.
    """
    matches = [_match(_NUMBERS[decimal], value) for value in values]
    found = [match for match in matches if match]
    is_other = np.array([match is None for match in matches])
    others = [value for value, match in zip(values, matches, strict=True) if not match]
    units = {(match["before"], match["after"]) for match in found}
    lengths = {len(match[0]) if match[0].isdecimal() else 0 for match in found}
    is_code = len(lengths) == 1 and max(lengths) >= CODE_LENGTH
    return bool(
        found
        and len(units) <= MOST_UNITS
        and not is_code
        and stand_for_missing(others, counts[is_other].sum() / counts.sum())
    )


def stand_for_missing(others: Sequence[str], share: float) -> bool:
    """True if texts among numbers, in this share of the rows, mean missing values.

    "3+" and "under 5" do not.
    """
    has_digits = any(character.isdigit() for text in others for character in text)
    return len(others) <= MOST_CODES and share < MOST_CODED and not has_digits


def numbers_in(values: Sequence[str], decimal: str = ".") -> Array:
    """Numbers of texts, without currencies and units; nan for text that is none."""
    return np.array([_number_in(value.strip(), decimal) for value in values])


def _number_in(text: str, decimal: str) -> float:
    match = _NUMBERS[decimal].fullmatch(text)
    if match is None:
        return np.nan
    figures = re.sub(rf"[^\d{decimal}eE+-]", "", match["figures"])
    size = float(figures.replace(decimal, "."))
    return -size if "-" in text[: match.start("figures")] else size


def are_dates(values: Sequence[str], counts: Array) -> bool:
    """True if most rows of a column of text hold dates or times of the day."""
    is_date = np.array([_match(_DATE, value) is not None for value in values])
    return bool(counts[is_date].sum() >= MOSTLY * counts.sum() > 0.0)


def _match(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    text = text.strip()
    return pattern.fullmatch(text) if len(text) <= LONGEST else None


def warn_of_text(
    names: Sequence[str],
    labels: Iterable[tuple[Labels, Array]],
    levels: Iterable[Levels],
) -> None:
    """Warn of categories that look like numbers or dates.

    Parameters
    ----------
    names : sequence of str
        Names of the categories.
    labels : iterable of (Labels, ndarray)
        For each category, labels and how many rows each of them stands for.
    levels : iterable of Levels
        Levels of each category.
    """
    found: dict[str, list[str]] = {look: [] for look in REMARKS}
    for name, (column, counted), known in zip(names, labels, levels, strict=True):
        look = _look(column, counted, known) if column.is_text else None
        if look is not None:
            found[look].append(repr(str(name)))
    for look, columns in found.items():
        if columns:
            warn(_in_number(REMARKS[look], columns), stacklevel=_stacklevel_of_user())


def remark_on_names(names: Sequence[str], levels: Iterable[Levels], n: int) -> str:
    """Sentence about categories whose levels are all rare; "" if there are none.

    Levels of fewer than ``n`` rows are rare.
    """
    lost = [
        repr(str(name))
        for name, known in zip(names, levels, strict=True)
        if known.n_inputs == 1
    ]
    return _in_number(NAMES, lost, n) if lost else ""


def _look(labels: Labels, counted: Array, levels: Levels) -> str | None:
    """Kind of a column of text, "dates" or "numbers"; None for a category."""
    is_lost = _share_of_rare(labels, counted, levels) >= MOSTLY
    if not (is_lost or labels.is_inferred):
        return None
    is_known = labels.codes >= 0
    counts = np.bincount(
        labels.codes[is_known], counted[is_known], minlength=len(labels.values)
    )
    occurs = np.flatnonzero(counts)[:MOST_LOOKED_AT]
    values, counts = labels.values[occurs].tolist(), counts[occurs]
    if len(values) > 1 and are_dates(values, counts):
        return "dates"
    is_fine = len(values) <= FEWEST_NUMBERS and not is_lost
    is_number = any(are_numbers(values, counts, decimal) for decimal in DECIMAL_MARKS)
    return "numbers" if is_number and not is_fine else None


def _share_of_rare(labels: Labels, counted: Array, levels: Levels) -> float:
    """Share of the rows that have the input of all rare levels."""
    if levels.unknown_input == UNKNOWN:
        return 0.0
    is_rare = levels.inputs_of(labels) == levels.unknown_input
    return float(np.sum(counted[is_rare]) / np.sum(counted))


def _in_number(sentence: str, columns: list[str], n: int = 0) -> str:
    """Put a sentence about columns into the singular or the plural."""
    is_one = len(columns) == 1
    shown = ("column " if is_one else "columns ") + ", ".join(columns)
    return sentence.format(
        columns=shown,
        Columns=shown[0].upper() + shown[1:],
        are="is" if is_one else "are",
        them="it" if is_one else "them",
        n=n,
        categories="a category" if is_one else "categories",
    )


def _stacklevel_of_user() -> int:
    """Level of the line in the code of the user, for a warning of the caller."""
    for level in count(1):
        try:
            module = sys._getframe(level).f_globals.get("__name__", "")
        except ValueError:
            break
        if module.partition(".")[0] not in BETWEEN:
            return level
    return 1
