"""Conversion of a fitted network to a C99 file without memory allocation.

The program has the steps of a prediction: inputs are normalised and clipped, each layer
is a product and an activation, and outputs become values or probabilities.  Each step
writes into one of two arrays that it is handed by the last one.
"""

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from sk_effprop.core.activations import (
    LINEAR,
    RATIONAL,
    RELU,
    SOFTPLUS,
    TANH,
    Activation,
    RationalTanh,
)
from sk_effprop.core.arrays import Array
from sk_effprop.core.targets import PROBABILITY_FLOOR
from sk_effprop.export import _c_program as c
from sk_effprop.export._c_file import complete_file
from sk_effprop.export._c_integers import Integers, error_bound
from sk_effprop.export._c_table import add_table
from sk_effprop.export._c_vectors import self_test
from sk_effprop.export._fitted import (
    affine_of,
    clip_of,
    exported_network,
    has_several_columns,
    is_formula,
    layers_of,
)
from sk_effprop.export._precision import warn_of_rounding

# How the shape of an activation is called, and the template that defines it.
SHAPES: dict[int, tuple[str, str | None]] = {
    TANH: ("TANH", None),
    RATIONAL: ("rational_tanh", c.RATIONAL_TANH),
    RELU: ("relu", c.RELU),
    SOFTPLUS: ("softplus", c.SOFTPLUS),
}


def to_c(
    est: Any,
    *,
    dtype: str = "float32",
    weight_dtype: str | None = None,
    X_test: Any = None,
) -> str:
    """Convert a fitted network to the text of a C99 file.

    Parameters
    ----------
    est : EffPropClassifier or EffPropRegressor
        Fitted estimator.
    dtype : {"float32", "float64"}, default="float32"
        Type T of the inputs, the arithmetic and the outputs, ``float`` or ``double``.
    weight_dtype : None or "int16", default=None
        "int16" stores the weights of the network as integers of 16 bits with one factor
        for each unit, which halves the size of the tables.  Biases and arithmetic keep
        ``dtype``.
    X_test : {data frame, array-like} of shape (n_samples, n_features), optional
        Raw inputs of the test vectors; by default eight random rows that are like the
        training data.

    Returns
    -------
    str
        C code with the function ``void sk_effprop_predict(const T *x, T *y)``. It
        reads the raw inputs of one row from ``x``, NAN if they are missing: numbers as
        they are, dates and durations as days (dates since 1970), and categories of text
        as codes, for which the file has an enum. It writes to ``y``: the values of a
        regressor, or the probabilities of the classes or labels in the order of
        ``classes_``, one column of classes after the other. It allocates no memory and
        has no variables outside functions. A network without "tanh" and "softplus"
        needs no libm. If compiled with ``-DSK_EFFPROP_TEST``, the file contains a
        ``main`` that compares the test vectors with the predictions of ``est``.

    Raises
    ------
    ValueError
        If an activation is user-defined, if float32 cannot hold a constant, or if
        ``dtype`` or ``weight_dtype`` has another value.
    NotFittedError, TypeError
        If ``est`` is not a fitted estimator of this package.

    See Also
    --------
    to_onnx : Conversion for ONNX runtimes.

    Notes
    -----
    With ``weight_dtype="int16"`` the file defines ``SK_EFFPROP_ERROR_BOUND``: no output
    differs by more from that of ``est``, however the rounding errors of weights and
    arithmetic add up.  It holds for all inputs if ``input_clip`` bounds them, and
    otherwise for normalised inputs up to 8 in absolute value.  For the losses "poisson"
    and "gamma" it is relative to the output, otherwise absolute, in the units of y.
    With squared error and three or more classes it is 1, because probabilities are
    divided by their sum, which may be small.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.export import to_c
    >>> X, y = load_iris(return_X_y=True)
    >>> code = to_c(EffPropClassifier((5,), random_state=0).fit(X, y))
    >>> "void sk_effprop_predict(const float *x, float *y)" in code
    True
    """
    network = exported_network(est, "to_c")
    _check_choice("dtype", dtype, tuple(c.TYPES))
    _check_choice("weight_dtype", weight_dtype, (None, "int16"))
    if dtype == "float32":
        warn_of_rounding(est, "to_c", " or use dtype='float64'")
    kinds = {_formula(est, activation).kind for activation in network.activations}
    program = c.Program(dtype, uses_libm=bool(kinds & {TANH, SOFTPLUS}))
    x, layers = _add_inputs(program, est), layers_of(est)
    _fold_values(est, layers[-1])
    for number, W in enumerate(layers):
        x = _add_layer(program, est, x, number, W, weight_dtype)
    _add_outputs(program, est)
    bound = None if weight_dtype is None else error_bound(est, dtype)
    test = self_test(est, program, X_test, bound)
    return complete_file(program, est, bound, test)


def _check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {choices}, got {value!r}.")


def _formula(est: Any, activation: Any) -> Activation:
    if not is_formula(activation):
        raise ValueError(
            f"activation={est.activation!r} and output_activation="
            f"{est.output_activation!r}: Python functions cannot be converted to C. "
            "Train with an Activation or a name."
        )
    return activation


# ------------------------------------------------------------------------------- inputs


def _add_inputs(program: c.Program, est: Any) -> str:
    """Add normalised and clipped inputs; return the name of their array."""
    x = "x"
    if est.table_encoder_ is not None:
        x = "a" if est.normalizer_ is None or affine_of(est)[1].ndim == 1 else "b"
        add_table(program, est.table_encoder_, x)
    return x if est.normalizer_ is None else _add_normalization(program, est, x)


def _add_normalization(program: c.Program, est: Any, x: str) -> str:
    shift, A = affine_of(est)
    # The constants are rounded; what is lost of the shift is added afterwards.
    rounded = shift.astype(program.dtype).astype(np.float64)
    program.table("shift", rounded)
    if A.ndim == 2:
        return _add_rotation(program, est, x, A, (rounded - shift) @ A)
    rest = (rounded - shift) * A
    program.table("factor", A)
    value = f"({x}[i] - shift[i]) * factor[i]"
    if rest.any():
        program.table("rest", rest)
        value += " + rest[i]"
    if est.table_encoder_ is None:
        # a missing value is the location that is subtracted
        program.function(c.OR_ZERO)
        value = f"or_zero({value})"
    _add_loop(program, len(shift), _clipped(program, est, f"a[i] = {value}"))
    return "a"


def _add_rotation(program: c.Program, est: Any, x: str, A: Array, rest: Array) -> str:
    """Add centred inputs times a matrix."""
    program.function(c.LAYER.replace("layer(", "rotate("))
    value = f"{x}[i] - shift[i]"
    if est.table_encoder_ is None:
        program.function(c.OR_ZERO)
        value = f"or_zero({value})"
    _add_loop(program, len(A), f"b[i] = {value}")
    tables = program.table("axes", A.T), program.table("rest", rest)
    program.add(f"    rotate(b, {len(A)}, {tables[0]}, {tables[1]}, {A.shape[1]}, a);")
    if clip_of(est) is not None:
        _add_loop(program, A.shape[1], _clipped(program, est, "a[i] = a[i]"))
    return "a"


def _clipped(program: c.Program, est: Any, statement: str) -> str:
    bound = clip_of(est)
    if bound is None:
        return statement
    program.function(c.CLIP)
    left, right = statement.split(" = ")
    return f"{left} = clip({right}, {program.literal(bound)})"


def _add_loop(program: c.Program, n: int, statement: str) -> None:
    program.add(f"    for (int i = 0; i < {n}; i++)\n        {statement};")


# ------------------------------------------------------------------------------- layers


def _add_layer(
    program: c.Program, est: Any, x: str, number: int, W: Array, weight_dtype: Any
) -> str:
    """Add a layer with its activation; return the name of the array of its outputs."""
    n_in, n_out = W.shape[0] - 1, W.shape[1]
    is_last = number == len(est.network_.activations) - 1
    y = _last_array(est) if is_last else "b" if x == "a" else "a"
    bias = program.table(f"bias_{number}", W[-1])
    if weight_dtype is None:
        program.function(c.LAYER)
        weights = program.table(f"weights_{number}", W[:-1].T)
    else:
        program.function(c.INTEGER_LAYER)
        integers = Integers.of(W[:-1], program.dtype)
        weights = program.table(f"weights_{number}", integers.values.T, "int16_t")
        weights += ", " + program.table(f"units_{number}", integers.units)
    program.add(f"    layer({x}, {n_in}, {weights}, {bias}, {n_out}, {y});")
    statement = _activated(program, est.network_.activations[number], f"{y}[i]")
    if statement is not None:
        _add_loop(program, n_out, f"{y}[i] = {statement}")
    return y


def _last_array(est: Any) -> str:
    """Name the array of the outputs; "c" if the probabilities outnumber them."""
    return "c" if has_several_columns(est) else "y"


def _activated(program: c.Program, f: Activation, z: str) -> str | None:
    """``amplitude * s(slope * z) + twist * z + offset`` without terms that are zero."""
    if f.is_identity:
        return None
    terms = []
    if f.kind != LINEAR:
        name, template = SHAPES[f.kind]
        if template is not None:
            program.function(template, SATURATION=RationalTanh.saturation)
        s = program.text(f"{name}({_times(program, f.slope, z)})")
        terms.append(_times(program, f.amplitude, s))
    if f.twist:
        terms.append(_times(program, f.twist, z))
    if f.offset or not terms:
        terms.append(program.literal(f.offset))
    return " + ".join(terms)


def _times(program: c.Program, factor: float, x: str) -> str:
    return x if factor == 1.0 else f"{program.literal(factor)} * {x}"


# ------------------------------------------------------------------------------ outputs


def _has_linear_values(est: Any) -> bool:
    """True if the predictions are linear in the last layer's weights."""
    linear = est.network_.activations[-1].is_identity
    return linear and not is_classifier(est) and est.out_activation_ != "exp"


def _fold_values(est: Any, W: Array) -> None:
    """Let the last layer compute values in the units of y, if it is linear."""
    if _has_linear_values(est):
        W *= est.coding_.scale
        W[-1] += est.coding_.mean


def _add_outputs(program: c.Program, est: Any) -> None:
    """Add the results of ``predict``, or of ``predict_proba``."""
    if is_classifier(est):
        _add_probabilities(program, est)
    elif est.out_activation_ == "exp":
        _add_exponential(program, est)
    elif not _has_linear_values(est):
        program.table("scale", est.coding_.scale)
        program.table("mean", est.coding_.mean)
        _add_loop(program, est.n_outputs_, "y[i] = y[i] * scale[i] + mean[i]")


def _add_exponential(program: c.Program, est: Any) -> None:
    """Add the means of a log link, within what the type can hold."""
    limits = np.finfo(program.dtype)
    program.table("log_scale", np.log(est.coding_.scale))
    program.function(c.MEAN, TINY=float(limits.tiny), HUGE=float(limits.max))
    _add_loop(program, est.n_outputs_, "y[i] = mean(y[i] + log_scale[i])")


def _add_probabilities(program: c.Program, est: Any) -> None:
    coding = est.coding_
    if not has_several_columns(est):
        _add_classes(program, coding, est.n_outputs_, 0)
        return
    start = end = 0
    for part, size in zip(coding.parts, coding.sizes, strict=True):
        _add_loop(program, size, f"y[{end} + i] = c[{start} + i]")
        _add_classes(program, part, size, end)
        start, end = start + size, end + len(part.classes)


def _add_classes(program: c.Program, coding: Any, n: int, start: int) -> None:
    """Turn n numbers into probabilities, from a position of the result on."""
    y, each = (f"y + {start}", f"y[{start} + i]") if start else ("y", "y[i]")
    if coding.has_logits and coding.is_exclusive:
        program.function(c.SOFTMAX)
        program.add(f"    softmax({y}, {n});")
    elif coding.has_logits:
        program.function(c.LOGISTIC)
        _add_loop(program, n, f"{each} = logistic({each})")
    else:
        _add_decoded(program, coding, n, each)
        if coding.is_exclusive:
            program.function(c.SHARES)
            program.add(f"    divide_by_sum({y}, {n});")
    if not coding.is_multilabel and not coding.is_exclusive:
        first, second = f"y[{start}]", f"y[{start + 1}]"
        is_constant = len(coding.classes) == 1
        program.add(
            f"    {first} = 1.0_;"
            if is_constant
            else f"    {second} = {first};\n    {first} = 1.0_ - {second};"
        )


def _add_decoded(program: c.Program, coding: Any, n: int, each: str) -> None:
    """Add probabilities of outputs that were trained on two targets."""
    rounding = program.text(c.ROUND) if program.dtype == "float64" else ""
    program.function(c.PROBABILITY, ROUND=rounding, FLOOR=PROBABILITY_FLOOR)
    low, high = program.literal(coding.low), program.literal(coding.high)
    _add_loop(program, n, f"{each} = probability({each}, {low}, {high})")
