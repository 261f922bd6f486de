"""Copying of an ONNX graph into the model that skl2onnx is building."""

from typing import Any

from sk_effprop.export._onnx_graph import ML_OPSET, SMALLEST_OPSET, Graph
from sk_effprop.export._table import holds_text


class Copy:
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
        """Return the name of the column in the type it needs; cast integers to text."""
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
        """Map a name of the container to a new name in the graph, and return that."""
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
