"""A C file: heading, declarations, tables and functions."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from sk_effprop._version import __version__
from sk_effprop.export._c_program import Program
from sk_effprop.export._c_table import comment, enumerations
from sk_effprop.export._fitted import has_several_columns


def complete_file(program: Program, est: Any, bound: float | None, test: str) -> str:
    """Join heading, declarations, tables and functions to the text of the file.

    Parameters
    ----------
    program : Program
    est : EffPropClassifier or EffPropRegressor
    bound : float or None
        Bound of the error of integer weights.
    test : str
        The part that tests the program.
    """
    body = "\n".join(program.body)
    # the arrays hold all layers but the last; a rotation needs both
    arrays = [name for name in "ab" if f"{name}[i]" in body or f", {name})" in body]
    widths = est.network_.sizes[:-1]
    sizes = {name: max(widths) for name in arrays}
    if has_several_columns(est):
        sizes["c"] = est.n_outputs_
    if sizes:
        declared = ", ".join(f"{name}[{size}]" for name, size in sizes.items())
        body = f"    {program.real} {declared};\n{body}"
    signature = "void sk_effprop_predict(const REAL *x, REAL *y)"
    integers = any("int16_t" in table for table in program.tables)
    includes = ["#include <math.h>"] * program.uses_libm
    includes += ["#include <stdint.h>"] * integers
    definitions = [] if bound is None else [_bound_definition(program, bound)]
    parts = [
        _heading(program, est, sum(sizes.values())),
        "\n".join([*includes, *definitions]),
        enumerations(est),
        program.text(f"{signature};\n"),
        *program.tables,
        *program.functions,
        program.text(f"{signature}\n{{\n") + f"{body}\n}}\n",
        test,
    ]
    return "\n".join(part for part in parts if part)


def _bound_definition(program: Program, bound: float) -> str:
    return (
        "/* of the errors that the rounding of the weights can cause */\n"
        f"#define SK_EFFPROP_ERROR_BOUND {program.literal(bound)}\n"
    )


def _heading(program: Program, est: Any, n_numbers: int) -> str:
    sizes = "-".join(str(size) for size in est.network_.sizes)
    n_bytes = n_numbers * np.dtype(program.dtype).itemsize
    library = " -lm" if program.uses_libm else ""
    lines = [
        f"{type(est).__name__} {sizes}, by sk_effprop {__version__}.",
        "",
        f"    x: {est.n_features_in_} raw inputs of one row{_names(est)}",
        *_about_columns(est),
        f"    y: {_outputs(est)}",
        "",
        f"C99. Local arrays take {n_bytes} bytes; x and y must not overlap.",
        "Test: cc -std=c99 -DSK_EFFPROP_TEST FILE.c" + library + " && ./a.out",
    ]
    text = "/* " + "\n   ".join(lines) + " */\n"
    return text.replace("\n   \n", "\n\n")


def _about_columns(est: Any) -> list[str]:
    """Comment lines on how missing values, dates and categories are passed."""
    encoder = est.table_encoder_
    if encoder is None:
        return []
    lines = ["NAN is a missing value."]
    for kind in ("date", "duration"):
        found = [f"x[{j}]" for j, one in enumerate(encoder.kinds_) if one == kind]
        if found:
            since = " since 1970" if kind == "date" else ""
            lines.append(f"In days{since}: {', '.join(found)}.")
    if any(levels.is_text for levels in encoder.levels_.values()):
        lines.append("Text is a code of the enum below, or -1 if it has none.")
    return [f"       {line}" for line in lines]


def _names(est: Any) -> str:
    names = getattr(est, "feature_names_in_", None)
    return "" if names is None else ": " + comment(names)


def _outputs(est: Any) -> str:
    if not is_classifier(est):
        return f"{est.n_outputs_} value" + "s" * (est.n_outputs_ > 1)
    if has_several_columns(est):
        n_numbers = sum(len(classes) for classes in est.classes_)
        columns = "\n      ".join(comment(one.tolist()) for one in est.classes_)
        return f"{n_numbers} probabilities, of the classes\n      {columns}"
    coding = est.coding_
    kind = "labels" if coding.is_multilabel else "classes"
    shown = comment(coding.classes.tolist())
    return f"{len(coding.classes)} probabilities, of the {kind} {shown}"
