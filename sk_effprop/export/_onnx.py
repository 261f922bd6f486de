"""Conversion of a fitted network to an ONNX graph, operation by operation.

The graph maps float32 to float32 and computes in double precision in between.  So a
column with a large mean and a small deviation survives the subtraction of the mean, and
the outputs are those of the estimator up to the precision of float32.
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
    RationalTanh,
)
from sk_effprop.core.arrays import Array
from sk_effprop.core.targets import PROBABILITY_FLOOR
from sk_effprop.export._fitted import (
    affine_of,
    clip_of,
    exported_network,
    has_several_columns,
    is_formula,
    layers_of,
)
from sk_effprop.export._onnx_graph import OPSET, SMALLEST_OPSET, Graph, import_onnx
from sk_effprop.export._onnx_table import Source, add_table, declare_inputs
from sk_effprop.export._precision import warn_of_rounding

# Logarithm of the largest float32.
LARGEST_LOG = float(np.log(np.finfo(np.float32).max))


def to_onnx(est: Any, *, target_opset: int | None = None) -> Any:
    """Convert a fitted network to an ONNX model.

    Parameters
    ----------
    est : EffPropClassifier or EffPropRegressor
        Fitted estimator.
    target_opset : int, optional
        Version of the operators, at least 13. The default, 17, suits runtimes since
        2022. Models that are merged must have the same version.

    Returns
    -------
    onnx.ModelProto
        Model with the input ``X``, float32 of shape [None, n_features].  If ``est`` was
        fitted to a table with text or dates, each column is an input of shape [None, 1]
        instead: strings for text, otherwise float64, with days for dates (since 1970)
        and durations.  Missing values are NaN, or "" in text.  A classifier
        has the outputs ``label``, in the shape of ``predict``, and ``probabilities``,
        float32 in the shape of ``predict_proba``; for several columns of classes,
        ``probabilities_0``, ``probabilities_1`` and so on.  A regressor has the output
        ``variable``, float32 of shape [None, n_outputs].

    Raises
    ------
    ImportError
        If onnx, the extra "onnx", is not installed.
    ValueError
        If an activation is user-defined, a class label is neither a number nor a
        string, or ``target_opset`` is not one that the installed onnx knows.
    NotFittedError, TypeError
        If ``est`` is not a fitted estimator of this package.

    See Also
    --------
    register_skl2onnx : Conversion of Pipelines.
    to_sklearn : Conversion to a plain MLPClassifier or MLPRegressor, if possible.

    Notes
    -----
    The inputs are rounded to float32 before they reach the graph.  A warning names
    columns so large compared with their deviation that this loses information:
    subtract a constant from them before training.  Integer labels become int64.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.export import to_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> model = to_onnx(EffPropClassifier((5,), random_state=0).fit(X, y))
    >>> [output.name for output in model.graph.output]
    ['label', 'probabilities']
    """
    exported_network(est, "to_onnx")
    onnx = import_onnx("to_onnx")
    opset = _checked_opset(onnx, target_opset)
    graph = Graph(onnx)
    source = declare_inputs(graph, est)
    # as all columns of X are of one type, which codes of categories share
    kind = "FLOAT" if source == "X" else "DOUBLE"
    if kind == "FLOAT":
        warn_of_rounding(est, "to_onnx")
    network_graph(est, graph, add_inputs(graph, est, source, kind))
    return graph.finish(type(est).__name__, opset)


def _checked_opset(onnx: Any, target_opset: int | None) -> int:
    if target_opset is None:
        return OPSET
    newest = onnx.defs.onnx_opset_version()
    if target_opset not in range(SMALLEST_OPSET, newest + 1):
        raise ValueError(
            f"target_opset must be an int from {SMALLEST_OPSET} to {newest}, the "
            f"newest of the installed onnx {onnx.__version__}, got {target_opset!r}."
        )
    return int(target_opset)


def network_graph(
    est: Any, graph: Graph, x: str, *, labels: Any = None, raw_scores: bool = False
) -> Graph:
    """Add everything between numbers and the declared outputs.

    Parameters
    ----------
    est : EffPropClassifier or EffPropRegressor
    graph : Graph
    x : str
        Name of the numbers that are to be normalised, of shape (n, n_inputs).
    labels : ndarray, optional
        Class labels in a type that ONNX has; by default those of ``est``.
    raw_scores : bool
        Whether the decision function, with a column for each class, takes the place of
        the probabilities.
    """
    z = add_normalization(graph, x, *affine_of(est), clip_of(est))
    for W, activation in zip(layers_of(est), est.network_.activations, strict=True):
        preactivation = graph("Add", graph("MatMul", z, W[:-1]), W[-1])
        z = _add_activation(graph, est, activation, preactivation)
    if has_several_columns(est):
        _add_columns(graph, est.coding_, preactivation, z)
    elif is_classifier(est):
        _add_label(graph, est, preactivation, labels)
        if raw_scores:
            _add_scores(graph, est, preactivation)
        else:
            _add_probabilities(graph, est, z)
    else:
        _add_values(graph, est, z)
    return graph


# ------------------------------------------------------------------------------- inputs


def add_inputs(graph: Graph, est: Any, source: Source, kind: str) -> str:
    """Add numbers without holes, from a matrix or the columns of a table."""
    if est.table_encoder_ is not None:
        return add_table(graph, est.table_encoder_, source, kind)
    x = graph.cast(str(source), "DOUBLE")
    if est.normalizer_ is None:
        return x
    return graph("Where", graph("IsNaN", x), est.normalizer_.mean_, x)


def add_normalization(
    graph: Graph, x: str, shift: Array, A: Array, c: float | None
) -> str:
    """Add ``clip((x - shift) A)`` in double precision; return its name."""
    z = graph("Sub", x, shift)
    z = graph("Mul" if A.ndim == 1 else "MatMul", z, A)
    if c is None:
        return z
    u = graph("Div", z, c)
    return graph("Div", z, graph("Sqrt", graph("Add", graph("Mul", u, u), 1.0)))


# -------------------------------------------------------------------------- activations


def _add_activation(graph: Graph, est: Any, activation: Any, z: str) -> str:
    """Add ``amplitude * s(slope * z) + twist * z + offset``."""
    if not is_formula(activation):
        raise ValueError(
            f"activation={est.activation!r} and output_activation="
            f"{est.output_activation!r}: Python functions cannot be converted to ONNX "
            "operators. Train with an Activation or a name."
        )
    if activation.is_identity:
        return z
    if activation.kind == LINEAR:
        value = graph("Mul", z, activation.twist)
    else:
        s = SHAPES[activation.kind](graph, graph("Mul", z, activation.slope))
        value = graph("Mul", s, activation.amplitude)
        if activation.twist:
            value = graph("Add", value, graph("Mul", z, activation.twist))
    return graph("Add", value, activation.offset) if activation.offset else value


def _rational_tanh(graph: Graph, u: str) -> str:
    saturation = RationalTanh.saturation
    size = graph("Abs", u)
    a = graph("Min", size, saturation)
    d: Any = 1.0 / 3072.0
    for coefficient in (1.0 / 128.0, 1.0 / 8.0):
        d = graph("Add", graph("Mul", a, d), coefficient)
    d = graph("Mul", a, d)
    for _ in range(4):
        d = graph("Mul", d, graph("Add", d, 2.0))
    t = graph("Div", d, graph("Add", d, 2.0))
    t = graph("Where", graph("GreaterOrEqual", size, saturation), 1.0, t)
    return graph("Mul", graph("Sign", u), t)


def _softplus(graph: Graph, u: str) -> str:
    # runtimes do not implement Softplus in double precision
    tail = graph("Exp", graph("Neg", graph("Abs", u)))
    return graph("Add", graph("Relu", u), graph("Log", graph("Add", tail, 1.0)))


SHAPES = {
    TANH: lambda graph, u: graph("Tanh", u),
    RATIONAL: _rational_tanh,
    RELU: lambda graph, u: graph("Relu", u),
    SOFTPLUS: _softplus,
}


# ------------------------------------------------------------------------------ outputs


def _add_label(graph: Graph, est: Any, z: str, labels: Any) -> None:
    """Add the result of ``predict``, from the preactivations of the outputs."""
    coding = est.coding_
    if coding.is_multilabel:
        is_on = graph("Greater", z, coding.decision_offset)
        graph.cast(is_on, "INT64", name="label")
        graph.declare_output("label", np.int64, est.n_outputs_)
        return
    labels = label_table(coding.classes) if labels is None else labels
    graph("Gather", labels, _class_number(graph, coding, z), name="label")
    graph.declare_output("label", labels.dtype)


def _class_number(graph: Graph, coding: Any, z: str) -> str:
    """Add the number of the predicted class."""
    if coding.is_exclusive or len(coding.classes) == 1:
        return graph("ArgMax", z, axis=1, keepdims=0)
    is_second = graph("Greater", z, coding.decision_offset)
    return graph("Squeeze", graph.cast(is_second, "INT64"), np.array([1]))


def _add_columns(graph: Graph, coding: Any, z: str, outputs: str) -> None:
    """Add labels side by side, and the probabilities of each column of classes."""
    labels, ends = [], np.cumsum(coding.sizes)
    for number, (part, end) in enumerate(zip(coding.parts, ends, strict=True)):
        at = np.array([end - coding.sizes[number]]), np.array([end]), np.array([1])
        predicted = _class_number(graph, part, graph("Slice", z, *at))
        label = graph("Gather", label_table(part.classes), predicted)
        labels.append(graph("Unsqueeze", label, np.array([1])))
        p = _probabilities(graph, part, graph("Slice", outputs, *at))
        graph.cast(p, "FLOAT", name=f"probabilities_{number}")
        n_classes = len(part.classes)
        graph.declare_output(f"probabilities_{number}", np.float32, n_classes)
    graph("Concat", *labels, axis=1, name="label")
    dtype = label_table(coding.classes[0]).dtype
    graph.declare_output("label", dtype, len(labels))


def label_table(classes: Any) -> Any:
    """Class labels in a type that ONNX has."""
    if classes.dtype.kind in "bf":
        return classes
    if classes.dtype.kind in "iu":
        return classes.astype(np.int64)
    if not all(isinstance(label, str) for label in classes):
        raise ValueError(
            f"classes_ must be numbers or strings for ONNX, got {classes.tolist()}. "
            "Train with LabelEncoder().fit_transform(y)."
        )
    return np.array([str(label) for label in classes], dtype=object)


def _add_scores(graph: Graph, est: Any, z: str) -> None:
    """Add the result of ``decision_function``; two classes have opposite columns."""
    scores = graph("Sub", z, est.coding_.decision_offset)
    if len(est.classes_) == 2 and not est.coding_.is_multilabel:
        scores = graph("Concat", graph("Neg", scores), scores, axis=1)
    graph("Identity", scores, name="scores")
    graph.declare_output("scores", np.float64, len(est.classes_))


def _add_probabilities(graph: Graph, est: Any, outputs: str) -> None:
    """Add the result of ``predict_proba``."""
    p = _probabilities(graph, est.coding_, outputs)
    graph.cast(p, "FLOAT", name="probabilities")
    graph.declare_output("probabilities", np.float32, len(est.classes_))


def _probabilities(graph: Graph, coding: Any, outputs: str) -> str:
    """Add a column of probabilities for each class or label."""
    if coding.has_logits:
        p = (
            graph("Softmax", outputs, axis=1)
            if coding.is_exclusive
            else graph("Sigmoid", outputs)
        )
    else:
        p = _decoded(graph, outputs, coding.low, coding.high)
        if coding.is_exclusive:
            p = graph("Div", p, graph("ReduceSum", p, np.array([1])))
    if coding.is_multilabel or coding.is_exclusive:
        return p
    complement = graph("Sub", 1.0, p)
    if len(coding.classes) == 2:
        return graph("Concat", complement, p, axis=1)
    return graph("Add", complement, p)


def _decoded(graph: Graph, outputs: str, low: float, high: float) -> str:
    """Add the operations of :func:`sk_effprop.core.targets.decode_probabilities`."""
    p = graph("Div", graph("Sub", outputs, low), high - low)
    floor, top = PROBABILITY_FLOOR, 1.0 - PROBABILITY_FLOOR
    below = graph("Max", graph("Sub", floor, p), 0.0)
    above = graph("Max", graph("Sub", p, top), 0.0)
    below, above = (graph("Div", x, graph("Add", x, 1.0)) for x in (below, above))
    squeezed = graph("Mul", graph("Sub", above, below), floor)
    return graph("Add", graph("Min", graph("Max", p, floor), top), squeezed)


def _add_values(graph: Graph, est: Any, outputs: str) -> None:
    """Add the result of ``predict``, always with two dimensions."""
    if est.out_activation_ == "exp":
        logarithm = graph("Add", outputs, np.log(est.coding_.scale))
        bounded = graph("Max", graph("Min", logarithm, LARGEST_LOG), -LARGEST_LOG)
        values = graph("Exp", bounded)
    else:
        scaled = graph("Mul", outputs, est.coding_.scale)
        values = graph("Add", scaled, est.coding_.mean)
    graph.cast(values, "FLOAT", name="variable")
    graph.declare_output("variable", np.float32, est.n_outputs_)
