"""Converters for skl2onnx, so that Pipelines with our estimators become ONNX models.

They copy the graph of :func:`~sk_effprop.export.to_onnx` into the model that skl2onnx
is making, under names that are new there.
"""

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from sk_effprop.export._fitted import check_one_column, fitted_network
from sk_effprop.export._onnx import (
    add_inputs,
    add_normalization,
    label_table,
    network_graph,
)
from sk_effprop.export._onnx_graph import ML_OPSET, SMALLEST_OPSET, Graph
from sk_effprop.export._onnx_table import Source, add_table
from sk_effprop.export._table import holds_numbers_only, holds_text

# What skl2onnx calls the options that its own classifiers have.
CLASSIFIER_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}


def register_skl2onnx() -> None:
    """Teach skl2onnx to convert the estimators and transformers of this package.

    Afterwards, ``skl2onnx.to_onnx`` and ``convert_sklearn`` accept them, alone and in a
    Pipeline, a ColumnTransformer, or another model that skl2onnx converts.  Calling it
    again does no harm.

    Returns
    -------
    None

    Raises
    ------
    ImportError
        If skl2onnx, a part of the extra "onnx", is not installed.

    See Also
    --------
    to_onnx : Conversion of a single network, with class labels of any type.

    Notes
    -----
    The options of skl2onnx's classifiers are accepted: "zipmap", "nocl", "raw_scores"
    and "output_class_labels".  ``options={"zipmap": False}`` makes the probabilities a
    tensor.  Labels are int64 or strings, and outputs have the precision of the inputs,
    as with other models of skl2onnx.

    Examples
    --------
    >>> import numpy as np
    >>> import skl2onnx
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import PolynomialFeatures
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.export import register_skl2onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = EffPropClassifier((5,), random_state=0)
    >>> pipeline = make_pipeline(PolynomialFeatures(2), classifier).fit(X, y)
    >>> register_skl2onnx()
    >>> model = skl2onnx.to_onnx(
    ...     pipeline, X[:1].astype(np.float32), options={"zipmap": False}
    ... )
    >>> [output.name for output in model.graph.output]
    ['label', 'probabilities']
    """
    try:
        import skl2onnx
    except ImportError as error:
        raise ImportError(
            "register_skl2onnx needs skl2onnx, a part of the extra 'onnx': "
            "pip install 'sk_effprop[onnx]'."
        ) from error
    from sk_effprop._tables import TableEncoder
    from sk_effprop.estimators._classifier import EffPropClassifier
    from sk_effprop.estimators._regressor import EffPropRegressor
    from sk_effprop.preprocessing import InputNormalizer

    register = skl2onnx.update_registered_converter
    register(
        EffPropClassifier,
        "SkEffpropEffPropClassifier",
        _set_classifier_types,
        _convert_network,
        options=CLASSIFIER_OPTIONS,
    )
    register(
        EffPropRegressor,
        "SkEffpropEffPropRegressor",
        _set_regressor_types,
        _convert_network,
    )
    register(
        InputNormalizer,
        "SkEffpropInputNormalizer",
        _set_normalizer_types,
        _convert_normalizer,
    )
    register(
        TableEncoder, "SkEffpropTableEncoder", _set_encoder_types, _convert_encoder
    )


# -------------------------------------------------------------------------------- types


def _set_classifier_types(operator: Any) -> None:
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType
    from skl2onnx.common.utils_classifier import get_label_classes

    est = operator.raw_operator
    check_one_column(est, "skl2onnx")
    labels = np.asarray(get_label_classes(operator.scope_inst, est))
    n = operator.inputs[0].get_first_dimension()
    shape = [n, est.n_outputs_] if est.coding_.is_multilabel else [n]
    kind = Int64TensorType if labels.dtype.kind in "biuf" else StringTensorType
    operator.outputs[0].set_type(kind(shape))
    operator.outputs[1].set_type(_real_type(operator)([n, len(labels)]))


def _set_regressor_types(operator: Any) -> None:
    n_outputs = operator.raw_operator.n_outputs_
    n = operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(_real_type(operator)([n, n_outputs]))


def _set_normalizer_types(operator: Any) -> None:
    n_columns = operator.raw_operator.n_features_in_
    n = operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(_real_type(operator)([n, n_columns]))


def _set_encoder_types(operator: Any) -> None:
    n_inputs = len(operator.raw_operator.source_)
    n = operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(_real_type(operator)([n, n_inputs]))


def _real_type(operator: Any) -> Any:
    """Type of the outputs: double for inputs that are, otherwise float."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    kinds = {type(variable.type) for variable in operator.inputs}
    return DoubleTensorType if DoubleTensorType in kinds else FloatTensorType


# --------------------------------------------------------------------------- converters


def _convert_network(scope: Any, operator: Any, container: Any) -> None:
    import onnx

    est = operator.raw_operator
    fitted_network(est, "skl2onnx")
    check_one_column(est, "skl2onnx")
    asked = {}
    if is_classifier(est):
        options = container.get_options(est, {"raw_scores": False})
        asked = {"labels": _labels(scope, est), "raw_scores": options["raw_scores"]}
    graph, copied = Graph(onnx), _Copy(scope, operator, container)
    source, kind = _source(copied, est.table_encoder_), _kind_of_levels(operator)
    x = add_inputs(graph, est, source, kind)
    copied.add(network_graph(est, graph, x, **asked))


def _convert_normalizer(scope: Any, operator: Any, container: Any) -> None:
    import onnx

    record, graph = operator.raw_operator.normalization_, Graph(onnx)
    copied = _Copy(scope, operator, container)
    x = graph.cast(copied.matrix(), "DOUBLE")
    z = add_normalization(graph, x, record.shift, record.A, record.clip)
    graph("Identity", z, name="variable")
    graph.declare_output("variable", np.float64, operator.raw_operator.n_features_in_)
    copied.add(graph)


def _convert_encoder(scope: Any, operator: Any, container: Any) -> None:
    import onnx

    encoder, graph = operator.raw_operator, Graph(onnx)
    copied = _Copy(scope, operator, container)
    source, kind = _source(copied, encoder), _kind_of_levels(operator)
    numbers = add_table(graph, encoder, source, kind)
    graph("Identity", numbers, name="variable")
    graph.declare_output("variable", np.float64, len(encoder.source_))
    copied.add(graph)


def _source(copied: "_Copy", encoder: Any) -> Source:
    """A matrix, or the columns of a table if its encoder needs them."""
    is_one = len(copied.operator.inputs) == 1
    if encoder is None or (is_one and holds_numbers_only(encoder)):
        return copied.matrix()
    return copied.columns(encoder)


def _kind_of_levels(operator: Any) -> str:
    """Type in which levels are compared: float32 if an input is."""
    from skl2onnx.common.data_types import FloatTensorType

    kinds = [type(variable.type) for variable in operator.inputs]
    return "FLOAT" if FloatTensorType in kinds else "DOUBLE"


def _labels(scope: Any, est: Any) -> Any:
    """Class labels in a type that skl2onnx has: int64 or strings."""
    from skl2onnx.common.utils_classifier import get_label_classes

    labels = label_table(np.asarray(get_label_classes(scope, est)))
    # floats are whole numbers, as scikit-learn accepts no others as labels
    return labels.astype(np.int64) if labels.dtype.kind in "bf" else labels


class _Copy:
    """Copies a graph into a container of skl2onnx.

    The inputs of the graph are names that :meth:`matrix` or :meth:`columns` returns.
    """

    def __init__(self, scope: Any, operator: Any, container: Any) -> None:
        if container.target_opset < SMALLEST_OPSET:
            raise ValueError(
                f"target_opset must be at least {SMALLEST_OPSET} for networks of "
                f"sk_effprop, got {container.target_opset}."
            )
        self.scope, self.operator, self.container = scope, operator, container
        self.names: dict[str, str] = {}

    def add(self, graph: Graph) -> None:
        """Add all constants and nodes, and connect the outputs of the operator."""
        for constant in graph.constants:
            self._add_constant(graph, constant)
        for node in graph.nodes:
            self._add_node(graph, node)
        for output, variable in zip(graph.outputs, self.operator.outputs, strict=True):
            self._connect(self.names[output.name], variable)

    def matrix(self) -> str:
        """Name of the input, with several columns side by side."""
        import onnx

        names = [variable.full_name for variable in self.operator.inputs]
        if len(names) == 1:
            return self._given(names[0])
        columns = [self._new("column") for _ in names]
        for name, column in zip(names, columns, strict=True):
            self._node("Cast", [name], [column], to=onnx.TensorProto.DOUBLE)
        self._node("Concat", columns, [joined := self._new("columns")], axis=1)
        return self._given(joined)

    def columns(self, encoder: Any) -> list[str]:
        """Name of each column of a table, in the type that its kind needs."""
        found = [
            (name, variable.type)
            for variable in self.operator.inputs
            for name in self._columns_of(variable)
        ]
        if len(found) != encoder.n_features_in_:
            raise ValueError(
                f"skl2onnx has inputs with {len(found)} columns, but the table that "
                f"was fitted has {encoder.n_features_in_}. Pass initial_types with an "
                "entry of shape [None, 1] for each column."
            )
        return [
            self._given(self._typed(name, kind, encoder, j))
            for j, (name, kind) in enumerate(found)
        ]

    def _columns_of(self, variable: Any) -> list[str]:
        import onnx

        n_columns = variable.type.shape[1]
        if n_columns == 1:
            return [variable.full_name]
        names = [self._new("column") for _ in range(n_columns)]
        for j, name in enumerate(names):
            at = self._new("position")
            self.container.add_initializer(at, onnx.TensorProto.INT64, [1], [j])
            self._node("Gather", [variable.full_name, at], [name], axis=1)
        return names

    def _typed(self, name: str, kind: Any, encoder: Any, j: int) -> str:
        """A column as text or as a number; integers are also text."""
        import onnx
        from skl2onnx.common.data_types import Int64TensorType, StringTensorType

        is_text, needs_text = isinstance(kind, StringTensorType), holds_text(encoder, j)
        if is_text == needs_text:
            return name
        if is_text or not isinstance(kind, Int64TensorType):
            needed = "StringTensorType" if needs_text else "DoubleTensorType"
            raise ValueError(
                f"Column {j} is a {encoder.kinds_[j]} that needs {needed}, and "
                f"skl2onnx has {type(kind).__name__}. Pass initial_types with an entry "
                "of shape [None, 1] for each column."
            )
        self._node(
            "Cast", [name], [text := self._new("text")], to=onnx.TensorProto.STRING
        )
        return text

    def _given(self, name: str) -> str:
        """What the graph calls a result of the container."""
        own = f"X_{len(self.names)}"
        self.names[own] = name
        return own

    def _add_constant(self, graph: Graph, constant: Any) -> None:
        name = self.names[constant.name] = self._new(constant.name)
        if constant.data_type == graph.onnx.TensorProto.STRING:
            values = list(constant.string_data)
            self.container.add_initializer(
                name, constant.data_type, list(constant.dims), values
            )
        else:
            self.container.add_initializer(name, None, None, constant)

    def _add_node(self, graph: Graph, node: Any) -> None:
        attributes = {
            one.name: graph.onnx.helper.get_attribute_value(one)
            for one in node.attribute
        }
        inputs = [self.names[name] for name in node.input]
        outputs = [self.names.setdefault(n, self._new(n)) for n in node.output]
        self._node(node.op_type, inputs, outputs, node.domain, **attributes)

    def _connect(self, name: str, variable: Any) -> None:
        from skl2onnx.common.data_types import StringTensorType, guess_proto_type

        if isinstance(variable.type, StringTensorType):
            self._node("Identity", [name], [variable.full_name])
        else:
            to = guess_proto_type(variable.type)
            self._node("Cast", [name], [variable.full_name], to=to)

    def _node(
        self, op: str, inputs: Any, outputs: Any, domain: str = "", **attributes: Any
    ) -> None:
        self.container.add_node(
            op,
            inputs,
            outputs,
            name=self.scope.get_unique_operator_name(op),
            op_domain=domain,
            op_version=ML_OPSET if domain else SMALLEST_OPSET,
            **attributes,
        )

    def _new(self, name: str) -> str:
        return str(self.scope.get_unique_variable_name(f"effprop_{name}"))
