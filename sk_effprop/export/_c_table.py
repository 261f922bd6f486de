"""C code that encodes a row of a table as TableEncoder does.

A row has a number for each column: NAN for a missing value, and the codes of an enum
for categories that are text.
"""

import re
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.export._c_program import Program
from sk_effprop.export._table import indicator_columns, number_columns

FILL = """\
static void fill(const REAL *x, const int *column, const REAL *median, int n, REAL *y)
{
    for (int i = 0; i < n; i++) {
        const REAL value = x[column[i]];
        y[i] = value == value ? value : median[i];
    }
}
"""

FLAG = """\
static void flag_missing(const REAL *x, const int *column, int n, REAL *y)
{
    for (int i = 0; i < n; i++)
        y[i] = x[column[i]] == x[column[i]] ? 0.0_ : 1.0_;
}
"""

# The last input is that of a missing value; -1 is no input.
SWITCH_ON = """\
static void switch_on(int level, const int *input, int unknown, int n_inputs, REAL *y)
{
    const int on = level < 0 ? unknown : input[level];
    for (int i = 0; i < n_inputs; i++)
        y[i] = i == on ? 1.0_ : 0.0_;
}
"""

# Position of a level: n if the value is missing, -1 if it is unknown
LEVEL_OF_CODE = """\
static int level_of_code(REAL code, int n)
{
    if (code != code)
        return n;
    for (int i = 0; i < n; i++)
        if (code == (REAL)i)
            return i;
    return -1;
}
"""

LEVEL_OF_NUMBER = """\
static int level_of_number(REAL value, const REAL *levels, int n)
{
    if (value != value)
        return n;
    for (int i = 0; i < n; i++)
        if (value == levels[i])
            return i;
    return -1;
}
"""


def add_table(program: Program, encoder: Any, y: str) -> None:
    """Add the statements that write all inputs to the array y."""
    columns, indicated = number_columns(encoder), indicator_columns(encoder)
    if len(columns):
        program.function(FILL)
        where = program.table("number_columns", columns, "int")
        medians = program.table("medians", encoder.medians_[columns])
        program.add(f"    fill(x, {where}, {medians}, {len(columns)}, {y});")
    if len(indicated):
        program.function(FLAG)
        where = program.table("indicator_columns", indicated, "int")
        at = _at(y, len(columns))
        program.add(f"    flag_missing(x, {where}, {len(indicated)}, {at});")
    start = len(columns) + len(indicated)
    for j, levels in encoder.levels_.items():
        _add_category(program, j, levels, _at(y, start))
        start += levels.n_inputs


def _add_category(program: Program, j: int, levels: Any, y: str) -> None:
    n_levels = len(levels.values)
    if levels.is_text or n_levels == 0:
        program.function(LEVEL_OF_CODE)
        level = f"level_of_code(x[{j}], {n_levels})"
    else:
        program.function(LEVEL_OF_NUMBER)
        _check_distinct(program, levels.values, j)
        values = program.table(f"levels_{j}", levels.values)
        level = f"level_of_number(x[{j}], {values}, {n_levels})"
    program.function(SWITCH_ON)
    inputs = program.table(f"inputs_{j}", levels.inputs, "int")
    program.add(
        f"    switch_on({level}, {inputs}, {levels.unknown_input}, {levels.n_inputs}, "
        f"{y});"
    )


def _at(y: str, start: int) -> str:
    return f"{y} + {start}" if start else y


def _check_distinct(program: Program, values: Array, j: int) -> None:
    if len(np.unique(values.astype(program.dtype))) < len(values):
        raise ValueError(
            f"Categories of column {j} of X are numbers that float32 cannot "
            f"distinguish: {values.tolist()[:5]}, ... Use dtype='float64'."
        )


def enumerations(est: Any) -> str:
    """Define the codes of the levels of each category that is text."""
    encoder = est.table_encoder_
    if encoder is None:
        return ""
    given = getattr(est, "feature_names_in_", None)
    used: set[str] = set()
    parts = []
    for j, levels in encoder.levels_.items():
        if levels.is_text and len(levels.values):
            name = f"x{j}" if given is None else str(given[j])
            parts.append(_enumeration(j, name, levels.values.tolist(), used))
    return "\n".join(parts)


def _enumeration(j: int, name: str, values: list[str], used: set[str]) -> str:
    lines = [
        f"    {_identifier(f'{name}_{value}', used)} = {code}, /* {comment([value])} */"
        for code, value in enumerate(values)
    ]
    lines[-1] = lines[-1].replace(", /*", " /*", 1)
    listed = "\n".join(lines)
    return f"/* levels of x[{j}], {comment([name])} */\nenum {{\n{listed}\n}};\n"


def _identifier(text: str, used: set[str]) -> str:
    """A name in C that is not used yet."""
    plain = re.sub(r"\W", "_", text, flags=re.ASCII).upper()
    name, number = f"SK_EFFPROP_{plain}", 1
    while name in used:
        number += 1
        name = f"SK_EFFPROP_{plain}_{number}"
    used.add(name)
    return name


def comment(names: Any) -> str:
    """Names as they may stand in a comment."""
    shown = "\n      ".join(
        ", ".join(ascii(name) for name in names[i : i + 8])
        for i in range(0, len(names), 8)
    )
    return shown.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
