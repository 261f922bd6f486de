"""Operators that turn a table into the inputs of a network, as TableEncoder does.

A table of numbers is one matrix, ``X``.  With text or dates there is one input for each
column, of shape (n, 1): doubles for numbers, days for dates, and strings for text.
"""

from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.export._onnx_graph import Graph
from sk_effprop.export._table import (
    column_names,
    holds_numbers_only,
    holds_text,
    indicator_columns,
    number_columns,
)

# What runtimes and pandas make of a missing value among strings.
MISSING_TEXT = ("", "nan", "None", "<NA>")

# A matrix, or the name of each column.
Source = str | list[str]


def declare_inputs(graph: Graph, est: Any) -> Source:
    """Declare the inputs of a model; return their names."""
    encoder = est.table_encoder_
    if encoder is None or holds_numbers_only(encoder):
        graph.declare_input("X", "FLOAT", est.n_features_in_)
        return "X"
    names = column_names(est, output_names(est))
    for j, name in enumerate(names):
        kind = "STRING" if holds_text(encoder, j) else "DOUBLE"
        graph.declare_input(name, kind, 1)
    return names


def output_names(est: Any) -> tuple[str, ...]:
    """Names that no input may have."""
    n = len(est.classes_) if isinstance(getattr(est, "classes_", None), list) else 0
    several = [f"probabilities_{k}" for k in range(n)]
    return ("label", "probabilities", "variable", "scores", *several)


def add_table(graph: Graph, encoder: Any, source: Source, kind: str) -> str:
    """Add what a fitted TableEncoder does; return the name of the result.

    Parameters
    ----------
    graph : Graph
    encoder : TableEncoder
    source : str or list of str
        Name of a matrix, or names of all columns.
    kind : str
        ONNX type in which levels that are numbers are compared.
    """
    parts = []
    if len(number_columns(encoder)):
        parts += _numbers(graph, encoder, source)
    for j, levels in encoder.levels_.items():
        column = source[j] if isinstance(source, list) else _taken(graph, source, [j])
        code = (
            _code_of_text(graph, levels, column)
            if levels.is_text
            else _code_of_number(graph, levels, column, kind, j)
        )
        is_on = graph("Equal", code, np.arange(levels.n_inputs))
        parts.append(graph.cast(is_on, "DOUBLE"))
    return parts[0] if len(parts) == 1 else graph("Concat", *parts, axis=1)


def _numbers(graph: Graph, encoder: Any, source: Source) -> list[str]:
    """Add numbers without holes, and indicators of the holes."""
    columns = number_columns(encoder)
    if isinstance(source, str):
        numbers = graph.cast(_taken(graph, source, columns), "DOUBLE")
    else:
        doubles = [graph.cast(source[j], "DOUBLE") for j in columns]
        numbers = graph("Concat", *doubles, axis=1)
    is_missing = graph("IsNaN", numbers)
    parts = [graph("Where", is_missing, encoder.medians_[columns], numbers)]
    indicated = np.searchsorted(columns, indicator_columns(encoder))
    if len(indicated):
        # runtimes take no columns of booleans
        flags = graph.cast(is_missing, "DOUBLE")
        parts.append(graph("Gather", flags, indicated, axis=1))
    return parts


def _taken(graph: Graph, matrix: str, columns: Any) -> str:
    """Add the selection of columns of a matrix."""
    return graph("Gather", matrix, np.asarray(columns, dtype=np.int64), axis=1)


def _code_of_text(graph: Graph, levels: Any, column: str) -> str:
    """Add the input that text switches on, as a column of integers."""
    missing = int(levels.inputs[-1])
    codes = dict.fromkeys(MISSING_TEXT, missing)
    codes |= zip(levels.values.tolist(), levels.inputs[:-1].tolist(), strict=True)
    return graph(
        "LabelEncoder",
        column,
        domain="ai.onnx.ml",
        keys_strings=[*codes],
        values_int64s=[*codes.values()],
        default_int64=int(levels.unknown_input),
    )


def _code_of_number(graph: Graph, levels: Any, column: str, kind: str, j: int) -> str:
    """Add the input that a number switches on."""
    x, unknown = graph.cast(column, kind), levels.unknown_input
    of_missing = float(levels.inputs[-1])
    code = graph("Where", graph("IsNaN", x), of_missing, float(unknown))
    if len(levels.values):
        # at most one of them is equal
        is_level = graph("Equal", x, _keys(levels.values, kind, j))
        of_levels = (levels.inputs[:-1] - float(unknown))[:, None]
        known = graph("MatMul", graph.cast(is_level, "DOUBLE"), of_levels)
        code = graph("Add", code, known)
    return graph.cast(code, "INT64")


def _keys(values: Array, kind: str, j: int) -> Array:
    keys = values.astype(np.float32 if kind == "FLOAT" else np.float64)
    if len(np.unique(keys)) < len(keys):
        raise ValueError(
            f"Categories of column {j} of X are numbers that float32 cannot "
            f"distinguish: {values.tolist()[:5]}, ... Turn them into text, or into "
            "smaller numbers."
        )
    return keys
